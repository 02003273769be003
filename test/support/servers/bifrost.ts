import type { ScriptedReply } from '../scripted-server.ts';
import { mp4, webp } from './clips.ts';
import { videoOf } from './openai.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

function refused(status: number, message: string): ScriptedReply {
  return { status, body: { is_bifrost_error: false, status_code: status, error: { message }, extra_fields: {} } };
}

const NO_PROVIDER = 'video_id must be in id:provider format';

/** Bifrost: JSON only; models and ids include the provider, and a list needs it as a parameter. */
export const bifrost = played({
  name: 'Bifrost',
  section: 'bifrost',
  basePath: '/v1',
  settings: { preset: 'bifrost', 'list_query.provider': 'openai' },
  options: ['-m', 'openai/sora-2', '-d', '4'],
  abilities: ALL,
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', 'the provider does not take this prompt'],
  failure: ['job_failed', 'processing_error'],
  unknownId: ['invalid_request', NO_PROVIDER],
  play: (origin) =>
    playing('/v1/videos', {
      create({ isForm, fields }, jobs) {
        const { model, seconds = '8', prompt, input_reference: image = '' } = fields;
        if (isForm) return refused(400, 'Invalid request format');
        if (typeof model !== 'string' || !model.includes('/'))
          return refused(400, 'model should be in provider/model format');
        if (typeof seconds !== 'string' || typeof image !== 'string') return refused(400, 'Invalid request format');
        if (prompt === REFUSED_PROMPT) return refused(400, 'the provider does not take this prompt');
        const job = jobs.add(`video_${jobs.all.length}:openai`, { ...fields, model: model.split('/')[1] });
        return { body: videoOf(job, 'queued') };
      },
      list: (jobs, { query }) =>
        query.get('provider') === 'openai'
          ? { body: { object: 'list', data: jobs.all.map((job) => videoOf(job, jobs.look(job))), extra_fields: {} } }
          : refused(400, 'provider query parameter is required'),
      look(job, stage) {
        const url = `${origin()}/files/${job.id}`;
        const videos = stage === 'done' ? [{ type: 'url', url, content_type: 'video/mp4' }] : [];
        return { body: { ...videoOf(job, stage), videos, extra_fields: { provider: 'openai' } } };
      },
      content: (_, { query }) => (query.get('variant') === 'thumbnail' ? webp : mp4),
      remove: ({ id }) => ({ body: { id, object: 'video.deleted', deleted: true, extra_fields: {} } }),
      unknown: ({ id }) =>
        id.includes(':') ? refused(404, `Video with id '${id}' not found`) : refused(400, NO_PROVIDER),
      noRoute: () => refused(404, 'Route not found'),
    }),
});
