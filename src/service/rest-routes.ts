import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { SoraError } from '../domain/errors.ts';
import { MICROS_PER_USD, usdOf } from '../domain/money.ts';
import { estimate } from '../domain/pricing.ts';
import type { Variant } from '../domain/video.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { crypto } from '../platform/crypto.ts';
import type { AccessKey } from './access.ts';
import type { Log } from './log.ts';
import type { OrderDesk } from './order-desk.ts';
import { type AskedVideo, isUnfinished, type RestJob } from './rest-job.ts';
import {
  ApiErrorSchema,
  json,
  QuoteQuery,
  QuoteSchema,
  type QuoteView,
  Removal,
  RestError,
  SourceSchema,
  VideoJobPage,
  VideoJobSchema,
  type VideoJobView,
  VideoOrderSchema,
} from './rest-schemas.ts';
import { savedReply } from './saved-media.ts';
import { requireOwn } from './upstream.ts';
import { type Order, type OrderContext, resolveOrder } from './video-order.ts';

export const REST_PATH = '/api/v1/videos';
export const QUOTE_PATH = '/api/v1/quote';
const TAG = 'REST service';
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const MAX_SEARCH_CHARACTERS = 200;

export interface RestDeps extends OrderContext {
  /** Where files may be saved. */
  readonly objects: ObjectStore;
  readonly access: AccessKey;
  readonly log: Log;
  /** Removes the secrets that are known. */
  readonly clean: (text: string) => string;
}

const REFUSALS: readonly (readonly [status: number, description: string])[] = [
  [400, 'Invalid request'],
  [401, 'Missing or wrong key'],
  [402, 'The price exceeds a cap or needs approval'],
  [404, 'No such video'],
  [409, 'Not possible in the current state: not ready, or cannot be cancelled'],
  [502, 'The server behind this one failed'],
  [503, 'The ledger cannot be used'],
];
export const failures = {
  ...Object.fromEntries(REFUSALS.map(([status, description]) => [status, { description, content: json(RestError) }])),
  default: { description: 'Any other error', content: json(z.union([RestError, ApiErrorSchema])) },
};

export const common = { tags: [TAG], security: [{ apiKey: [] }] };
const params = z.object({ id: z.string() });

const createVideo = createRoute({
  ...common,
  method: 'post',
  path: REST_PATH,
  operationId: 'createVideoJob',
  summary: 'Order a video, which is rendered in the background',
  request: {
    headers: z.object({
      'idempotency-key': z.string().max(255).optional().describe('Orders with the same key create one job.'),
    }),
    body: { required: true, content: json(VideoOrderSchema) },
  },
  responses: { 202: { description: 'The pending job', content: json(VideoJobSchema) }, ...failures },
});

const quoteVideo = createRoute({
  ...common,
  method: 'get',
  path: QUOTE_PATH,
  operationId: 'quoteVideo',
  summary: 'Estimate an order: its video and its price',
  request: { query: QuoteQuery },
  responses: { 200: { description: 'The video and its price', content: json(QuoteSchema) }, ...failures },
});

const listVideos = createRoute({
  ...common,
  method: 'get',
  path: REST_PATH,
  operationId: 'listVideoJobs',
  summary: 'List jobs, newest first',
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
      after: z.string().optional().describe('List jobs after this one.'),
      search: z
        .string()
        .max(MAX_SEARCH_CHARACTERS)
        .default('')
        .describe('Only jobs whose prompt contains this text, in any case.'),
    }),
  },
  responses: { 200: { description: 'A page of jobs', content: json(VideoJobPage) }, ...failures },
});

const readVideo = createRoute({
  ...common,
  method: 'get',
  path: `${REST_PATH}/{id}`,
  operationId: 'readVideoJob',
  summary: 'Read a job',
  request: { params },
  responses: { 200: { description: 'The job', content: json(VideoJobSchema) }, ...failures },
});

const removeVideo = createRoute({
  ...common,
  method: 'delete',
  path: `${REST_PATH}/{id}`,
  operationId: 'removeVideoJob',
  summary: 'Cancel a job or delete its video',
  request: { params },
  responses: { 200: { description: 'Deleted', content: json(Removal) }, ...failures },
});

const binary = { schema: z.string().openapi({ format: 'binary' }) };

/** The REST service: it accepts an order at once and creates the video in the background. */
export function addRestRoutes(app: OpenAPIHono, deps: RestDeps): void {
  const { desk, upstream, access, log } = deps;
  const view = (job: RestJob, requestUrl: string): VideoJobView =>
    viewOf(job, desk.progressOf(job), access, requestUrl);

  app.openapi(createVideo, async (c) => {
    const idempotencyKey = c.req.valid('header')['idempotency-key'] ?? null;
    const job = await placeOrder(c.req.valid('json'), idempotencyKey, deps);
    c.header('location', `${REST_PATH}/${job.id}`);
    return c.json(view(job, c.req.url), 202);
  });

  app.openapi(quoteVideo, async (c) => c.json(await quoteOrder(c.req.valid('query'), deps), 200));

  app.openapi(listVideos, async (c) => {
    const { limit, after = null, search } = c.req.valid('query');
    const page = await desk.newest(limit, { after, search });
    if (page === undefined) throw noJob(after ?? '');
    const videos = page.items.map((job) => view(job, c.req.url));
    const next = page.hasMore ? (videos.at(-1)?.id ?? null) : null;
    return c.json({ videos, next, total: page.total }, 200);
  });

  app.openapi(readVideo, async (c) => c.json(view(await findJob(desk, c.req.valid('param').id), c.req.url), 200));

  app.openapi(removeVideo, async (c) => {
    const job = await findJob(desk, c.req.valid('param').id);
    requireOwn(job, upstream);
    const { id } = job;
    await desk.remove(id);
    log('info', 'Video removed', { id });
    return c.json({ id, deleted: true as const }, 200);
  });

  app.openAPIRegistry.registerPath({
    ...common,
    security: [{ apiKey: [] }, { token: [] }],
    method: 'get',
    path: `${REST_PATH}/{id}/content`,
    operationId: 'readVideoFile',
    summary: 'Download the file of a finished video; supports ranges',
    request: { params, query: z.object({ variant: z.enum(['video', 'thumbnail']).optional() }) },
    responses: {
      200: { description: 'The file', content: { 'video/mp4': binary, 'image/webp': binary } },
      206: { description: 'A range of the file', content: { 'video/mp4': binary, 'image/webp': binary } },
      304: { description: 'The client has the file already (If-None-Match)' },
      416: { description: 'The range is outside the file', content: json(RestError) },
      ...failures,
    },
  });
  app.get(`${REST_PATH}/:id/content`, async (c) => {
    const job = await findJob(desk, c.req.param('id'));
    const variant = c.req.query('variant') ?? 'video';
    const file = fileOf(job, variant);
    if (file !== undefined) return savedReply(c.req.raw, file, deps.objects);
    if (isUnfinished(job)) throw new SoraError('content_not_ready', { hints: [] });
    throw new SoraError('video_not_found', { title: `job \`${job.id}\` has no ${variant}`, hints: [] });
  });
}

/** Returns the job of an order, or the one that has its idempotency key. Throws `duplicate_request` if that is of another order. */
async function placeOrder(order: Order, idempotencyKey: string | null, deps: RestDeps): Promise<RestJob> {
  const { desk, upstream, log } = deps;
  const { clock, randomBytes } = upstream;
  const { request, notes, priced } = await resolveOrder(order, deps);
  const nowMs = clock.now();
  const id = `job_${nowMs.toString(36)}${Buffer.from(randomBytes(8)).toString('hex')}`;
  const image = request.image?.kind === 'file' ? request.image.bytes : null;
  const asked = askedIn(order, image);
  const job = await desk.accept({
    job: {
      id,
      server: upstream.server,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      asked,
      request: { ...request, image: null },
      estimate: estimate(priced, nowMs, upstream.prices),
      notes,
      idempotencyKey,
      status: 'pending',
      videoId: null,
      error: null,
      files: [],
    },
    image,
    approvedMicros: microsOf(order.maxCostUsd),
  });
  if (job.id === id) {
    const { model, seconds, size } = request;
    log('info', 'Video creation job initiated', { id, model, seconds, size });
  } else if (JSON.stringify(job.asked) !== JSON.stringify(asked)) {
    const title = 'the idempotency key was used for a different order';
    throw new SoraError('duplicate_request', { title, hints: [] });
  }
  return job;
}

async function quoteOrder(
  { remix, edit, extend, ...query }: z.infer<typeof QuoteQuery>,
  deps: RestDeps,
): Promise<QuoteView> {
  const { clock, prices, budget } = deps.upstream;
  const [source] = Object.entries({ remix, edit, extend }).flatMap(([operation, id]) =>
    id === undefined ? [] : [SourceSchema.parse({ operation, id })],
  );
  const { request, notes, priced } = await resolveOrder({ ...query, prompt: 'a video', source }, deps);
  const micros = estimate(priced, clock.now(), prices)?.micros ?? null;
  const { isFree, maxCostMicros, confirmAboveMicros } = budget.options;
  return {
    model: request.model ?? priced.model,
    seconds: request.seconds,
    size: request.size ?? priced.size,
    isFree,
    estimatedUsd: usdOf(micros),
    needsApproval: !isFree && micros !== null && micros > confirmAboveMicros,
    maxCostUsd: usdOf(maxCostMicros),
    spentUsd: usdOf(await budget.spentMicros()),
    notes: [...notes],
  };
}

/** Throws `video_not_found`. */
export async function findJob(desk: OrderDesk, id: string): Promise<RestJob> {
  const job = await desk.find(id);
  if (job === undefined) throw noJob(id);
  return job;
}

function noJob(id: string): SoraError {
  return new SoraError('video_not_found', { title: `no job \`${id}\``, hints: [] });
}

export function microsOf(usd: number | null | undefined): number | null {
  return usd === null || usd === undefined ? null : Math.round(usd * MICROS_PER_USD);
}

function askedIn(order: Order, image: Uint8Array | null): AskedVideo {
  const { prompt, duration = null, resolution = null, aspectRatio = null, model = null } = order;
  const { lastFrame, references, source, characters } = order;
  return {
    prompt,
    duration,
    resolution,
    aspectRatio,
    model,
    ...(image && { image: crypto().hash('sha256', image) }),
    ...(lastFrame && { lastFrame }),
    ...(references && { references }),
    ...(source && { source }),
    ...(characters && { characters }),
  };
}

function fileOf({ files }: RestJob, variant: string): { readonly path: string } | undefined {
  return files.find((file) => file.variant === variant);
}

function viewOf(job: RestJob, progress: number | null, access: AccessKey, requestUrl: string): VideoJobView {
  const { id, status, asked, request, videoId, error, notes } = job;
  const urlOf = (variant: Variant): string | null => {
    if (fileOf(job, variant) === undefined) return null;
    const url = new URL(`${REST_PATH}/${id}/content`, requestUrl);
    if (variant !== 'video') url.searchParams.set('variant', variant);
    url.searchParams.set('token', access.tokenFor(url.pathname));
    return url.href;
  };
  return {
    id,
    status,
    prompt: asked.prompt,
    duration: asked.duration,
    resolution: asked.resolution,
    aspectRatio: asked.aspectRatio,
    model: request.model,
    seconds: request.seconds,
    size: request.size,
    imageSha256: asked.image ?? null,
    lastFrame: asked.lastFrame ?? null,
    references: [...(asked.references ?? [])],
    characters: [...(asked.characters ?? [])],
    source: asked.source ?? null,
    progress: progress ?? 0,
    videoId,
    videoUrl: urlOf('video'),
    thumbnailUrl: urlOf('thumbnail'),
    error: error && { ...error, hints: [...error.hints] },
    notes: [...notes],
    estimatedUsd: usdOf(job.estimate?.micros ?? null),
    createdAt: new Date(job.createdAtMs).toISOString(),
    updatedAt: new Date(job.updatedAtMs).toISOString(),
  };
}
