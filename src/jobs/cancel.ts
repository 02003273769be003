import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';

/**
 * What a cancellation came to. `aborted`: the server says that it stopped.
 * `deleted`: the video is gone, whether or not the work behind it went on.
 * `running`: the job goes on and is billed.
 */
export type Cancellation =
  | { readonly kind: 'aborted'; readonly job: VideoJob }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'running'; readonly job: VideoJob; readonly refusal: SoraError | null }
  /** It ended while it was being cancelled. */
  | { readonly kind: 'ended'; readonly job: VideoJob };

/** Refusals of a DELETE that say "not this job" or "not here", and not that something is broken. */
const REFUSALS: ReadonlySet<string> = new Set([
  'not_supported',
  'endpoint_not_found',
  'invalid_request',
  'video_not_found',
  'permission_denied',
]);

/** There is no cancel call in this API: delete the unfinished job, then read it again and believe what is seen. */
export async function cancelJob(client: VideosClient, id: string, signal: AbortSignal): Promise<Cancellation> {
  let refusal: SoraError | null = null;
  try {
    await client.remove(id, { signal });
  } catch (error) {
    if (!(error instanceof SoraError) || !REFUSALS.has(error.code)) throw error;
    refusal = error;
  }
  try {
    const job = await client.get(id, { signal });
    if (job.status === 'cancelled' || (job.status === 'failed' && refusal === null)) return { kind: 'aborted', job };
    return isTerminal(job.status) ? { kind: 'ended', job } : { kind: 'running', job, refusal };
  } catch (error) {
    if (error instanceof SoraError && error.code === 'video_not_found') return { kind: 'deleted' };
    throw error;
  }
}
