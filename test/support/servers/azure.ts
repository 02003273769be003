import { mp4 } from './clips.ts';
import { OPENAI_MANNERS, openai } from './openai.ts';
import { KEY, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** Azure: another base URL, another key header, errors with more fields, and empty replies to a delete. */
export const azure = played({
  ...openai,
  name: 'Azure',
  section: 'azure',
  basePath: '/openai/v1',
  settings: { auth: 'api-key', model: 'my-sora-deployment' },
  options: ['-d', '4', '--size', '1280x720'],
  abilities: { ...openai.abilities, thumbnail: 'not_supported' },
  refusal: ['moderation_blocked', 'The response was filtered'],
  failure: ['job_failed', 'processing_error'],
  unknownId: ['video_not_found', 'the requested video does not exist'],
  play: () =>
    playing('/openai/v1/videos', {
      ...OPENAI_MANNERS,
      create(call, jobs) {
        if (call.request.headers['api-key'] !== KEY) {
          return {
            status: 401,
            body: { error: { code: '401', message: 'Access denied due to invalid subscription key' } },
          };
        }
        if (call.fields.prompt !== REFUSED_PROMPT) return OPENAI_MANNERS.create(call, jobs);
        const innererror = { code: 'ResponsibleAIPolicyViolation' };
        return {
          status: 400,
          body: { error: { code: 'content_filter', message: 'The response was filtered', innererror } },
        };
      },
      content: (_, { query }) =>
        query.has('variant') ? { status: 400, body: { error: { code: '400', message: 'no such variant' } } } : mp4,
      remove: () => ({ status: 204 }),
      unknown: () => ({ status: 404, body: { error: { code: '404', message: 'the requested video does not exist' } } }),
    }),
});
