import type { ScriptedReply } from '../scripted-server.ts';
import { mp4 } from './clips.ts';
import { envelope } from './openai.ts';
import { type PlayedJob, type Stage, stageOf } from './played-jobs.ts';
import { ALL, type Manners, played, playing, REFUSED_PROMPT } from './played-server.ts';

function refused(code: string, message = code): ScriptedReply {
  return { status: 400, body: { code, message, data: null } };
}

/** The server forwards the clip, and replies with 400 until there is one. */
function contentOf(job: PlayedJob): ScriptedReply {
  return stageOf(job) === 'done' ? mp4 : refused('invalid_request', 'task is not completed yet');
}

const MANNERS: Manners = {
  create({ fields }, jobs) {
    if (fields.prompt === REFUSED_PROMPT) return refused('invalid_request', 'the prompt is too odd');
    const { id } = jobs.add(`task_${jobs.all.length}`, fields);
    return { body: { id, task_id: id, object: 'video', status: 'queued', progress: 0, created_at: 1_790_000_000 } };
  },
  unknown: () => refused('task_not_exist'),
  noRoute: ({ request }) => envelope(404, `Invalid URL (${request.method} ${request.path})`),
};

/** New API on the paths of OpenAI. */
export const newApiVideos = played({
  name: 'New API, dialect videos',
  section: null, // the same server on other paths
  basePath: '/v1',
  settings: {},
  options: ['-m', 'kling-v2', '-d', '5', '--size', '1280x720'],
  abilities: { ...ALL, list: 'ledger', cancel: 'cannot_cancel', remove: 'not_supported', thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', 'the prompt is too odd'],
  failure: ['job_failed', 'no channel is free'],
  unknownId: ['video_not_found', 'task_not_exist'],
  play: () =>
    playing('/v1/videos', {
      ...MANNERS,
      look({ id }, stage) {
        const words: Record<Stage, string> = {
          queued: 'queued',
          running: 'in_progress',
          done: 'completed',
          failed: 'failed',
        };
        const error = stage === 'failed' ? { message: 'no channel is free', code: 'task_failed' } : undefined;
        return { body: { id, object: 'video', status: words[stage], progress: 50, error } };
      },
      content: contentOf,
    }),
});

/** The same server on its own paths: wrapped replies, upper-case words, progress in percent, a URL for the clip. */
export const newApiGenerations = played({
  ...newApiVideos,
  name: 'New API, dialect generations',
  section: 'new-api',
  settings: { dialect: 'generations', shape: 'new-api' },
  play() {
    const clips = new Map<string, PlayedJob>();
    const answer = playing('/v1/video/generations', {
      ...MANNERS,
      create: (call, jobs) =>
        call.fields.duration === 5 ? MANNERS.create(call, jobs) : refused('invalid_request', 'duration is no int'),
      look(job, stage) {
        clips.set(`/v1/videos/${job.id}/content`, job);
        const words: Record<Stage, string> = {
          queued: 'NOT_START',
          running: 'IN_PROGRESS',
          done: 'SUCCESS',
          failed: 'FAILURE',
        };
        const data = {
          task_id: job.id,
          status: words[stage],
          progress: stage === 'done' ? '100%' : '30%',
          result_url: stage === 'done' ? `http://localhost:3000/v1/videos/${job.id}/content` : '',
          fail_reason: stage === 'failed' ? 'no channel is free' : '',
        };
        return { body: { code: 'success', message: '', data } };
      },
    });
    return (request) => {
      const job = clips.get(request.path);
      return job === undefined ? answer(request) : contentOf(job);
    };
  },
});
