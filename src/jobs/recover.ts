import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { factsOf, type JobRecord, type RecordedRequest } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ledger } from '../store/ledger.ts';

const PAGE_SIZE = 100;
const MAX_PAGES = 20;
/** How far a server's clock may be off from ours. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** How long after it was sent a request may still turn into a job. */
const LATE_ARRIVAL_MS = 15 * 60_000;

export interface RecoverDeps {
  readonly client: VideosClient;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

export type Recovery =
  | { readonly kind: 'found'; readonly record: JobRecord; readonly job: VideoJob }
  /** `isProven`: the list was read to its end, and has other jobs of ours, so it would have this one. */
  | { readonly kind: 'missing'; readonly isProven: boolean }
  /** The server has no list, or does not answer. */
  | { readonly kind: 'unsearchable'; readonly error: SoraError };

/**
 * Looks through the server's list for the job of a submission whose answer was
 * lost, and ties it to its record. A job fits when it has the prompt, nothing of
 * it contradicts the request, its time fits, and no other record has it.
 */
export async function recover(deps: RecoverDeps, lost: JobRecord, signal?: AbortSignal): Promise<Recovery> {
  try {
    const { job, isProof } = await findJob(deps, lost, signal);
    if (job === undefined) return { kind: 'missing', isProven: isProof };
    await deps.ledger.append({ event: 'accepted', key: lost.key, atMs: deps.clock.now(), job: factsOf(job) });
    const record = deps.ledger.byKey(lost.key);
    return record ? { kind: 'found', record, job } : { kind: 'missing', isProven: false };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SoraError) return { kind: 'unsearchable', error };
    throw error;
  }
}

async function findJob(
  { client, ledger }: RecoverDeps,
  lost: JobRecord,
  signal?: AbortSignal,
): Promise<{ readonly job: VideoJob | undefined; readonly isProof: boolean }> {
  const earliestMs = lost.submittedAtMs - CLOCK_SKEW_MS;
  const latestMs = lost.submittedAtMs + LATE_ARRIVAL_MS + CLOCK_SKEW_MS;
  const options = signal === undefined ? {} : { signal };
  const isTaken = (job: VideoJob): boolean => ledger.byId(job.id).some((record) => record.baseUrl === lost.baseUrl);
  let after: string | undefined;
  let oldestFit: VideoJob | undefined;
  let hasOurs = false;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query = { limit: PAGE_SIZE, order: 'desc' as const, ...(after === undefined ? {} : { after }) };
    const page = await client.list(query, options);
    for (const job of page.jobs) {
      const timeMs = job.createdAtMs ?? lost.submittedAtMs;
      const mayBe = timeMs >= earliestMs && timeMs <= latestMs && fits(job, lost.request);
      if (mayBe && !isTaken(job)) oldestFit = job;
      hasOurs ||= isTaken(job);
    }
    const reachedPast = page.jobs.some(({ createdAtMs }) => createdAtMs !== null && createdAtMs < earliestMs);
    if (page.next === null || reachedPast) return { job: oldestFit, isProof: hasOurs };
    after = page.next;
  }
  return { job: oldestFit, isProof: false };
}

/** The prompt must be the same; what a server leaves out of its list contradicts nothing. */
function fits(job: VideoJob, request: RecordedRequest): boolean {
  const agrees = <T>(theirs: T | null, ours: T | null): boolean => theirs === null || ours === null || theirs === ours;
  const sameModel = job.model === null || request.model === null || job.model.startsWith(request.model);
  return (
    job.prompt === request.prompt && sameModel && agrees(job.seconds, request.seconds) && agrees(job.size, request.size)
  );
}
