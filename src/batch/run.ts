import { setMaxListeners } from 'node:events';
import pLimit, { type LimitFunction } from 'p-limit';
import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { factsOf, type JobRecord, type SavedFile, type ServerIdentity } from '../domain/record.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { save } from '../jobs/save.ts';
import { type RowOrder, type Submission, type SubmitDeps, submit } from '../jobs/submit.ts';
import { type WaitEvent, waitForJob } from '../jobs/wait.ts';
import { Interrupt } from '../platform/host.ts';
import { type BatchRow, completeRequest } from './batch-row.ts';
import { CreatePace } from './create-pace.ts';
import { type PlannedRow, savedFiles } from './plan.ts';
import { isGone, isServersFault, stopsAll } from './row-failure.ts';

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
  /** Rows in doubt are given up and made anew when they cannot be found. */
  readonly givesUpUnknown: boolean;
  /** Jobs that the server says it does not know are given up, so that a later run makes their rows anew. */
  readonly givesUpMissing: boolean;
  readonly failFast: boolean;
  /** Of each job, from when the server has it; and of a create, from its first turn until the server takes it. */
  readonly timeoutMs: number;
  readonly force: boolean;
  /** Of all submissions of the manifest; null without a cap. */
  readonly maxCostMicros: number | null;
  readonly maxCostPerDayMicros: number | null;
}

export interface RowResult {
  readonly row: BatchRow;
  /** `running`: its job goes on at the server, and another run takes it up; `unknown`: it may have a job. */
  readonly outcome: 'done' | 'failed' | 'running' | 'unknown';
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
  /** Resolves when all that is written of the row is. */
  onEnd(result: RowResult): Promise<void>;
}

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

/** How far a row has come: its submission, and the job as it ended. */
interface Attempt {
  record: JobRecord | null;
  job: VideoJob | null;
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

  async #runRow(planned: PlannedRow, slots: LimitFunction): Promise<void> {
    const { row } = planned;
    const attempt: Attempt = { record: null, job: null };
    let made: Made | null = null;
    try {
      made = await slots(() => this.#make(planned, attempt));
      if (made === null) return;
      const files = savedFiles(made.record, row) ?? (await this.#save(row, made));
      await this.#listener.onEnd({ row, outcome: 'done', ...made, files, error: null });
    } catch (thrown) {
      const error = thrown instanceof Interrupt ? new SoraError('interrupted', { cause: thrown }) : thrown;
      if (!(error instanceof SoraError)) throw thrown;
      // A 404 is of this job alone: servers that forget a job have many words for it.
      const isOutOfSight = attempt.record !== null && attempt.job === null && stopsAll(error) && error.status !== 404;
      const isOver = error.code !== 'wait_timeout' && error.code !== 'interrupted' && !isOutOfSight;
      if (isOutOfSight || (isOver && this.#order.failFast)) this.#stop(error);
      const record = this.#latest(planned, attempt);
      if (isGone(error, this.#order.givesUpMissing)) await this.#forget(record);
      const failed = error.code === 'outcome_unknown' ? 'unknown' : 'failed';
      const outcome = isOver ? failed : 'running';
      await this.#listener.onEnd({ row, outcome, record, job: attempt.job, files: [], error });
    }
  }

  /** What the ledger has of the submission that came to nothing; when it was none of ours, of the row. */
  #latest({ row, record }: PlannedRow, attempt: Attempt): JobRecord | null {
    const { ledger } = this.#deps;
    if (attempt.record !== null) return ledger.byKey(attempt.record.key) ?? attempt.record;
    return ledger.byRow(row.tie.key).at(-1) ?? record;
  }

  /** Lets a job that its server no longer has stand in nobody’s way who makes the row anew. */
  async #forget(record: JobRecord | null): Promise<void> {
    const { ledger, clock } = this.#deps;
    if (record?.answer !== 'accepted' || record.removed) return;
    await ledger.append({ event: 'removed', key: record.key, atMs: clock.now() });
  }

  /** The finished job of a row; null when everything was stopped before it was submitted. */
  async #make(planned: PlannedRow, attempt: Attempt): Promise<Made | null> {
    const { row } = planned;
    const { clock } = this.#deps;
    let tie = this.#tieOf(planned);
    for (let retries = 0; ; retries++) {
      const isUnderWay = retries === 0 && planned.state !== 'to_do' && planned.state !== 'failed';
      const submission = await this.#submit(row, tie, isUnderWay);
      if (submission === null) return null;
      const { record } = submission;
      attempt.record = record;
      const job = await this.#wait(row, record, submission.job);
      attempt.job = job;
      const failure = failureOf(job, clock.now());
      if (failure === null) return { record, job };
      if (retries >= this.#order.retries || !isServersFault(failure, job) || this.#stoppedBy !== null) throw failure;
      tie = { ...tie, after: record.key };
      Object.assign(attempt, { record: null, job: null });
    }
  }

  /** What is known of the row’s earlier submissions, so that what came to nothing is made anew, and nothing else is. */
  #tieOf({ row, state, record }: PlannedRow): RowOrder {
    const key = record?.key ?? null;
    const { givesUpUnknown, maxCostMicros } = this.#order;
    const after = state === 'to_do' || state === 'failed' ? key : null;
    return { ...row.tie, after, givesUp: givesUpUnknown && state === 'unknown' ? key : null, maxCostMicros };
  }

  /** `isUnderWay`: the row has a job, or may have one, so that going on with it is no create that has to wait for its turn. */
  async #submit(row: BatchRow, tie: RowOrder, isUnderWay: boolean): Promise<Submission | null> {
    const { clock } = this.#deps;
    let deadlineMs: number | null = null;
    for (let tries = 0; ; tries++) {
      if (!isUnderWay || tries > 0) await this.#pace.turn(this.#halt.signal).catch(() => {}); // what stopped it is known
      if (this.#stoppedBy !== null) return null;
      deadlineMs ??= clock.now() + this.#order.timeoutMs; // at a slow rate its turn alone may take longer
      try {
        const submission = await this.#submitOnce(row, tie);
        const isPaid = submission.kind === 'submitted';
        if (submission.unrecorded !== undefined) this.#stop(submission.unrecorded);
        if (isPaid) this.#pace.accepted();
        this.#listener.onSubmit(row, isPaid);
        return submission;
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (stopsAll(error)) this.#stop(error);
        if (!error.retryable || clock.now() >= deadlineMs) throw error;
        this.#listener.onPause(error, this.#pace.refused(error));
      }
    }
  }

  #submitOnce(row: BatchRow, tie: RowOrder): Promise<Submission> {
    const { server, free, maxCostPerDayMicros } = this.#order;
    const { client, singleShot } = this.#deps;
    return submit(
      { ...this.#deps, client: { ...client, create: singleShot.create.bind(singleShot) } },
      {
        server,
        request: completeRequest(row),
        estimate: row.estimate,
        free,
        again: false,
        taken: new Set(),
        maxCostPerDayMicros,
        row: tie,
      },
    );
  }

  async #wait(row: BatchRow, record: JobRecord, known: VideoJob | null): Promise<VideoJob> {
    const { singleShot: client, clock, random, ledger, signal } = this.#deps;
    const id = known?.id ?? record.job?.id ?? record.key;
    const ended = known !== null && isTerminal(known.status) ? known : null;
    const deadlineMs = clock.now() + this.#order.timeoutMs;
    const events = waitForJob({ client, clock, random }, { id, known: ended, deadlineMs, signal });
    for (;;) {
      const step = await events.next();
      if (!step.done) {
        this.#listener.onWait(row, step.value);
        continue;
      }
      const job = step.value;
      if (job.status !== record.job?.status) {
        await ledger.tryAppend({ event: 'seen', key: record.key, atMs: clock.now(), job: factsOf(job) });
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
      if (error instanceof SoraError && stopsAll(error) && error.status === null) this.#stop(error);
      throw error;
    }
  }

  #stop(reason: unknown): void {
    if (this.#stoppedBy !== null || !(reason instanceof SoraError || reason instanceof Interrupt)) return;
    this.#stoppedBy = reason;
    this.#halt.abort(reason);
  }
}
