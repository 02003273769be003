import type { Shape } from '../domain/dialect.ts';
import { sizeInWords } from '../domain/models.ts';
import { ApiError, type ApiErrorDetails } from '../http-server/api-error.ts';
import type { Reply } from '../http-server/call.ts';
import { errorReply, jsonReply } from '../http-server/replies.ts';
import { type CreateRequest, parseCreateRequest } from './create-request.ts';
import { parseGuideRequest, parseNewApiRequest } from './generation-request.ts';
import type { Video } from './job.ts';
import { videoNotFound } from './refusals.ts';
import type { RequestBody } from './request-body.ts';

/** How a dialect reads a create and words its answers. Jobs, faults and clips are the same in all of them. */
export interface SimulatedDialect {
  parseCreate(body: RequestBody): CreateRequest;
  /** The answer to a create. */
  announce(video: Video): object;
  /** The answer to a look; the clip lies at this address once it is made. */
  describe(video: Video, contentUrl: string): object;
  /** The answer to a removal; null where there is no such call. */
  readonly farewell: ((id: string) => object) | null;
  unknownJob(id: string): ApiError;
  refuse(details: ApiErrorDetails): Reply;
}

export const VIDEOS: SimulatedDialect = {
  parseCreate: parseCreateRequest,
  announce: (video) => video,
  describe: (video) => video,
  farewell: (id) => ({ id, object: 'video.deleted', deleted: true }),
  unknownJob: videoNotFound,
  refuse: errorReply,
};

type StatusWords = Readonly<Record<Video['status'], string>>;

const GUIDE_WORDS: StatusWords = {
  queued: 'pending',
  in_progress: 'processing',
  completed: 'completed',
  failed: 'failed',
};

const GUIDE: SimulatedDialect = {
  ...VIDEOS,
  parseCreate: parseGuideRequest,
  announce: (video) => describeForGuide(video, null),
  describe: (video, contentUrl) => describeForGuide(video, video.status === 'completed' ? contentUrl : null),
  farewell: (id) => ({ id, status: 'cancelled' }),
};

function describeForGuide(video: Video, videoUrl: string | null): object {
  const { id, model, status, progress, prompt, seconds, size, created_at, completed_at, expires_at, error } = video;
  const words = sizeInWords(size, undefined);
  return {
    id,
    object: 'video.generation',
    model,
    status: GUIDE_WORDS[status],
    progress,
    prompt,
    duration: Number(seconds),
    resolution: words?.resolution ?? null,
    orientation: words?.orientation ?? null,
    created_at,
    completed_at,
    expires_at,
    video_url: videoUrl,
    error,
  };
}

const NEW_API_WORDS: StatusWords = {
  queued: 'QUEUED',
  in_progress: 'IN_PROGRESS',
  completed: 'SUCCESS',
  failed: 'FAILURE',
};

const NEW_API: SimulatedDialect = {
  parseCreate: parseNewApiRequest,
  announce: ({ id, model, status, progress, created_at }) => ({
    id,
    task_id: id,
    object: 'video',
    model,
    status,
    progress,
    created_at,
  }),
  describe: ({ id, status, progress, error }, contentUrl) => ({
    code: 'success',
    message: '',
    data: {
      task_id: id,
      status: NEW_API_WORDS[status],
      progress: `${progress}%`,
      result_url: status === 'completed' ? contentUrl : '',
      fail_reason: error?.message ?? '',
    },
  }),
  farewell: null,
  unknownJob: () => new ApiError({ status: 400, code: 'task_not_exist', message: 'task_not_exist' }),
  refuse: ({ status, code, type, message, headers }) =>
    jsonReply({ code: code ?? type ?? 'invalid_request', message, data: null }, headers, status),
};

/** Dialect `generations` in either shape. */
export const GENERATIONS: Readonly<Record<Shape, SimulatedDialect>> = { guide: GUIDE, 'new-api': NEW_API };
