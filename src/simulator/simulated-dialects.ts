import type { SHAPES } from '../domain/dialect.ts';
import { findModel, ORIENTATIONS, RESOLUTIONS, sizeInWords, sizeOf } from '../domain/models.ts';
import { jsonReply, type ServerReply } from '../http-server/handler.ts';
import { ApiError, type ApiErrorDetails, errorReply, invalidField } from './api-error.ts';
import {
  type CreateRequest,
  MAX_SECONDS,
  parseCreateRequest,
  readAnySize,
  readModel,
  readPrompt,
  readSupported,
  readText,
  refuseUnknownFields,
} from './create-request.ts';
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
  unknownJob: (id) => new ApiError({ status: 404, code: 'not_found', message: `Video with id '${id}' not found` }),
  refuse: errorReply,
};

const GUIDE_FIELDS = new Set(['model', 'prompt', 'duration', 'resolution', 'orientation', 'quality']);
const QUALITIES = ['standard', 'high'] as const;
const DEFAULT_SECONDS = 4;
const DEFAULT_SIZE = '1280x720';

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
  const { size, seconds, remixed_from_video_id: _, ...same } = video;
  const { resolution = null, orientation = null } = sizeInWords(size) ?? {};
  return {
    ...same,
    object: 'video.generation',
    status: GUIDE_STATUSES[video.status],
    duration: Number(seconds),
    resolution,
    orientation,
    video_url: videoUrl,
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

/** A create of dialect `generations` in the shape of the guide: any whole number of seconds, the frame in words. */
function parseGuideRequest(body: RequestBody): CreateRequest {
  const model = readModel(body);
  if (findModel(model)) refuseUnknownFields(body, GUIDE_FIELDS);
  const prompt = readPrompt(body);
  const seconds = readDuration(body);
  const resolution = readSupported(body, 'resolution', RESOLUTIONS) ?? '720p';
  const orientation = readSupported(body, 'orientation', ORIENTATIONS) ?? 'landscape';
  readSupported(body, 'quality', QUALITIES);
  return { model, prompt, seconds, size: sizeOf(resolution, orientation) };
}

/** The same in the shape of New API: the frame in pixels. Other fields are for the model and are ignored. */
function parseNewApiRequest(body: RequestBody): CreateRequest {
  const model = readModel(body);
  const prompt = readPrompt(body);
  const seconds = readDuration(body);
  readText(body, 'image');
  return { model, prompt, seconds, size: readAnySize(body, DEFAULT_SIZE) };
}

function readDuration({ fields }: RequestBody): string {
  const duration = fields.get('duration') ?? DEFAULT_SECONDS;
  if (typeof duration === 'number' && Number.isInteger(duration) && duration > 0 && duration <= MAX_SECONDS) {
    return String(duration);
  }
  const message = `Invalid value: ${JSON.stringify(duration)}. Expected a whole number of seconds from 1 to ${MAX_SECONDS}.`;
  throw invalidField('duration', 'invalid_value', message);
}
