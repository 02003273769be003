import type { VideoRequest } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';
import type { JobQueue, ServerLimits, Task, TaskEnd } from '../store/job-queue.ts';
import type { Ledger } from '../store/ledger.ts';
import { isLeft, type RowResult, type RowStream } from './batch-order.ts';
import type { BatchRow } from './batch-row.ts';
import { type PlannedRow, planRow } from './plan.ts';
import { stopsAll } from './row-failure.ts';
import { decodeRow, readFiles } from './row-payload.ts';

/** How long an idle worker waits before it asks again. */
const IDLE_MS = 1_000;

export interface WorkerRowsOptions {
  readonly queue: JobQueue;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** This worker. */
  readonly worker: string;
  /** How many rows it has at a time. */
  readonly concurrency: number;
  readonly limits: ServerLimits;
  /** How often a row is tried again after an error that may pass. */
  readonly retries: number;
  /** Ends when the queue is empty. */
  readonly drains: boolean;
  /** Removes the secrets that are known from what the queue stores. */
  readonly clean: (text: string) => string;
}

export type RowEnd = TaskEnd | 'put back';

/** The rows that a worker takes from a queue, and how they end there. */
export class WorkerRows implements RowStream {
  readonly #options: WorkerRowsOptions;
  readonly #tasks = new Map<string, Task>();
  #taken: PlannedRow[] = [];
  #asking: Promise<void> | undefined;
  #isEmpty = false;
  #wake = (): void => {};
  #waiting = 0;

  constructor(options: WorkerRowsOptions) {
    this.#options = options;
  }

  /** Tasks that were taken and have not ended. */
  get openTasks(): readonly string[] {
    return [...this.#tasks.values()].map(({ id }) => id);
  }

  async take(signal: AbortSignal): Promise<PlannedRow | undefined> {
    this.#waiting += 1;
    try {
      for (;;) {
        if (signal.aborted) return undefined;
        const next = this.#taken.shift();
        if (next !== undefined) return next;
        if (this.#isEmpty && this.#options.drains && (await this.#options.queue.isEmpty())) return undefined;
        this.#asking ??= this.#ask(signal).finally(() => {
          this.#asking = undefined;
        });
        await this.#asking;
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  requestOf(row: BatchRow): Promise<VideoRequest> {
    const { files } = this.#options.queue;
    return readFiles(row, (digest) => files.read(digest));
  }

  /** Takes as many tasks as can start now, or waits a moment. */
  async #ask(signal: AbortSignal): Promise<void> {
    const { queue, ledger, worker, limits, concurrency, clock, random } = this.#options;
    const free = Math.min(concurrency - this.#tasks.size, this.#waiting);
    if (free <= 0) return this.#rowEnd(signal);
    const tasks = await queue.take(worker, free, limits);
    this.#isEmpty = tasks.length === 0;
    const planned = await Promise.all(
      tasks.map(async (task) => {
        const row = decodeRow(task.payload);
        if (row === undefined) {
          const error = { message: 'it was queued by another version of sora' };
          await queue.end(task, 'failed', { outcome: 'failed', error });
          return [];
        }
        this.#tasks.set(row.ref.key, task);
        return [await planRow(row, ledger)];
      }),
    );
    this.#taken.push(...planned.flat());
    if (tasks.length > 0) return;
    await clock.sleep(IDLE_MS * (0.5 + random()), signal).catch(() => {}); // aborted: `take` sees it
  }

  /** Resolves when a row ends, or the signal aborts. */
  #rowEnd(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** What becomes of a row: done, to be tried again, left to a person, or put back with the others. */
  endOf(result: RowResult, isStopping: boolean): RowEnd {
    if (result.outcome === 'done') return 'done';
    if (isStopping && isUnsettled(result)) return 'put back';
    const { deliveries = 0 } = this.#tasks.get(result.row.ref.key) ?? {};
    return mayPass(result) && deliveries < this.#options.retries ? 'retry' : 'failed';
  }

  /** Records the end of a row in the queue. */
  async settle({ row, outcome, record, error }: RowResult, end: RowEnd): Promise<void> {
    const { queue, clean } = this.#options;
    const task = this.#tasks.get(row.ref.key);
    if (task === undefined || end === 'put back') return;
    const result = {
      outcome,
      submission: record?.key ?? null,
      error: error && {
        code: error.code,
        message: clean(error.message),
        caused_by: error.causedBy && clean(error.causedBy),
        hints: error.hints.map(clean),
      },
    };
    await queue.end(task, end, result);
    this.#tasks.delete(row.ref.key);
    this.#wake();
  }
}

/** Whether a row ended because its worker does, or for what ends its worker. */
function isUnsettled({ outcome, error }: RowResult): boolean {
  return isLeft(outcome) || (error !== null && stopsAll(error));
}

/** Whether the same row may succeed later. One that is in doubt or was refused needs a person. */
function mayPass({ row, outcome, error }: RowResult): boolean {
  if (isLeft(outcome)) return true;
  // It may succeed on another day or with another cap; the client gets the error now.
  if (error?.code === 'cost_cap_exceeded') return row.own?.order === undefined;
  return outcome === 'failed' && error?.retryable === true;
}
