import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { VARIANTS } from '../domain/video.ts';
import { ApiErrorSchema } from './rest-schemas.ts';

const TAG = 'Videos API';
const security = [{ bearer: [] }];

const Video = z
  .object({
    id: z.string(),
    object: z.literal('video'),
    model: z.string(),
    status: z.enum(['queued', 'in_progress', 'completed', 'failed']),
    progress: z.number().min(0).max(100),
    created_at: z.number().int(),
    completed_at: z.number().int().nullable(),
    expires_at: z.number().int().nullable(),
    prompt: z.string().nullable(),
    size: z.string(),
    seconds: z.string(),
    remixed_from_video_id: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .openapi('Video');

const VideoList = z
  .object({
    object: z.literal('list'),
    data: z.array(Video),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .openapi('VideoList');

const DeletedVideo = z
  .object({ id: z.string(), object: z.literal('video.deleted'), deleted: z.literal(true) })
  .openapi('DeletedVideo');

const Character = z.object({ id: z.string(), name: z.string(), created_at: z.number().int() }).openapi('Character');

const Model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.number().int(), owned_by: z.string() })
  .openapi('Model');

const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) }).openapi('ModelList');

/** Dialect `generations` in the shape of the guide. */
const Generation = z
  .object({
    id: z.string(),
    object: z.literal('video.generation'),
    model: z.string(),
    status: z.enum(['pending', 'processing', 'completed', 'failed']),
    progress: z.number().min(0).max(100),
    prompt: z.string(),
    duration: z.number(),
    resolution: z.string().nullable(),
    orientation: z.enum(ORIENTATIONS).nullable(),
    created_at: z.number().int(),
    completed_at: z.number().int().nullable(),
    expires_at: z.number().int().nullable(),
    video_url: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .openapi('Generation');

const CancelledGeneration = z.object({ id: z.string(), status: z.literal('cancelled') }).openapi('CancelledGeneration');

const FileObject = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.number().int(),
    created_at: z.number().int(),
    expires_at: z.number().int().nullable(),
    filename: z.string(),
    purpose: z.string(),
    status: z.literal('processed'),
  })
  .openapi('File');

const Batch = z
  .object({
    id: z.string(),
    object: z.literal('batch'),
    endpoint: z.literal('/v1/videos'),
    model: z.string().nullable(),
    errors: z
      .object({
        object: z.literal('list'),
        data: z.array(
          z.object({ code: z.string(), message: z.string(), param: z.string().nullable(), line: z.number().int() }),
        ),
      })
      .nullable(),
    input_file_id: z.string(),
    completion_window: z.literal('24h'),
    status: z.enum([
      'validating',
      'failed',
      'in_progress',
      'finalizing',
      'completed',
      'expired',
      'cancelling',
      'cancelled',
    ]),
    output_file_id: z.string().nullable(),
    error_file_id: z.string().nullable(),
    created_at: z.number().int(),
    in_progress_at: z.number().int().nullable(),
    expires_at: z.number().int(),
    finalizing_at: z.number().int().nullable(),
    completed_at: z.number().int().nullable(),
    failed_at: z.number().int().nullable(),
    expired_at: z.number().int().nullable(),
    cancelling_at: z.number().int().nullable(),
    cancelled_at: z.number().int().nullable(),
    request_counts: z.object({ total: z.number().int(), completed: z.number().int(), failed: z.number().int() }),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .openapi('Batch');

function pageOf<S extends z.ZodType>(item: S, name: string) {
  const ids = { first_id: z.string().nullable(), last_id: z.string().nullable() };
  return z.object({ object: z.literal('list'), data: z.array(item), ...ids, has_more: z.boolean() }).openapi(name);
}

const paging = z.object({
  limit: z.number().int().min(0).optional(),
  after: z.string().optional(),
  order: z.enum(['asc', 'desc']).optional(),
});

const file = z.string().openapi({ format: 'binary' });
const prompt = z.string().min(1).max(32_000);
const seconds = z.string().openapi({ example: '4', description: 'sora-2 supports 4, 8, 12, 16 and 20.' });
const source = z.object({ id: z.string() });

const create = {
  prompt,
  model: z.string().optional().openapi({ example: 'sora-2' }),
  seconds: seconds.optional(),
  size: z.string().optional().openapi({ example: '1280x720' }),
  callback_url: z.url().optional().openapi({
    description: 'Notify this address when the video has ended; needs a server that was started with a webhook secret.',
  }),
};
const ImageReference = z.object({ file_id: z.string().optional(), image_url: z.string().optional() });

interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly reply: z.ZodType;
  readonly body?: { readonly json?: z.ZodObject; readonly form?: z.ZodObject };
  readonly query?: z.ZodObject;
}

const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/videos',
    id: 'createVideo',
    summary: 'Create a video',
    reply: Video,
    body: {
      json: z.object({ ...create, input_reference: ImageReference.optional() }),
      form: z.object({ ...create, input_reference: file.optional() }),
    },
  },
  {
    method: 'get',
    path: '/v1/videos',
    id: 'listVideos',
    summary: 'List videos',
    reply: VideoList,
    query: z.object({
      limit: z.number().int().min(0).max(100).optional(),
      after: z.string().optional(),
      order: z.enum(['asc', 'desc']).optional(),
    }),
  },
  { method: 'get', path: '/v1/videos/{id}', id: 'retrieveVideo', summary: 'Retrieve a video', reply: Video },
  { method: 'delete', path: '/v1/videos/{id}', id: 'deleteVideo', summary: 'Delete a video', reply: DeletedVideo },
  {
    method: 'post',
    path: '/v1/videos/{id}/remix',
    id: 'remixVideo',
    summary: 'Remix a finished video with another prompt',
    reply: Video,
    body: { json: z.object({ prompt }) },
  },
  {
    method: 'post',
    path: '/v1/videos/edits',
    id: 'editVideo',
    summary: 'Edit a finished or uploaded video',
    reply: Video,
    body: { json: z.object({ prompt, video: source }), form: z.object({ prompt, video: file }) },
  },
  {
    method: 'post',
    path: '/v1/videos/extensions',
    id: 'extendVideo',
    summary: 'Extend a finished or uploaded video',
    reply: Video,
    body: { json: z.object({ prompt, seconds, video: source }), form: z.object({ prompt, seconds, video: file }) },
  },
  {
    method: 'post',
    path: '/v1/videos/characters',
    id: 'createCharacter',
    summary: 'Create a character from a video',
    reply: Character,
    body: { form: z.object({ name: z.string(), video: file }) },
  },
  {
    method: 'get',
    path: '/v1/videos/characters/{id}',
    id: 'readCharacter',
    summary: 'Retrieve a character',
    reply: Character,
  },
  {
    method: 'post',
    path: '/v1/video/generations',
    id: 'createGeneration',
    summary: 'Create a video in dialect `generations`',
    reply: Generation,
    body: {
      json: z.object({
        prompt,
        model: z.string().optional(),
        duration: z.number().int().min(1).max(120).optional(),
        resolution: z.enum(RESOLUTIONS).optional(),
        orientation: z.enum(ORIENTATIONS).optional(),
        quality: z.enum(['standard', 'high']).optional(),
      }),
    },
  },
  {
    method: 'get',
    path: '/v1/video/generations/{id}',
    id: 'readGeneration',
    summary: 'Retrieve a video in dialect `generations`',
    reply: Generation,
  },
  {
    method: 'delete',
    path: '/v1/video/generations/{id}',
    id: 'cancelGeneration',
    summary: 'Cancel a video in dialect `generations`',
    reply: CancelledGeneration,
  },
  {
    method: 'post',
    path: '/v1/files',
    id: 'uploadFile',
    summary: 'Upload a file, for example the requests of a batch',
    reply: FileObject,
    body: { form: z.object({ purpose: z.enum(['batch', 'user_data', 'vision']), file }) },
  },
  {
    method: 'get',
    path: '/v1/files',
    id: 'listFiles',
    summary: 'List uploaded files',
    reply: pageOf(FileObject, 'FileList'),
    query: paging.extend({ purpose: z.string().optional() }),
  },
  { method: 'get', path: '/v1/files/{id}', id: 'retrieveFile', summary: 'Retrieve a file', reply: FileObject },
  {
    method: 'delete',
    path: '/v1/files/{id}',
    id: 'deleteFile',
    summary: 'Delete a file',
    reply: z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) }).openapi('DeletedFile'),
  },
  {
    method: 'post',
    path: '/v1/batches',
    id: 'createBatch',
    summary: 'Create the videos of an uploaded file, within a day',
    reply: Batch,
    body: {
      json: z.object({
        input_file_id: z.string(),
        endpoint: z.literal('/v1/videos'),
        completion_window: z.literal('24h'),
        metadata: z.record(z.string(), z.string()).nullable().optional(),
      }),
    },
  },
  {
    method: 'get',
    path: '/v1/batches',
    id: 'listBatches',
    summary: 'List batches',
    reply: pageOf(Batch, 'BatchList'),
    query: paging,
  },
  { method: 'get', path: '/v1/batches/{id}', id: 'retrieveBatch', summary: 'Retrieve a batch', reply: Batch },
  {
    method: 'post',
    path: '/v1/batches/{id}/cancel',
    id: 'cancelBatch',
    summary: 'Cancel a batch; its finished videos stay',
    reply: Batch,
  },
  { method: 'get', path: '/v1/models', id: 'listModels', summary: 'List models', reply: ModelList },
  { method: 'get', path: '/v1/models/{id}', id: 'readModel', summary: 'Retrieve a model', reply: Model },
];

const failures = { default: { description: 'Any error', content: { 'application/json': { schema: ApiErrorSchema } } } };

/** Documents the simulator's API below `/v1`, which has its own router. */
export function addVideosDocument({ openAPIRegistry }: OpenAPIHono): void {
  for (const { method, path, id, summary, reply, body, query } of OPERATIONS) {
    openAPIRegistry.registerPath({
      tags: [TAG],
      security,
      method,
      path,
      operationId: id,
      summary,
      request: {
        ...(path.includes('{id}') ? { params: z.object({ id: z.string() }) } : {}),
        ...(query === undefined ? {} : { query }),
        ...(body === undefined ? {} : { body: { required: true, content: contentOf(body) } }),
      },
      responses: { 200: { description: summary, content: { 'application/json': { schema: reply } } }, ...failures },
    });
  }
  openAPIRegistry.registerPath({
    tags: [TAG],
    security,
    method: 'get',
    path: '/v1/files/{id}/content',
    operationId: 'downloadFile',
    summary: 'Download a file: an uploaded one, or the results of a batch',
    request: { params: z.object({ id: z.string() }) },
    responses: {
      200: { description: 'The file', content: { 'application/octet-stream': { schema: file } } },
      ...failures,
    },
  });
  const media = { schema: file };
  const content = { 'video/mp4': media, 'image/webp': media, 'image/jpeg': media };
  openAPIRegistry.registerPath({
    tags: [TAG],
    security,
    method: 'get',
    path: '/v1/videos/{id}/content',
    operationId: 'downloadVideo',
    summary: 'Download the file of a finished video; supports ranges',
    request: { params: z.object({ id: z.string() }), query: z.object({ variant: z.enum(VARIANTS).optional() }) },
    responses: {
      200: { description: 'The file', content },
      206: { description: 'A range of the file', content },
      ...failures,
    },
  });
}

function contentOf({ json, form }: NonNullable<Operation['body']>): Record<string, { schema: z.ZodObject }> {
  return {
    ...(json === undefined ? {} : { 'application/json': { schema: json } }),
    ...(form === undefined ? {} : { 'multipart/form-data': { schema: form } }),
  };
}
