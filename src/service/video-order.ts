import type { z } from '@hono/zod-openapi';
import { SoraError } from '../domain/errors.ts';
import { type AspectRatio, knownModels, ORIENTATION_OF_RATIO, type Resolution } from '../domain/models.ts';
import { resolveRequest } from '../domain/request.ts';
import type { ServerCapabilities } from '../domain/request-gate.ts';
import type { VideoRequest } from '../domain/video.ts';
import type { VideoOrderSchema } from './rest-schemas.ts';

type Order = z.infer<typeof VideoOrderSchema>;

/** The request to send, and how it differs from the order. */
export interface ResolvedOrder {
  readonly request: VideoRequest;
  readonly notes: readonly string[];
}

/**
 * Resolves an order to the request to send. Where OpenAI’s models are served and neither the order nor the profile names
 * one, the first that supports the frame is used: the table starts with the cheapest. Throws `invalid_request` with all errors.
 */
export function resolveOrder(order: Order, defaultModel: string | null, server: ServerCapabilities): ResolvedOrder {
  const resolution = order.resolution ?? undefined;
  const aspectRatio = order.aspectRatio ?? undefined;
  const resolved = resolveRequest(
    {
      prompt: order.prompt,
      duration: order.duration?.toString(),
      resolution,
      aspectRatio,
      model: order.model ?? defaultModel ?? (server.servesOpenAiModels ? modelFor(resolution, aspectRatio) : undefined),
    },
    server,
  );
  if (!resolved.ok) throw new SoraError('invalid_request', { violations: resolved.violations, hints: [] });
  const { request, askedSeconds } = resolved.value;
  const notes =
    askedSeconds === null ? [] : [`${request.model} renders ${request.seconds} seconds instead of ${askedSeconds}`];
  return { request, notes };
}

function modelFor(resolution: Resolution = '720p', ratio: AspectRatio = '16:9'): string | undefined {
  const orientation = ORIENTATION_OF_RATIO[ratio];
  const fits = knownModels().find(({ sizes }) =>
    sizes.some((size) => size.resolution === resolution && size.orientation === orientation),
  );
  return fits?.name;
}
