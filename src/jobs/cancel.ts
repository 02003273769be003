import { SoraError } from '../domain/errors.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import type { ContentDeps } from './content-stream.ts';

/**
 * The outcome of a cancellation. `deleted`: the video is gone, but may still be rendered. `running`: the job
 * continues and is billed.
 */
export type Cancellation =
  | { readonly kind: 'aborted'; readonly job: VideoJob }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'stopping'; readonly job: VideoJob }
  | { readonly kind: 'running'; readonly job: VideoJob; readonly refusal: SoraError | null }
  /** The job ended while it was being cancelled. */
  | { readonly kind: 'ended'; readonly job: VideoJob };

/** Refusals of a DELETE that mean "not this job" or "not here". After these and after a lost reply, only the job can tell. */
const REFUSALS: ReadonlySet<string> = new Set([
  'not_supported',
  'endpoint_not_found',
  'invalid_request',
  'video_not_found',
  'content_expired',
  'permission_denied',
]);

/** A refusal that means the cancellation has started. */
const IN_PROGRESS =
  /cancel\w*\b.{0,40}\b(in progress|pending|requested|under ?way|already)|(already|being)\b.{0,40}\bcancel/is;
const NEGATED = /\b(cannot|can ?not|can.t|unable|not)\b/i;
const STOPPING = /^cancell?ing$/i;
const SETTLING_PAUSES_MS = [500, 1_000, 2_000, 4_000];

/** The API has no cancel call: delete the unfinished job, then read it again and report its status. */
export async function cancelJob(deps: ContentDeps, id: string): Promise<Cancellation> {
  const { client, clock, signal } = deps;
  let refusal: SoraError | null = null;
  let isAccepted = false;
  try {
    isAccepted = await client.remove(id, { signal, exists: true });
  } catch (error) {
    if (!(error instanceof SoraError) || !(error.retryable || REFUSALS.has(error.code))) throw error;
    refusal = error;
  }
  const words = refusal?.causedBy ?? '';
  const isStarted = IN_PROGRESS.test(words) && !NEGATED.test(words);
  const isUnderWay = isAccepted || isStarted;
  const asked = isStarted ? null : refusal;
  let outcome = await outcomeOf(deps, id, asked);
  for (const pauseMs of SETTLING_PAUSES_MS) {
    if (outcome.kind !== 'stopping' && !(isUnderWay && outcome.kind === 'running')) break;
    await clock.sleep(pauseMs, signal);
    outcome = await outcomeOf(deps, id, asked);
  }
  return outcome.kind === 'running' ? { ...outcome, refusal } : outcome;
}

async function outcomeOf(
  { client, signal }: ContentDeps,
  id: string,
  refusal: SoraError | null,
): Promise<Cancellation> {
  try {
    const job = await client.get(id, { signal, exists: refusal !== null });
    if (job.status === 'cancelled' || (job.status === 'failed' && refusal === null)) return { kind: 'aborted', job };
    if (isTerminal(job.status)) return { kind: 'ended', job };
    return STOPPING.test(job.serverStatus ?? '') ? { kind: 'stopping', job } : { kind: 'running', job, refusal };
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    // After a DELETE that the server accepted, any 404 is about the job.
    const isGone =
      ['video_not_found', 'content_expired'].includes(error.code) ||
      (refusal === null && [404, 410].includes(error.status ?? 0));
    if (!isGone) throw refusal?.retryable ? refusal : error;
    return { kind: 'deleted' };
  }
}
