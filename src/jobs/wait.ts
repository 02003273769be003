import type { VideosClient } from '../client/port.ts';
import { isMissing } from '../client/retry.ts';
import type { ErrorCode } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import type { JobRecord } from '../domain/record.ts';
import { removedJob } from '../domain/summary.ts';
import { isTerminal, type JobStatus, type VideoJob } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/timeout.ts';

const FIRST_DELAY_MS = 400;
const MAX_DELAY_MS = 15_000;
const GROWTH = 1.4;
const JITTER = 0.2;
/** An unknown status may be final: keep polling, but less often. */
const UNKNOWN_STATUS_DELAY_MS = 5_000;
/** Bounds for the pause that a server requests. */
const MIN_SERVER_DELAY_MS = 50;
const MAX_SERVER_DELAY_MS = 5 * 60_000;
/** Replicas and restarts return 404 for existing jobs: a job is gone only after several in a row over some time. */
const MISSING_MS = 60_000;
const MIN_MISSING = 4;
/** Something else is happening to the job: it is locked, or being cancelled. */
const PASSING: ReadonlySet<number | null> = new Set([409, 423, 425]);
/** A gateway in maintenance returns HTML pages; after this many in a row it is a different problem. */
const MAX_UNREADABLE = 5;
/** The timeout of the last poll, at the deadline. */
const LAST_LOOK_MS = 500;

export interface WaitDeps {
  readonly client: Pick<VideosClient, 'get'>;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface WaitOrder {
  readonly id: string;
  /** The job, if already known; saves the first poll. */
  readonly known: VideoJob | null;
  /** By the uptime. */
  readonly deadlineMs: number;
  /** Its record now, asked for after each failed poll: this or another process may have cancelled or deleted the job. */
  readonly latest?: (() => Promise<JobRecord | undefined>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type WaitEvent =
  | { readonly kind: 'job'; readonly job: VideoJob }
  /** A poll failed; the wait continues. */
  | { readonly kind: 'trouble'; readonly error: SoraError };

/**
 * Polls a job until it has ended, and reports each result before the next poll. Network faults and server
 * errors are retried until the deadline. Throws `wait_timeout` at the deadline, the
 * signal's reason when it aborts, and refusals that waiting cannot fix.
 */
export async function waitForJob(
  deps: WaitDeps,
  order: WaitOrder,
  report: (event: WaitEvent) => void | Promise<void>,
): Promise<VideoJob> {
  const { client, clock } = deps;
  const { id, known, deadlineMs, signal } = order;
  const pace = new Pace(deps.random);
  const patience = new Patience();
  let job = known;
  if (job !== null) {
    pace.update(job.pollAfterMs, job.status);
    await report({ kind: 'job', job });
  }
  for (let looks = job === null ? 0 : 1; ; looks++) {
    if (job !== null && isTerminal(job.status)) return job;
    if (looks > 0) {
      const leftMs = deadlineMs - clock.uptimeMs();
      if (leftMs <= 0) throw timedOut(id);
      await clock.sleep(Math.min(pace.nextPauseMs(), leftMs), signal);
    }
    const ms = Math.max(deadlineMs - clock.uptimeMs(), LAST_LOOK_MS);
    try {
      job = await within({ clock, ms, lateness: () => timedOut(id), signal }, (limit) =>
        client.get(id, { signal: limit }),
      );
      patience.restore();
      pace.update(job.pollAfterMs, job.status);
      await report({ kind: 'job', job });
    } catch (error) {
      if (!(error instanceof SoraError)) throw error;
      const removed = removedJob(await order.latest?.());
      if (removed !== null) return removed; // nothing to wait for
      if (!patience.survives(error, clock.uptimeMs())) throw error;
      pace.update(error.retryAfterMs);
      await report({ kind: 'trouble', error });
    }
  }
}

function timedOut(id: string): SoraError {
  return new SoraError('wait_timeout', { jobId: id, facts: { id, target: '' } });
}

/** Decides when to poll next: quickly at first, then less often, unless the server requests a pause. */
class Pace {
  readonly #random: () => number;
  #delayMs = FIRST_DELAY_MS;
  #serverDelayMs: number | null = null;
  #isUnknown = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Applies the pause requested by the last reply. */
  update(serverDelayMs: number | null, status?: JobStatus): void {
    this.#serverDelayMs = serverDelayMs || null; // 0 would poll in a hot loop
    this.#isUnknown = status === 'unknown';
  }

  nextPauseMs(): number {
    const delayMs = this.#isUnknown ? Math.max(this.#delayMs, UNKNOWN_STATUS_DELAY_MS) : this.#delayMs;
    this.#delayMs = Math.min(this.#delayMs * GROWTH, MAX_DELAY_MS);
    const jitteredMs = delayMs * (1 + JITTER * (2 * this.#random() - 1));
    if (this.#serverDelayMs === null) return jitteredMs;
    return Math.min(Math.max(this.#serverDelayMs, MIN_SERVER_DELAY_MS), MAX_SERVER_DELAY_MS);
  }
}

/** Decides which failed polls are tolerated. */
class Patience {
  #unreadable = 0;
  #missing = 0;
  #missingSinceMs = 0;
  #wasSeen = false;

  survives(error: SoraError, nowMs: number): boolean {
    const { code, status, retryable } = error;
    if (code === 'unreadable_response') return ++this.#unreadable <= MAX_UNREADABLE;
    if (isMissing(error)) return this.#survivesMissing(code, nowMs);
    return (retryable && code !== 'wait_timeout') || PASSING.has(status);
  }

  /** A server that never showed the job may have no route for it. */
  #survivesMissing(code: ErrorCode, nowMs: number): boolean {
    if (this.#missing++ === 0) this.#missingSinceMs = nowMs;
    if (this.#missing < MIN_MISSING) return true;
    const mayExist = code === 'video_not_found' || this.#wasSeen;
    return mayExist && nowMs - this.#missingSinceMs < MISSING_MS;
  }

  /** The job was seen, so earlier failures no longer count. */
  restore(): void {
    this.#wasSeen = true;
    this.#unreadable = 0;
    this.#missing = 0;
  }
}
