import type { ContentOptions, ContentReply, ContentSource, VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { describeKind, fitsVariant, type MediaKind, sniffMedia } from '../domain/media.ts';
import type { Variant } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';

/** How long a server may take to publish the file of a completed job. */
export const PUBLISHING_MS = 60_000;
const FIRST_DELAY_MS = 500;
const QUOTED_CHARACTERS = 300;

export interface ContentDeps {
  readonly client: VideosClient;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export interface ContentOrder {
  readonly source: ContentSource;
  readonly variant: Variant;
  /** The job is completed, so "not ready" is temporary. */
  readonly isCompleted: boolean;
  /** How long to wait for it then; a minute if left out. */
  readonly publishingMs?: number | undefined;
}

/** A reply whose first bytes are media; `kind` is null for the rest of a file whose beginning was checked before. */
export type CheckedContent = ContentReply & {
  readonly kind: MediaKind | null;
};

/** Opens a video’s bytes, waits until a completed job’s file is published, and refuses anything that is not media. */
export async function openChecked(
  deps: ContentDeps,
  order: ContentOrder,
  options: Pick<ContentOptions, 'resume'> = {},
): Promise<CheckedContent> {
  const reply = await openWhenReady(deps, order, options);
  const { head } = reply;
  if (reply.offsetBytes > 0) return { ...reply, kind: null };
  const kind = sniffMedia(head);
  if (kind !== null && fitsVariant(kind, order.variant)) return { ...reply, kind };
  reply.body.destroy();
  if (kind !== null && order.variant !== 'video') {
    throw new SoraError('not_supported', {
      title: `the server has no ${order.variant}: it sends the video instead`,
      jobId: order.source.id,
    });
  }
  throw new SoraError('download_corrupt', {
    title: kind === null ? 'the download is not a media file' : `the download is ${describeKind(kind)}, not a video`,
    causedBy: kind === null ? head.toString('utf8', 0, QUOTED_CHARACTERS) : null,
    jobId: order.source.id,
    retryable: false,
    facts: { id: order.source.id },
  });
}

async function openWhenReady(
  { client, clock, signal }: ContentDeps,
  { source, variant, isCompleted, publishingMs = PUBLISHING_MS }: ContentOrder,
  options: ContentOptions,
): Promise<ContentReply> {
  const deadlineMs = clock.uptimeMs() + publishingMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= 2) {
    try {
      const reply = await client.content(source, variant, { ...options, signal });
      if (reply.head.length > 0 || reply.offsetBytes > 0) return reply;
      throw new SoraError('content_not_ready', { causedBy: 'an empty file', facts: { id: source.id } });
    } catch (error) {
      const mayPass = isCompleted && error instanceof SoraError && error.code === 'content_not_ready';
      const pauseMs = mayPass ? (error.retryAfterMs ?? delayMs) : 0;
      if (!mayPass) throw error;
      if (clock.uptimeMs() + pauseMs > deadlineMs) throw variant === 'video' ? error : neverPublished(variant, error);
      await clock.sleep(pauseMs, signal);
    }
  }
}

/** Servers answer the same for a thumbnail that they never create and for one that is not ready yet. */
function neverPublished(variant: Variant, error: SoraError): SoraError {
  return error.as('not_supported', { title: `the server has no ${variant} of this video` });
}
