import { SoraError } from '../domain/errors.ts';
import type { ContentDeps, ContentOrder } from './content-stream.ts';

/** Tries in a row that bring no new byte. */
const MAX_IDLE_TRIES = 5;
const RETRY_DELAY_MS = 500;

/** Retries after passing faults, for as long as every few tries bring new bytes; throws the fault that ends it. */
export async function retryWhileItMoves<T>(
  { clock, signal }: ContentDeps,
  attempt: () => Promise<T>,
  receivedBytes: () => number,
): Promise<T> {
  for (let idleTries = 0; ; ) {
    const before = receivedBytes();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      idleTries = receivedBytes() > before ? 0 : idleTries + 1;
      if (!isTransient(error) || idleTries === MAX_IDLE_TRIES) throw error;
      await clock.sleep(RETRY_DELAY_MS * 2 ** idleTries, signal);
    }
  }
}

/** A transfer that ended early, or too soon for what the file says of itself. */
export function incomplete({ source: { id } }: ContentOrder, causedBy: string, retryable = true): SoraError {
  const title = 'the download is incomplete';
  return new SoraError('download_corrupt', { title, causedBy, retryable, jobId: id, facts: { id } });
}

/** A connection that broke in the middle is worth another try; what the server or the disk refuses is not. */
function isTransient(error: unknown): boolean {
  return error instanceof SoraError ? error.retryable && error.code !== 'content_not_ready' : true;
}

/** What is told of a download that failed, whatever was thrown. */
export function asDownloadError(error: unknown, { source }: ContentOrder): SoraError {
  if (error instanceof SoraError) return error.jobId === null ? error.with({ jobId: source.id }) : error;
  return new SoraError('download_corrupt', {
    title: 'the download broke off',
    causedBy: error instanceof Error ? error.message : String(error),
    jobId: source.id,
    facts: { id: source.id },
    cause: error,
  });
}

export async function* joined(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
