import type { z } from '@hono/zod-openapi';
import { SoraError } from '../domain/errors.ts';
import { readImageSize } from '../domain/image.ts';
import { failureOf } from '../domain/job-failure.ts';
import { type AspectRatio, KNOWN_MODELS, ORIENTATION_OF_RATIO, type Resolution } from '../domain/models.ts';
import type { PricedRequest } from '../domain/pricing.ts';
import {
  pricedFrom,
  type RequestInput,
  type RequestResolution,
  type ResolvedRequest,
  resolveDerivedRequest,
  resolveRequest,
  type SourceFacts,
} from '../domain/request.ts';
import { isTerminal, type Reference, type RequestSource, type VideoRequest } from '../domain/video.ts';
import type { OrderDesk } from './order-desk.ts';
import type { RestJob } from './rest-job.ts';
import type { VideoOrderSchema } from './rest-schemas.ts';
import { requireOwn, type Upstream } from './upstream.ts';

export type Order = z.infer<typeof VideoOrderSchema>;

type FirstFrame = NonNullable<RequestInput['image']>;

/** Fields of an order for a new video that an order from an existing video must not have: its source determines them. */
const DECIDED_BY_SOURCE = [
  'resolution',
  'aspectRatio',
  'model',
  'image',
  'lastFrame',
  'references',
  'characters',
] as const;

/** The request to send, and how it differs from the order. */
export interface ResolvedOrder {
  readonly request: VideoRequest;
  readonly notes: readonly string[];
  /** What the price depends on. */
  readonly priced: PricedRequest;
}

export interface OrderContext {
  readonly desk: OrderDesk;
  readonly upstream: Upstream;
  /** The default model of the profile. */
  readonly defaultModel: string | null;
}

/**
 * Resolves an order to the request to send. Throws `invalid_request` with all errors; for an order from an existing video
 * also `video_not_found`, `content_not_ready` for one that is not finished, and the client's errors.
 */
export async function resolveOrder(order: Order, context: OrderContext): Promise<ResolvedOrder> {
  return order.source ? fromVideo(order, order.source, context) : fromPrompt(order, context);
}

/** Where OpenAI’s models are served and nobody names one, the first that supports the frame: the table starts with the cheapest. */
function fromPrompt(order: Order, { defaultModel, upstream: { capabilities: server } }: OrderContext): ResolvedOrder {
  const resolution = order.resolution ?? undefined;
  const aspectRatio = order.aspectRatio ?? undefined;
  const image = readImage(order.image);
  const resolved = resolveRequest(
    {
      prompt: order.prompt,
      image: image ?? undefined,
      references: referencesOf(order),
      characters: order.characters ?? undefined,
      duration: order.duration?.toString(),
      resolution,
      aspectRatio,
      model: order.model ?? defaultModel ?? (server.servesOpenAiModels ? modelFor(resolution, aspectRatio) : undefined),
    },
    server,
  );
  const faults = image === null ? ['`image` is not a PNG, JPEG or WebP image'] : [];
  const { request, askedSeconds } = requireValid(resolved, faults);
  const notes =
    askedSeconds === null ? [] : [`${request.model} renders ${request.seconds} seconds instead of ${askedSeconds}`];
  return { request, notes, priced: request };
}

/** Reads the video from the server, because its properties determine the request. */
async function fromVideo(
  order: Order,
  { operation, id }: NonNullable<Order['source']>,
  { desk, upstream }: OrderContext,
): Promise<ResolvedOrder> {
  const { prompt } = order;
  const duration = order.duration?.toString();
  const video = { kind: 'id', id: sourceIdOf(await desk.find(id), id, upstream) } as const;
  const source: RequestSource = { operation, video };
  const faults = DECIDED_BY_SOURCE.filter((field) => (order[field] ?? null) !== null).map(
    (field) => `\`${field}\` is determined by the source`,
  );
  if (operation !== 'extend' && duration !== undefined) faults.push('only an extension has a `duration`');
  const resolve = (facts: SourceFacts): ResolvedRequest =>
    requireValid(resolveDerivedRequest({ prompt, duration, source, facts }, upstream.capabilities), faults);
  resolve({ model: null, seconds: null, size: null }); // before the server is asked
  const facts = await readSource(video.id, upstream);
  const { request, notes } = resolve(facts);
  return { request, notes, priced: pricedFrom(request, facts) };
}

/** Throws `invalid_request` with the faults of the order and those of its request, if there are any. */
function requireValid(resolved: RequestResolution, faults: readonly string[]): ResolvedRequest {
  const violations = [...faults, ...(resolved.ok ? [] : resolved.violations)];
  if (resolved.ok && violations.length === 0) return resolved.value;
  throw new SoraError('invalid_request', { violations, hints: [] });
}

function referencesOf({ lastFrame, references }: Order): Reference[] {
  const last = lastFrame ? [{ role: 'last_frame', url: lastFrame } as const] : [];
  const guides = (references ?? []).map(({ type, url }) => ({ role: type, url }));
  return [...last, ...guides].map(({ role, url }) => ({ role, source: { kind: 'url', url } }));
}

/** The image in a data URL; null if it is invalid. */
function readImage(dataUrl: Order['image']): FirstFrame | null | undefined {
  if (!dataUrl) return undefined;
  return firstFrame(Buffer.from(dataUrl.slice(dataUrl.indexOf(',') + 1), 'base64'));
}

/** A first frame from the bytes of a file; null if they are not an image. */
export function firstFrame(bytes: Uint8Array): FirstFrame | null {
  const facts = readImageSize(bytes);
  if (facts === null) return null;
  const { mimeType, width, height, isTurned } = facts;
  const name = `first-frame.${mimeType.slice('image/'.length)}`;
  return { reference: { kind: 'file', name, mimeType, bytes }, size: `${width}x${height}`, isTurned };
}

function modelFor(resolution: Resolution = '720p', ratio: AspectRatio = '16:9'): string | undefined {
  const orientation = ORIENTATION_OF_RATIO[ratio];
  const fits = KNOWN_MODELS.find(({ sizes }) =>
    sizes.some((size) => size.resolution === resolution && size.orientation === orientation),
  );
  return fits?.name;
}

/** The server's id of a source: of a job of this service, or as it is. */
function sourceIdOf(job: RestJob | undefined, id: string, upstream: Upstream): string {
  if (job === undefined) return id;
  requireOwn(job, upstream);
  if (job.videoId === null) throw new SoraError('content_not_ready', { hints: [] });
  return job.videoId;
}

async function readSource(id: string, { client }: Upstream): Promise<SourceFacts> {
  const job = await client.get(id);
  if (job.status === 'completed') return { model: job.model, seconds: job.seconds, size: job.size };
  if (!isTerminal(job.status)) throw new SoraError('content_not_ready', { hints: [] });
  const causedBy = failureOf(job)?.message ?? job.status;
  throw new SoraError('video_not_found', { title: `\`${id}\` has no video`, causedBy, hints: [] });
}
