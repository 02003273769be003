import { mp4 } from './clips.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** A reseller: changing fields, the video at another URL, errors in various forms. */
export const reseller = played({
  name: 'a reseller',
  section: 'reseller',
  basePath: '/v1',
  settings: {},
  options: ['-m', 'sora-2-hd', '-d', '10'],
  abilities: {
    ...ALL,
    list: 'ledger',
    cancel: 'cannot_cancel',
    remove: 'not_supported',
    thumbnail: 'not_supported',
  },
  extension: 'mp4',
  posts: 1,
  refusal: ['insufficient_quota', 'insufficient balance'],
  failure: ['job_failed', 'upstream said no'],
  unknownId: ['video_not_found', 'task not found'],
  play(origin) {
    const answer = playing('/v1/videos', {
      create({ fields }, jobs) {
        if (fields.prompt === REFUSED_PROMPT) {
          return { status: 402, body: { status: 'failure', message: 'insufficient balance' } };
        }
        const { id } = jobs.add(`r-${jobs.all.length}`, fields);
        return { body: { request_id: id, status: 'SUBMITTED', progress: '0%' } };
      },
      look({ id }, stage) {
        if (stage === 'failed') return { body: { status: 'error', error: 'upstream said no' } };
        if (stage !== 'done') return { body: { status: 'processing', error: '', created: 0 } };
        return { body: { id, status: 'Success', meta_data: { url: `${origin()}/cdn/${id}.mp4?sig=1` }, error: null } };
      },
      unknown: () => ({ status: 404, body: { message: 'task not found' } }),
      noRoute: () => ({ status: 404, body: '<!doctype html><title>404</title>' }),
    });
    return (request) => (request.path.startsWith('/cdn/') ? mp4 : answer(request));
  },
});
