import type { JsonObject, JsonValue } from '../../src/domain/json.ts';

/** Jobs as servers describe them, one or two per server. */
export const JOB_REPLIES: Readonly<Record<string, JsonObject>> = {
  openai: {
    id: 'video_123',
    object: 'video',
    created_at: 1_763_053_953,
    status: 'completed',
    completed_at: 1_763_054_021,
    error: null,
    expires_at: 1_763_057_621,
    model: 'sora-2',
    progress: 100,
    prompt: 'aurora',
    remixed_from_video_id: null,
    seconds: '4',
    size: '1280x720',
  },
  'openai, failed': {
    id: 'video_124',
    status: 'failed',
    progress: 99,
    error: { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' },
  },
  litellm: { id: 'dmlkZW9fMTIzNDU2Nzg5MA+/=='.repeat(6), object: 'video', status: 'processing', model: 'sora-2' },
  sglang: { id: '0b6f0c1e-6f6a-4a52-8a53-1a63c5a3b7c1', status: 'queued', progress: 0, size: '832x480', seconds: '4' },
  dynamo: {
    id: 'v-1',
    object: 'video',
    status: 'completed',
    created: 0,
    data: [{ url: null, b64_json: 'AAAAGGZ0eXA=' }],
  },
  'new api, submitted': {
    id: 'task_x',
    task_id: 'task_x',
    object: 'video',
    status: 'queued',
    progress: 0,
    created_at: 1_763_053_953,
  },
  'new api, wrapped': {
    code: 'success',
    message: '',
    data: {
      task_id: 'task_x',
      status: 'SUCCESS',
      progress: '100%',
      result_url: 'https://cdn.example/v.mp4',
      fail_reason: '',
    },
  },
  'new api, unwrapped': {
    task_id: 'task_x',
    status: 'succeeded',
    url: 'https://cdn.example/v.mp4',
    format: 'mp4',
    metadata: { duration: 5, fps: 24 },
    error: null,
  },
  'new api, failed': { code: 'success', data: { task_id: 'task_x', status: 'FAILURE', fail_reason: 'no GPU is free' } },
  qvac: {
    id: 'video-1',
    status: 'in_progress',
    progress: 12.5,
    created_at: 1_763_053_953,
    expires_at: 253_402_300_799,
  },
  'openrouter, accepted': { id: 'gen-vid-1', polling_url: '/api/v1/videos/gen-vid-1', status: 'pending' },
  openrouter: {
    id: 'gen-vid-1',
    generation_id: 'gen-1',
    polling_url: 'https://openrouter.ai/api/v1/videos/gen-vid-1',
    status: 'completed',
    unsigned_urls: ['https://openrouter.ai/api/v1/videos/gen-vid-1/content?index=0'],
    usage: { cost: 0.25, is_byok: false },
  },
  'openrouter, failed': { id: 'gen-vid-2', status: 'failed', error: 'the provider refused the prompt' },
  aimock: { id: 'video_mock', status: 'completed', created_at: 1_763_053_953, url: 'https://cdn.example/v.mp4' },
  reseller: { id: 'r-1', status: 'processing', meta_data: { url: '' }, video_url: null },
  guide: { id: 'video_9', status: 'processing', progress: 40, duration: 5, resolution: '720p', video_url: null },
};

/** Refusals with the same message in every known envelope. */
export function errorReplies(words: string): readonly JsonValue[] {
  return [
    { error: { message: words, type: 'invalid_request_error', param: null, code: null } },
    { error: { message: words, type: 'server_error', code: '500' } },
    { error: { code: '429', message: words, innererror: { code: 'Throttled' } } },
    { error: words },
    { detail: words },
    { detail: [{ type: 'missing', loc: ['body', 'prompt'], msg: words }] },
    { message: words },
    { code: 'task_not_exist', message: words, data: null },
    { type: 'about:blank', title: 'Bad Request', status: 400, detail: words },
    { status: 'failure', message: words },
    words,
    [words],
  ];
}
