import type { z } from '@hono/zod-openapi';
import { SoraError } from '../domain/errors.ts';
import { readImageSize } from '../domain/image.ts';
import { type AspectRatio, KNOWN_MODELS, ORIENTATION_OF_RATIO, type Resolution } from '../domain/models.ts';
import type { PricedRequest } from '../domain/pricing.ts';
import { type RequestInput, resolveRequest } from '../domain/request.ts';
import type { ServerCapabilities } from '../domain/request-gate.ts';
import type { Reference, VideoRequest } from '../domain/video.ts';
import type { VideoOrderSchema } from './rest-schemas.ts';

export type Order = z.infer<typeof VideoOrderSchema>;

type FirstFrame = NonNullable<RequestInput['image']>;

/** The request to send, and how it differs from the order. */
export interface ResolvedOrder {
  readonly request: VideoRequest;
  readonly notes: readonly string[];
  /** What the price depends on. */
  readonly priced: PricedRequest;
}

/**
 * Resolves an order to the request to send. Where OpenAI’s models are served and neither the order nor the profile names
 * one, the first that supports the frame is used: the table starts with the cheapest. Throws `invalid_request` with all errors.
 */
export function resolveOrder(order: Order, defaultModel: string | null, server: ServerCapabilities): ResolvedOrder {
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
  const violations = [
    ...(image === null ? ['`image` is not a PNG, JPEG or WebP image'] : []),
    ...(resolved.ok ? [] : resolved.violations),
  ];
  if (!resolved.ok || violations.length > 0) throw new SoraError('invalid_request', { violations, hints: [] });
  const { request, askedSeconds } = resolved.value;
  const notes =
    askedSeconds === null ? [] : [`${request.model} renders ${request.seconds} seconds instead of ${askedSeconds}`];
  return { request, notes, priced: request };
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
