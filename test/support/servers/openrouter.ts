import type { ScriptedReply } from '../scripted-server.ts';
import { mp4 } from './clips.ts';
import type { Stage } from './played-jobs.ts';
import { ALL, KEY, played, playing, REFUSED_PROMPT } from './played-server.ts';

function refused(code: number, message: string): ScriptedReply {
  return { status: code, body: { error: { code, message } } };
}

const WORDS: Readonly<Record<Stage, string>> = {
  queued: 'pending',
  running: 'in_progress',
  done: 'completed',
  failed: 'failed',
};

const VEO = {
  id: 'google/veo-3.1',
  supported_durations: [4, 6, 8],
  supported_resolutions: ['720p', '1080p'],
  supported_aspect_ratios: ['16:9', '4:3'],
  generate_audio: true,
  pricing_skus: { duration_seconds_with_audio: '0.08', duration_seconds_without_audio: '0.05' },
};

/** OpenRouter: 202 with a polling URL, its own names for length and size, the price at the end, and models with lengths, sizes and prices. */
export const openrouter = played({
  name: 'OpenRouter',
  section: 'openrouter',
  basePath: '/api/v1',
  settings: { dialect: 'openrouter' },
  options: ['-m', 'google/veo-3.1', '-d', '8', '-r', '720p', '-a', '4:3'],
  abilities: { ...ALL, list: 'ledger', cancel: 'cannot_cancel', remove: 'not_supported', thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', 'the provider does not take this prompt'],
  failure: ['job_failed', 'the provider gave up'],
  unknownId: ['video_not_found', 'Video job video_nope not found'],
  play: (origin) =>
    playing('/api/v1/videos', {
      create({ request, fields }, jobs) {
        const { prompt, duration, resolution, aspect_ratio: ratio } = fields;
        if (request.headers.authorization !== `Bearer ${KEY}`) return refused(401, 'No auth credentials found');
        if (prompt === REFUSED_PROMPT) return refused(400, 'the provider does not take this prompt');
        if (duration !== 8 || resolution !== '720p' || ratio !== '4:3') return refused(400, 'not in the model’s sets');
        const { id } = jobs.add(`gen-vid-${jobs.all.length}`, fields);
        return { status: 202, body: { id, polling_url: `/api/v1/videos/${id}?poll=1`, status: 'pending' } };
      },
      look({ id }, stage) {
        const content = `${origin()}/api/v1/videos/${id}/content?index=0`;
        const shared = { id, generation_id: 'gen-1', polling_url: `/api/v1/videos/${id}?poll=1`, status: WORDS[stage] };
        if (stage === 'failed') return { body: { ...shared, error: 'the provider gave up' } };
        if (stage !== 'done') return { body: shared };
        return { body: { ...shared, unsigned_urls: [content], usage: { cost: 0.25, is_byok: false } } };
      },
      content: (_, { request }) =>
        request.headers.authorization === `Bearer ${KEY}` ? mp4 : refused(401, 'No auth credentials found'),
      unknown: ({ id }) => (id === 'models' ? { body: { data: [VEO] } } : refused(404, `Video job ${id} not found`)),
      noRoute: () => refused(404, 'Not Found'),
    }),
});
