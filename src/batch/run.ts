import { setMaxListeners } from 'node:events';
import pLimit, { type LimitFunction } from 'p-limit';
import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { factsOf, type JobRecord, type SavedFile, type ServerIdentity } from '../domain/record.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { save } from '../jobs/save.ts';
import { type SubmitDeps, submit } from '../jobs/submit.ts';
import { type WaitEvent, waitForJob } from '../jobs/wait.ts';
import { Interrupt } from '../platform/host.ts';
import { type BatchRow, completeRequest } from './batch-row.ts';
import { CreatePace } from './create-pace.ts';
import { type PlannedRow, savedFiles } from './plan.ts';

export interface BatchDeps extends SubmitDeps {
  /** Sends everything once: creates have their own pace here, and waits their own patience. */
  readonly singleShot: VideosClient;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface BatchOrder {
  readonly server: ServerIdentity;
  readonly free: boolean;
  /** In the order in which they are begun. */
  readonly rows: readonly PlannedRow[];
  /** Unfinished jobs on the server at once. */
  readonly concurrency: number;
  /** The least time between two creates. */
  readonly intervalMs: number;
  /** How often a row is made anew that failed by the server's fault. */
  readonly retries: number;
  readonly failFast: boolean;
  /** Of each row, from its turn to the end of its job. */
  readonly timeoutMs: number;
  readonly force: boolean;
  /** What this run may spend; null without a limit. */
  readonly budgetMicros: number | null;
  readonly maxCostPerDayMicros: number | null;
}

export interface RowResult {
  readonly row: BatchRow;
  /** `running`: its job goes on at the server, and another run takes it up. */
  readonly outcome: 'done' | 'failed' | 'running';
  readonly record: JobRecord | null;
  readonly job: VideoJob | null;
  readonly files: readonly SavedFile[];
  readonly error: SoraError | null;
}

export interface BatchListener {
  /** The row has a job; `isPaid` when this run submitted it. */
  onSubmit(row: BatchRow, isPaid: boolean): void;
  onWait(row: BatchRow, event: WaitEvent): void;
  onSave(row: BatchRow): void;
  /** Creates wait, all of them. */
  onPause(error: SoraError, pauseMs: number): void;
  onEnd(result: RowResult): void;
}

/** What concerns the account, the server or this machine, and so every other row too. */
const STOPS_ALL: ReadonlySet<string> = new Set([
  'no_api_key',
  'invalid_api_key',
  'permission_denied',
  'organization_not_verified',
  'insufficient_quota',
  'billing_hard_limit_reached',
  'cost_cap_exceeded',
  'service_retired',
  'endpoint_not_found',
  'not_supported',
  'tls_failure',
  'cannot_write',
  'invalid_config',
]);

/** Words of servers for what another try would not change. */
const ABOUT_THE_REQUEST = /invalid|polic|moderat|safety|content.?filter|blocked|unsupported/i;

/**
 * Makes the videos of rows: creates, waits and saves overlap, within the limits of the
 * order. Resolves with what stopped it before all rows were begun, or null; a row that
 * was begun is told to the listener when it ends. Never rejects for what happens to a row.
 */
export async function runBatch(
  deps: BatchDeps,
  order: BatchOrder,
  listener: BatchListener,
): Promise<SoraError | Interrupt | null> {
  return new BatchRun(deps, order, listener).run();
}

interface Made {
  readonly record: JobRecord;
  readonly job: VideoJob;
}

class BatchRun {
  readonly #deps: BatchDeps;
  readonly #order: BatchOrder;
  readonly #listener: BatchListener;
  readonly #pace: CreatePace;
  /** Aborts what waits for its turn; what runs goes on. */
  readonly #halt = new AbortController();
  #stoppedBy: SoraError | Interrupt | null = null;
  #spentMicros = 0;

  constructor(deps: BatchDeps, order: BatchOrder, listener: BatchListener) {
    this.#deps = deps;
    this.#order = order;
    this.#listener = listener;
    this.#pace = new CreatePace({ clock: deps.clock, random: deps.random, intervalMs: order.intervalMs });
  }

  async run(): Promise<SoraError | Interrupt | null> {
    const { rows, concurrency } = this.#order;
    const { signal } = this.#deps;
    setMaxListeners(0, this.#halt.signal); // all rows wait for their turn on it
    signal?.addEventListener('abort', () => this.#stop(signal.reason), { once: true });
    const slots = pLimit(concurrency);
    const queue = rows.values();
    const work = async (): Promise<void> => {
      for (const planned of queue) {
        if (this.#stoppedBy !== null) return;
        await this.#runRow(planned, slots);
      }
    };
    // As many more as there are slots, so that some can save while others are made; and no more, so that a slow disk
    // or line holds up creates and not memory.
    await Promise.all(Array.from({ length: 2 * concurrency }, work));
    return this.#stoppedBy;
  }

  async #runRow({ row, record }: PlannedRow, slots: LimitFunction): Promise<void> {
    let made: Made | null = null;
    try {
      made = await slots(() => this.#make(row));
      if (made === null) return;
      const files = savedFiles(made.record, row) ?? (await this.#save(row, made));
      this.#listener.onEnd({ row, outcome: 'done', ...made, files, error: null });
    } catch (thrown) {
      const error = thrown instanceof Interrupt ? new SoraError('interrupted', { cause: thrown }) : thrown;
      if (!(error instanceof SoraError)) throw thrown;
      const isOver = error.code !== 'wait_timeout' && error.code !== 'interrupted';
      if (isOver && this.#order.failFast) this.#stop(error);
      const latest = made?.record ?? this.#deps.ledger.byRow(row.tie.key).at(-1) ?? record;
      const job = made?.job ?? null;
      this.#listener.onEnd({ row, outcome: isOver ? 'failed' : 'running', record: latest, job, files: [], error });
    }
  }

  /** The finished job of a row; null when everything was stopped before it was submitted. */
  async #make(row: BatchRow): Promise<Made | null> {
    const { clock } = this.#deps;
    const deadlineMs = clock.now() + this.#order.timeoutMs;
    for (let retries = 0; ; retries++) {
      const submission = await this.#submit(row, deadlineMs);
      if (submission === null) return null;
      const job = await this.#wait(row, submission.record, submission.job, deadlineMs);
      const failure = failureOf(job, clock.now());
      if (failure === null) return { record: submission.record, job };
      if (retries >= this.#order.retries || !isServersFault(failure, job) || this.#stoppedBy !== null) throw failure;
    }
  }

  async #submit(row: BatchRow, deadlineMs: number): Promise<Awaited<ReturnType<typeof submit>> | null> {
    const { clock } = this.#deps;
    for (;;) {
      await this.#pace.turn(this.#halt.signal).catch(() => {}); // what stopped it is known
      if (this.#stoppedBy !== null) return null;
      try {
        const submission = await this.#submitOnce(row);
        this.#pace.accepted();
        this.#listener.onSubmit(row, submission.kind === 'submitted');
        return submission;
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (STOPS_ALL.has(error.code)) this.#stop(error);
        if (!error.retryable || clock.now() >= deadlineMs) throw error;
        this.#listener.onPause(error, this.#pace.refused(error));
      }
    }
  }

  async #submitOnce(row: BatchRow): Promise<Awaited<ReturnType<typeof submit>>> {
    const { server, free, maxCostPerDayMicros } = this.#order;
    const request = completeRequest(row);
    const reservedMicros = this.#reserve(row);
    let isPaid = true;
    try {
      const submission = await submit(
        {
          ...this.#deps,
          client: { ...this.#deps.client, create: this.#deps.singleShot.create.bind(this.#deps.singleShot) },
        },
        {
          server,
          request,
          estimate: row.estimate,
          free,
          again: false,
          taken: new Set(),
          maxCostPerDayMicros,
          row: { ...row.tie, after: null, givesUp: null },
        },
      );
      isPaid = submission.kind === 'submitted';
      return submission;
    } catch (error) {
      isPaid = error instanceof SoraError && error.code === 'outcome_unknown';
      throw error;
    } finally {
      if (!isPaid) this.#spentMicros -= reservedMicros;
    }
  }

  /** Takes the price of a row out of what may be spent. Throws `cost_cap_exceeded`. */
  #reserve({ estimate }: BatchRow): number {
    const { budgetMicros, free } = this.#order;
    const micros = free ? 0 : (estimate?.micros ?? 0);
    if (budgetMicros !== null && this.#spentMicros + micros > budgetMicros) {
      throw new SoraError('cost_cap_exceeded', { title: 'what may be spent on this batch is spent' });
    }
    this.#spentMicros += micros;
    return micros;
  }

  async #wait(row: BatchRow, record: JobRecord, known: VideoJob | null, deadlineMs: number): Promise<VideoJob> {
    const { singleShot: client, clock, random, ledger, signal } = this.#deps;
    const id = known?.id ?? record.job?.id ?? record.key;
    const ended = known !== null && isTerminal(known.status) ? known : null;
    const events = waitForJob({ client, clock, random }, { id, known: ended, deadlineMs, signal });
    for (;;) {
      const step = await events.next();
      if (!step.done) {
        this.#listener.onWait(row, step.value);
        continue;
      }
      const job = step.value;
      if (job.status !== record.job?.status) {
        await ledger.append({ event: 'seen', key: record.key, atMs: clock.now(), job: factsOf(job) });
      }
      return job;
    }
  }

  async #save(row: BatchRow, { record, job }: Made): Promise<SavedFile[]> {
    this.#listener.onSave(row);
    const { destination, variants } = row;
    try {
      return await save(this.#deps, { record, job, destination, variants, force: this.#order.force });
    } catch (error) {
      if (error instanceof SoraError && STOPS_ALL.has(error.code) && error.status === null) this.#stop(error);
      throw error;
    }
  }

  #stop(reason: unknown): void {
    if (this.#stoppedBy !== null || !(reason instanceof SoraError || reason instanceof Interrupt)) return;
    this.#stoppedBy = reason;
    this.#halt.abort(reason);
  }
}

/** Whether a job may come out well when it is made anew. */
function isServersFault({ code }: SoraError, { status, error }: VideoJob): boolean {
  if (status === 'expired') return true;
  return status === 'failed' && code === 'job_failed' && !ABOUT_THE_REQUEST.test(error?.code ?? '');
}
