import type { SHAPES } from '../domain/dialect.ts';
import { sizeInWords } from '../domain/models.ts';
import { jsonReply, type ServerReply } from '../http-server/handler.ts';
import { ApiError, type ApiErrorDetails, errorReply, videoNotFound } from './api-error.ts';
import { type CreateRequest, parseCreateRequest } from './create-request.ts';
import { parseGuideRequest, parseNewApiRequest } from './generation-request.ts';
import type { Video } from './job.ts';
import type { RequestBody } from './request-body.ts';

/** How a dialect reads a create and words its replies. Jobs, faults and clips are the same in all of them. */
export interface SimulatedDialect {
  parseCreate(body: RequestBody): CreateRequest;
  createReply(video: Video): object;
  /** The reply to a poll; `contentUrl` is where the finished clip can be downloaded. */
  jobReply(video: Video, contentUrl: string): object;
  /** Null where the dialect has no such call. */
  readonly deleteReply: ((id: string) => object) | null;
  unknownJob(id: string): ApiError;
  refuse(details: ApiErrorDetails): ServerReply;
}

export const VIDEOS: SimulatedDialect = {
  parseCreate: parseCreateRequest,
  createReply: (video) => video,
  jobReply: (video) => video,
  deleteReply: (id) => ({ id, object: 'video.deleted', deleted: true }),
  unknownJob: videoNotFound,
  refuse: errorReply,
};

type StatusNames = Readonly<Record<Video['status'], string>>;

const GUIDE_STATUSES: StatusNames = {
  queued: 'pending',
  in_progress: 'processing',
  completed: 'completed',
  failed: 'failed',
};

const GUIDE: SimulatedDialect = {
  ...VIDEOS,
  parseCreate: parseGuideRequest,
  createReply: (video) => describeForGuide(video, null),
  jobReply: (video, contentUrl) => describeForGuide(video, video.status === 'completed' ? contentUrl : null),
  deleteReply: (id) => ({ id, status: 'cancelled' }),
};

function describeForGuide(video: Video, videoUrl: string | null): object {
  const { id, model, status, progress, prompt, seconds, size, created_at, completed_at, expires_at, error } = video;
  const words = sizeInWords(size, undefined);
  return {
    id,
    object: 'video.generation',
    model,
    status: GUIDE_STATUSES[status],
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

const NEW_API_STATUSES: StatusNames = {
  queued: 'QUEUED',
  in_progress: 'IN_PROGRESS',
  completed: 'SUCCESS',
  failed: 'FAILURE',
};

const NEW_API: SimulatedDialect = {
  parseCreate: parseNewApiRequest,
  createReply: ({ id, model, status, progress, created_at }) => ({
    id,
    task_id: id,
    object: 'video',
    model,
    status,
    progress,
    created_at,
  }),
  jobReply: ({ id, status, progress, error }, contentUrl) => ({
    code: 'success',
    message: '',
    data: {
      task_id: id,
      status: NEW_API_STATUSES[status],
      progress: `${progress}%`,
      result_url: status === 'completed' ? contentUrl : '',
      fail_reason: error?.message ?? '',
    },
  }),
  deleteReply: null,
  unknownJob: () => new ApiError({ status: 400, code: 'task_not_exist', message: 'task_not_exist' }),
  refuse: ({ status, code, type, message, headers }) =>
    jsonReply({ code: code ?? type ?? 'invalid_request', message, data: null }, headers, status),
};

/** Dialect `generations` in either shape. */
export const GENERATIONS: Readonly<Record<(typeof SHAPES)[number], SimulatedDialect>> = {
  guide: GUIDE,
  'new-api': NEW_API,
};
