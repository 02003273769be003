import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { isTerminal, type JobStatus, type VideoJob } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';

const FIRST_DELAY_MS = 400;
const MAX_DELAY_MS = 15_000;
const GROWTH = 1.4;
const JITTER = 0.2;
/** A status that is not understood may be final: look on, but not often. */
const UNKNOWN_STATUS_DELAY_MS = 5_000;
/** The waits that a server may ask for between two looks. */
const MIN_SERVER_DELAY_MS = 50;
const MAX_SERVER_DELAY_MS = 5 * 60_000;
/** Some servers know a new job only some moments after they gave out its id. */
const SETTLING_MS = 15_000;
/** A page in place of an answer is what a gateway under repair shows for a while; after so many in a row it is something else. */
const MAX_UNREADABLE = 5;

export interface WaitDeps {
  readonly client: VideosClient;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface WaitOrder {
  readonly id: string;
  /** The job as it is known already; saves the first look. */
  readonly known: VideoJob | null;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type WaitEvent =
  | { readonly kind: 'job'; readonly job: VideoJob }
  /** A look failed; the wait goes on. */
  | { readonly kind: 'trouble'; readonly error: SoraError };

/**
 * Looks at a job until it has ended, and yields what it sees. Network faults and
 * servers in trouble are survived until the deadline; the job itself is never
 * given up. Throws `wait_timeout` at the deadline, the signal's reason when it
 * aborts, and refusals that waiting does not mend.
 */
export async function* waitForJob(deps: WaitDeps, order: WaitOrder): AsyncGenerator<WaitEvent, VideoJob> {
  const { client, clock } = deps;
  const { id, known, deadlineMs, signal } = order;
  const pace = new Pace(deps.random);
  const patience = new Patience(clock.now());
  let job = known;
  if (job !== null) {
    pace.hear(job.pollAfterMs, job.status);
    yield { kind: 'job', job };
  }
  for (let looks = job === null ? 0 : 1; ; looks++) {
    if (job !== null && isTerminal(job.status)) return job;
    if (looks > 0) await pauseWithin(clock, pace.nextPauseMs(), deadlineMs, id, signal);
    try {
      job = await client.get(id, signal === undefined ? {} : { signal });
      patience.restore();
      pace.hear(job.pollAfterMs, job.status);
      yield { kind: 'job', job };
    } catch (error) {
      if (!(error instanceof SoraError) || !patience.survives(error, clock.now())) throw error;
      pace.hear(error.retryAfterMs);
      yield { kind: 'trouble', error };
    }
  }
}

async function pauseWithin(
  clock: Clock,
  pauseMs: number,
  deadlineMs: number,
  id: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const leftMs = deadlineMs - clock.now();
  if (leftMs <= 0) throw new SoraError('wait_timeout', { jobId: id, facts: { id, target: '' } });
  await clock.sleep(Math.min(pauseMs, leftMs), signal);
}

/** When to look next: quick at first, then less and less often; the server's own word wins. */
class Pace {
  readonly #random: () => number;
  #delayMs = FIRST_DELAY_MS;
  #serverDelayMs: number | null = null;
  #isUnknown = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** What the last answer, or its failure, says of the next look. */
  hear(serverDelayMs: number | null, status?: JobStatus): void {
    this.#serverDelayMs = serverDelayMs || null; // "at once", asked for ever, would be a hot loop
    this.#isUnknown = status === 'unknown';
  }

  nextPauseMs(): number {
    const wishMs = this.#isUnknown ? Math.max(this.#delayMs, UNKNOWN_STATUS_DELAY_MS) : this.#delayMs;
    this.#delayMs = Math.min(this.#delayMs * GROWTH, MAX_DELAY_MS);
    const jitteredMs = wishMs * (1 + JITTER * (2 * this.#random() - 1));
    if (this.#serverDelayMs === null) return jitteredMs;
    return Math.min(Math.max(this.#serverDelayMs, MIN_SERVER_DELAY_MS), MAX_SERVER_DELAY_MS);
  }
}

/** Which failed looks are no reason to stop. */
class Patience {
  readonly #startedMs: number;
  #unreadable = 0;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  survives(error: SoraError, nowMs: number): boolean {
    if (error.code === 'unreadable_response') return ++this.#unreadable <= MAX_UNREADABLE;
    if (error.code === 'video_not_found') return nowMs - this.#startedMs < SETTLING_MS;
    return error.retryable;
  }

  restore(): void {
    this.#unreadable = 0;
  }
}
