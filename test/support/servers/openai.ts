import type { ReplyParts } from '../scripted-server.ts';
import { mp4, webp } from './clips.ts';
import type { PlayedJob, Stage } from './played-jobs.ts';
import { ALL, type Manners, played, playing, REFUSED_PROMPT } from './played-server.ts';

const WORDS: Readonly<Record<Stage, string>> = {
  queued: 'queued',
  running: 'in_progress',
  done: 'completed',
  failed: 'failed',
};

/** The Video object of OpenAI. */
export function videoOf({ id, fields }: PlayedJob, stage: Stage): Record<string, unknown> {
  const { model, prompt, seconds, size } = fields;
  const error = { code: 'processing_error', message: 'the video could not be made' };
  return {
    id,
    object: 'video',
    created_at: 1_790_000_000,
    status: WORDS[stage],
    progress: stage === 'done' ? 100 : 0,
    error: stage === 'failed' ? error : null,
    model,
    prompt,
    seconds,
    size,
  };
}

export function envelope(status: number, message: string, code: string | number | null = null): ReplyParts {
  return { status, body: { error: { message, type: 'invalid_request_error', param: null, code } } };
}

/** What most servers copied from OpenAI unchanged. */
export const OPENAI_MANNERS: Manners = {
  create({ fields }, jobs) {
    if (fields.prompt === REFUSED_PROMPT) {
      return envelope(400, 'Your request was blocked by our moderation system.', 'moderation_blocked');
    }
    return { body: videoOf(jobs.add(`video_${jobs.all.length}`, fields), 'queued') };
  },
  list(jobs) {
    const data = jobs.all.map((job) => videoOf(job, jobs.look(job)));
    return { body: { object: 'list', data, first_id: null, last_id: data.at(-1)?.id ?? null, has_more: false } };
  },
  look: (job, stage) => ({ body: videoOf(job, stage) }),
  content: (_, { query }) => (query.get('variant') === 'thumbnail' ? webp : mp4),
  remove: ({ id }) => ({ body: { id, object: 'video.deleted', deleted: true } }),
  unknown: ({ id }) => envelope(404, `Video with id '${id}' not found`),
  noRoute: ({ request }) => envelope(404, `Invalid URL (${request.method} ${request.path})`),
};

export const openai = played({
  name: 'OpenAI, until its end',
  section: 'openai',
  basePath: '/v1',
  settings: {},
  options: ['-d', '4'],
  abilities: ALL,
  extension: 'mp4',
  posts: 1,
  refusal: ['moderation_blocked', 'Your request was blocked by our moderation system.'],
  failure: ['job_failed', 'processing_error: the video could not be made'],
  unknownId: ['video_not_found', "Video with id 'video_nope' not found"],
  play: () => playing('/v1/videos', OPENAI_MANNERS),
});
