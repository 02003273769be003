import { messageOf, SoraError } from '../domain/errors.ts';
import { hasCode } from '../platform/files.ts';
import type { ContentDeps, ContentOrder } from './content-stream.ts';

/** Consecutive attempts without a new byte. */
const MAX_IDLE_TRIES = 5;
const RETRY_DELAY_MS = 500;

/**
 * Retries after transient failures as long as every few attempts bring new bytes. Throws the last failure as a
 * `SoraError`, or the signal's reason.
 */
export async function retryWhileProgressing<T>(
  { clock, signal }: ContentDeps,
  order: ContentOrder,
  attempt: () => Promise<T>,
  receivedBytes: () => number,
): Promise<T> {
  for (let idleTries = 0; ; ) {
    const before = receivedBytes();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      idleTries = receivedBytes() > before && !isStalled(error) ? 0 : idleTries + 1;
      if (!isTransient(error) || idleTries === MAX_IDLE_TRIES) throw asDownloadError(error, order);
      await clock.sleep(RETRY_DELAY_MS * 2 ** idleTries, signal);
    }
  }
}

/** The transfer has stalled: a few more bytes do not show that the rest will arrive. */
function isStalled(error: unknown): boolean {
  return hasCode(error, 'ETIMEDOUT') || hasCode(error, 'request_timeout');
}

/** A transfer that ended before the announced length or the end of the container. */
export function incomplete({ source: { id } }: ContentOrder, causedBy: string, retryable = true): SoraError {
  const title = 'the download is incomplete';
  return new SoraError('download_corrupt', { title, causedBy, retryable, jobId: id, facts: { id } });
}

/** Throws if more bytes have arrived than the file has: some of them are not part of it. */
export function refuseExcess(order: ContentOrder, receivedBytes: number, totalBytes: number | null): void {
  if (receivedBytes > (totalBytes ?? receivedBytes)) throw incomplete(order, `more than ${totalBytes} bytes arrived`);
}

/** A broken connection is retried; refusals by the server or the disk are not. */
function isTransient(error: unknown): boolean {
  return error instanceof SoraError ? error.retryable && error.code !== 'content_not_ready' : true;
}

/** The error to report for a failed download, whatever was thrown. */
function asDownloadError(error: unknown, { source }: ContentOrder): SoraError {
  if (error instanceof SoraError) return error.jobId === null ? error.with({ jobId: source.id }) : error;
  return new SoraError('download_corrupt', {
    title: 'the download was interrupted',
    causedBy: messageOf(error),
    jobId: source.id,
    facts: { id: source.id },
    cause: error,
  });
}

export async function* joined(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
