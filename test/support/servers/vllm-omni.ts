import { mp4 } from './clips.ts';
import { envelope, OPENAI_MANNERS } from './openai.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** vLLM-Omni accepts forms only: in JSON it finds no fields. It has its own parameters, and no thumbnails. */
export const vllmOmni = played({
  name: 'vLLM-Omni',
  section: 'vllm-omni',
  basePath: '/v1',
  settings: {},
  options: ['-m', 'Wan-AI/Wan2.2-T2V', '-d', '3', '--size', '832x480', '--param', 'num_inference_steps=4'],
  abilities: { ...ALL, thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 2,
  refusal: ['invalid_request', 'prompt: too odd'],
  failure: ['job_failed', 'processing_error'],
  unknownId: ['video_not_found', 'Video video_nope not found.'],
  play: () =>
    playing('/v1/videos', {
      ...OPENAI_MANNERS,
      create(call, jobs) {
        const missing = { type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: null };
        if (!call.isForm) return { status: 422, body: { detail: [missing] } };
        if (call.fields.prompt !== REFUSED_PROMPT) return OPENAI_MANNERS.create(call, jobs);
        return { status: 422, body: { detail: [{ loc: ['prompt'], msg: 'too odd' }] } };
      },
      content: () => mp4,
      unknown: ({ id }) => envelope(404, `Video ${id} not found.`, 404),
    }),
});
