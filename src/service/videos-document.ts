import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { VARIANTS } from '../domain/video.ts';
import { BATCH_STATUSES } from '../simulator/batch-state.ts';
import { ApiErrorSchema, json, named } from './rest-schemas.ts';

const count = z.number().int();
/** Unix seconds. */
const time = count;
const text = z.string();

/** What a job has in both dialects. */
const job = {
  id: text,
  model: text,
  progress: z.number().min(0).max(100),
  created_at: time,
  completed_at: time.nullable(),
  expires_at: time.nullable(),
  error: z.object({ code: text, message: text }).nullable(),
};

const Video = named('Video', {
  ...job,
  object: z.literal('video'),
  status: z.enum(['queued', 'in_progress', 'completed', 'failed']),
  prompt: text.nullable(),
  size: text,
  seconds: text,
  remixed_from_video_id: text.nullable(),
});

const DeletedVideo = named('DeletedVideo', { id: text, object: z.literal('video.deleted'), deleted: z.literal(true) });

const Character = named('Character', { id: text, name: text, created_at: time });

const Model = named('Model', { id: text, object: z.literal('model'), created: time, owned_by: text });

const ModelList = named('ModelList', { object: z.literal('list'), data: z.array(Model) });

/** Dialect `generations` in the shape of the guide. */
const Generation = named('Generation', {
  ...job,
  object: z.literal('video.generation'),
  status: z.enum(['pending', 'processing', 'completed', 'failed']),
  prompt: text,
  duration: z.number(),
  resolution: text.nullable(),
  orientation: z.enum(ORIENTATIONS).nullable(),
  video_url: text.nullable(),
});

const CancelledGeneration = named('CancelledGeneration', { id: text, status: z.literal('cancelled') });

const FileObject = named('File', {
  id: text,
  object: z.literal('file'),
  bytes: count,
  created_at: time,
  expires_at: time.nullable(),
  filename: text,
  purpose: text,
  status: z.literal('processed'),
});

const DeletedFile = named('DeletedFile', { id: text, object: z.literal('file'), deleted: z.literal(true) });

const BatchError = z.object({ code: text, message: text, param: text.nullable(), line: count });

const Batch = named('Batch', {
  id: text,
  object: z.literal('batch'),
  endpoint: z.literal('/v1/videos'),
  model: text.nullable(),
  errors: z.object({ object: z.literal('list'), data: z.array(BatchError) }).nullable(),
  input_file_id: text,
  completion_window: z.literal('24h'),
  status: z.enum(BATCH_STATUSES),
  output_file_id: text.nullable(),
  error_file_id: text.nullable(),
  created_at: time,
  in_progress_at: time.nullable(),
  expires_at: time,
  finalizing_at: time.nullable(),
  completed_at: time.nullable(),
  failed_at: time.nullable(),
  expired_at: time.nullable(),
  cancelling_at: time.nullable(),
  cancelled_at: time.nullable(),
  request_counts: z.object({ total: count, completed: count, failed: count }),
  metadata: z.record(text, text).nullable(),
});

function pageOf<S extends z.ZodType>(item: S, name: string) {
  const ids = { first_id: text.nullable(), last_id: text.nullable() };
  return named(name, { object: z.literal('list'), data: z.array(item), ...ids, has_more: z.boolean() });
}

const paging = z.object({
  limit: count.min(0).optional(),
  after: text.optional(),
  order: z.enum(['asc', 'desc']).optional(),
});

const file = text.openapi({ format: 'binary' });
const prompt = text.min(1).max(32_000);
const seconds = text.openapi({ example: '4', description: 'sora-2 supports 4, 8, 12, 16 and 20.' });
const source = z.object({ id: text });

const createFields = {
  prompt,
  model: text.optional().openapi({ example: 'sora-2' }),
  seconds: seconds.optional(),
  size: text.optional().openapi({ example: '1280x720' }),
  callback_url: z
    .url()
    .optional()
    .describe('URL to notify when the video has ended; needs a server that was started with a webhook secret.'),
};
const imageReference = z.object({ file_id: text.optional(), image_url: text.optional() });

/** The fields and the query parameters of a call. */
interface Input {
  readonly json?: z.ZodObject;
  readonly form?: z.ZodObject;
  readonly query?: z.ZodObject;
}

const create: Input = {
  json: z.object({ ...createFields, input_reference: imageReference.optional() }),
  form: z.object({ ...createFields, input_reference: file.optional() }),
};
const listVideos: Input = { query: paging.extend({ limit: count.min(0).max(100).optional() }) };
const remix: Input = { json: z.object({ prompt }) };
const edit: Input = { json: z.object({ prompt, video: source }), form: z.object({ prompt, video: file }) };
const extend: Input = {
  json: z.object({ prompt, seconds, video: source }),
  form: z.object({ prompt, seconds, video: file }),
};
const createCharacter: Input = { form: z.object({ name: text, video: file }) };
const generation: Input = {
  json: z.object({
    prompt,
    model: text.optional(),
    duration: count.min(1).max(120).optional(),
    resolution: z.enum(RESOLUTIONS).optional(),
    orientation: z.enum(ORIENTATIONS).optional(),
    quality: z.enum(['standard', 'high']).optional(),
  }),
};
const upload: Input = { form: z.object({ purpose: z.enum(['batch', 'user_data', 'vision']), file }) };
const listFiles: Input = { query: paging.extend({ purpose: text.optional() }) };
const createBatch: Input = {
  json: z.object({
    input_file_id: text,
    endpoint: z.literal('/v1/videos'),
    completion_window: z.literal('24h'),
    metadata: z.record(text, text).nullable().optional(),
  }),
};

const OPERATIONS: readonly (readonly [
  method: 'get' | 'post' | 'delete',
  path: string,
  id: string,
  summary: string,
  reply: z.ZodType,
  input?: Input,
])[] = [
  ['post', '/v1/videos', 'createVideo', 'Create a video', Video, create],
  ['get', '/v1/videos', 'listVideos', 'List videos', pageOf(Video, 'VideoList'), listVideos],
  ['get', '/v1/videos/{id}', 'retrieveVideo', 'Retrieve a video', Video],
  ['delete', '/v1/videos/{id}', 'deleteVideo', 'Delete a video', DeletedVideo],
  ['post', '/v1/videos/{id}/remix', 'remixVideo', 'Remix a finished video with another prompt', Video, remix],
  ['post', '/v1/videos/edits', 'editVideo', 'Edit a finished or uploaded video', Video, edit],
  ['post', '/v1/videos/extensions', 'extendVideo', 'Extend a finished or uploaded video', Video, extend],
  ['post', '/v1/videos/characters', 'createCharacter', 'Create a character from a video', Character, createCharacter],
  ['get', '/v1/videos/characters/{id}', 'readCharacter', 'Retrieve a character', Character],
  [
    'post',
    '/v1/video/generations',
    'createGeneration',
    'Create a video in dialect `generations`',
    Generation,
    generation,
  ],
  ['get', '/v1/video/generations/{id}', 'readGeneration', 'Retrieve a video in dialect `generations`', Generation],
  [
    'delete',
    '/v1/video/generations/{id}',
    'cancelGeneration',
    'Cancel a video in dialect `generations`',
    CancelledGeneration,
  ],
  ['post', '/v1/files', 'uploadFile', 'Upload a file, for example the requests of a batch', FileObject, upload],
  ['get', '/v1/files', 'listFiles', 'List uploaded files', pageOf(FileObject, 'FileList'), listFiles],
  ['get', '/v1/files/{id}', 'retrieveFile', 'Retrieve a file', FileObject],
  ['delete', '/v1/files/{id}', 'deleteFile', 'Delete a file', DeletedFile],
  ['post', '/v1/batches', 'createBatch', 'Create the videos of an uploaded file, within a day', Batch, createBatch],
  ['get', '/v1/batches', 'listBatches', 'List batches', pageOf(Batch, 'BatchList'), { query: paging }],
  ['get', '/v1/batches/{id}', 'retrieveBatch', 'Retrieve a batch', Batch],
  ['post', '/v1/batches/{id}/cancel', 'cancelBatch', 'Cancel a batch; its finished videos stay', Batch],
  ['get', '/v1/models', 'listModels', 'List models', ModelList],
  ['get', '/v1/models/{id}', 'readModel', 'Retrieve a model', Model],
];

const common = { tags: ['Videos API'], security: [{ bearer: [] }] };
const failures = { default: { description: 'Any error', content: json(ApiErrorSchema) } };

/** Documents the simulator's API below `/v1`, which has its own router. */
export function addVideosDocument({ openAPIRegistry }: OpenAPIHono): void {
  for (const [method, path, operationId, summary, reply, { json: fields, form, query } = {}] of OPERATIONS) {
    const content = { ...(fields && json(fields)), ...(form && { 'multipart/form-data': { schema: form } }) };
    openAPIRegistry.registerPath({
      ...common,
      method,
      path,
      operationId,
      summary,
      request: {
        ...(path.includes('{id}') && { params: source }),
        ...(query && { query }),
        ...((fields || form) && { body: { required: true, content } }),
      },
      responses: { 200: { description: summary, content: json(reply) }, ...failures },
    });
  }
  openAPIRegistry.registerPath({
    ...common,
    method: 'get',
    path: '/v1/files/{id}/content',
    operationId: 'downloadFile',
    summary: 'Download a file: an uploaded one, or the results of a batch',
    request: { params: source },
    responses: {
      200: { description: 'The file', content: { 'application/octet-stream': { schema: file } } },
      ...failures,
    },
  });
  const media = { schema: file };
  const content = { 'video/mp4': media, 'image/webp': media, 'image/jpeg': media };
  openAPIRegistry.registerPath({
    ...common,
    method: 'get',
    path: '/v1/videos/{id}/content',
    operationId: 'downloadVideo',
    summary: 'Download the file of a finished video; supports ranges',
    request: { params: source, query: z.object({ variant: z.enum(VARIANTS).optional() }) },
    responses: {
      200: { description: 'The file', content },
      206: { description: 'A range of the file', content },
      304: { description: 'The client has the file already (If-None-Match)' },
      ...failures,
    },
  });
}
