import { avi } from './clips.ts';
import { envelope, OPENAI_MANNERS, videoOf } from './openai.ts';
import { stageOf } from './played-jobs.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** QVAC: strict types in requests, delayed content, and AVI files. */
export const qvac = played({
  name: 'QVAC',
  section: 'qvac',
  basePath: '/v1',
  settings: {},
  options: ['-m', 'wan-1.3b', '-d', '4'],
  abilities: { ...ALL, thumbnail: 'not_supported' },
  extension: 'avi',
  posts: 1,
  refusal: ['invalid_request', 'the prompt is too odd'],
  failure: ['job_failed', 'processing_error'],
  unknownId: ['video_not_found', "Video 'video_nope' does not exist"],
  play() {
    let early = 2;
    return playing('/v1/videos', {
      ...OPENAI_MANNERS,
      create(call, jobs) {
        const { model, seconds, prompt } = call.fields;
        if (typeof model !== 'string') return envelope(400, 'model is required');
        if (typeof seconds !== 'string') return envelope(400, 'seconds must be text');
        return prompt === REFUSED_PROMPT ? envelope(400, 'the prompt is too odd') : OPENAI_MANNERS.create(call, jobs);
      },
      look: (job, stage) => ({ body: { ...videoOf(job, stage), expires_at: 253_402_300_799 } }),
      content(job, { query }) {
        if (query.has('variant')) return envelope(501, 'thumbnails are not implemented');
        // Completed, but the file is not available yet.
        if (stageOf(job) === 'done' && early-- <= 0) return avi;
        return { ...envelope(409, 'the video is not ready'), headers: { 'retry-after': '1' } };
      },
      unknown: ({ id }) => envelope(404, `Video '${id}' does not exist`),
    });
  },
});
