import { setMaxListeners } from 'node:events';
import pLimit, { type LimitFunction } from 'p-limit';
import type { VideosClient } from '../client/port.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import {
  factsOf,
  hasVideo,
  isOfServer,
  type JobRecord,
  type SavedFile,
  type ServerIdentity,
} from '../domain/record.ts';
import { isTerminal, type VideoJob, type VideoRequest } from '../domain/video.ts';
import { type SaveResult, save, saveBefore } from '../jobs/save.ts';
import { type Submission, type SubmitDeps, submit } from '../jobs/submit.ts';
import type { RowOrder, RowRef } from '../jobs/submit-order.ts';
import { type WaitEvent, waitForJob } from '../jobs/wait.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { Interrupt } from '../platform/host.ts';
import { type BatchRow, completeRequest } from './batch-row.ts';
import { CreatePace } from './create-pace.ts';
import { type PlannedRow, savedFiles } from './plan.ts';
import { isGone, isOfVariant, isServersFault, sourceFailed, stopsAll } from './row-failure.ts';

export interface BatchDeps extends SubmitDeps {
  readonly objects: ObjectStore;
  /** Never retries: creates are paced here, and waits have their own retries. */
  readonly singleShot: VideosClient;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface BatchOrder {
  readonly server: ServerIdentity;
  readonly free: boolean;
  readonly rows: RowStream;
  /** Maximum number of unfinished jobs on the server. */
  readonly concurrency: number;
  /** The minimum time between two creates. */
  readonly intervalMs: number;
  /** How often a row is retried after a server error. */
  readonly retries: number;
  /** Whether rows with unknown outcome are abandoned and retried if they cannot be found. */
  readonly givesUpUnknown: boolean;
  /** Whether jobs unknown to the server are abandoned, so that a later run retries their rows. */
  readonly givesUpMissing: boolean;
  readonly failFast: boolean;
  /** Timeout of each job from its acceptance, and of a create from its first turn to its acceptance. */
  readonly timeoutMs: number;
  readonly force: boolean;
  /** For all submissions of the manifest; null without a cap. */
  readonly maxCostMicros: number | null;
  /** See `SubmitOrder`. */
  readonly conflict?: (row: BatchRow) => Promise<SoraError | null>;
}

/** Where the rows of a run come from, in the order in which they start; not all need be known when it begins. */
export interface RowStream {
  /** The next row, as soon as there is one; undefined when no more can start, or when the signal aborts. */
  take(signal: AbortSignal): Promise<PlannedRow | undefined>;
  /** Reports that a row has ended. Returns rows that cannot start because of it. */
  ended(planned: PlannedRow, isDone: boolean): readonly PlannedRow[];
  /** The request of a row, with the bytes of its files that are not at paths. */
  requestOf(row: BatchRow): VideoRequest | Promise<VideoRequest>;
}

export interface RowResult {
  readonly row: BatchRow;
  /** `running`: its job continues on the server, and another run resumes it; `unknown`: it may have a job. */
  readonly outcome: 'done' | 'failed' | 'running' | 'unknown';
  readonly record: JobRecord | null;
  readonly job: VideoJob | null;
  /** What is saved, also of a row that failed because another of its variants could not be. */
  readonly files: readonly SavedFile[];
  readonly error: SoraError | null;
}

export interface BatchListener {
  /** The row has a job; `isPaid` if this run submitted it. */
  onSubmit(row: BatchRow, isPaid: boolean, record: JobRecord): void;
  onWait(row: BatchRow, event: WaitEvent): void;
  onSave(row: BatchRow): void;
  /** All creates wait. */
  onPause(error: SoraError, pauseMs: number): void;
  /** `isStopping`: an error or an interrupt ends the run. Resolves when the row's results are written. */
  onEnd(result: RowResult, isStopping: boolean): Promise<void>;
}

/**
 * Creates the videos of rows: creates, waits and downloads overlap, within the limits of the
 * order. Resolves with the error that stopped it before all rows were started, or null. The listener
 * learns when each row ends. Never rejects because of a single row.
 */
export async function runBatch(
  deps: BatchDeps,
  order: BatchOrder,
  listener: BatchListener,
): Promise<SoraError | Interrupt | null> {
  return new BatchRun(deps, order, listener).run();
}

/** Whether an error concerns only the rows of one manifest, in a run that has those of several. */
function isOfManifest({ code }: SoraError, { own }: BatchRow): boolean {
  return code === 'cost_cap_exceeded' && own !== undefined;
}

/** The progress of a row: its submission, and its finished job. */
interface Attempt {
  record: JobRecord | null;
  job: VideoJob | null;
}

interface Made {
  readonly record: JobRecord;
  readonly job: VideoJob;
  /** By the uptime: when the row’s time is over. */
  readonly deadlineMs: number;
}

class BatchRun {
  readonly #deps: BatchDeps;
  readonly #order: BatchOrder;
  readonly #listener: BatchListener;
  readonly #pace: CreatePace;
  /** Aborts rows that wait for their turn; running jobs continue. */
  readonly #halt = new AbortController();
  #stoppedBy: SoraError | Interrupt | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(deps: BatchDeps, order: BatchOrder, listener: BatchListener) {
    this.#deps = deps;
    this.#order = order;
    this.#listener = listener;
    this.#pace = new CreatePace({ clock: deps.clock, random: deps.random, intervalMs: order.intervalMs });
  }

  async run(): Promise<SoraError | Interrupt | null> {
    const { concurrency, rows } = this.#order;
    const { signal } = this.#deps;
    setMaxListeners(0, this.#halt.signal); // every waiting row listens
    signal?.addEventListener('abort', () => this.#stop(signal.reason), { once: true });
    const slots = pLimit(concurrency);
    const work = async (): Promise<void> => {
      for (;;) {
        const planned = await rows.take(this.#halt.signal);
        if (planned === undefined) return;
        let outcome: RowResult['outcome'] | null = null;
        let dropped: readonly PlannedRow[] = [];
        try {
          if (this.#stoppedBy === null) outcome = await this.#runRow(planned, slots);
        } finally {
          dropped = rows.ended(planned, outcome === 'done'); // others may wait for it
        }
        if (outcome === 'failed') await this.#failAll(dropped);
      }
    };
    // Twice the slots, so that some rows can download while others render; no more, so that a slow disk or network
    // delays creates instead of filling the memory.
    const works = Array.from({ length: 2 * concurrency }, () => work().catch((error) => this.#fail(error)));
    await Promise.all(works);
    if (this.#failure !== null) throw this.#failure.cause;
    return this.#stoppedBy;
  }

  /** Ends the run with an error that concerns no row, for example of the ledger, once the other rows have ended. */
  #fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#stop(cause instanceof SoraError ? cause : new SoraError('unexpected', { causedBy: messageOf(cause), cause }));
  }

  /** How the row ended; null if the run stopped before it was submitted. */
  async #runRow(planned: PlannedRow, slots: LimitFunction): Promise<RowResult['outcome'] | null> {
    const { row } = planned;
    const attempt: Attempt = { record: null, job: null };
    let files: readonly SavedFile[] = [];
    try {
      const made = await slots(() => this.#make(planned, attempt));
      if (made === null) return null;
      const saved = await this.#save(row, made);
      files = saved.files;
      const error = saved.errors.find((failure) => !isOfVariant(failure)) ?? saved.errors[0];
      if (error !== undefined) throw error;
    } catch (thrown) {
      const error = thrown instanceof Interrupt ? new SoraError('interrupted', { cause: thrown }) : thrown;
      if (!(error instanceof SoraError)) throw thrown;
      // A 404 concerns this job only: servers word it in many ways.
      const isOutOfSight = attempt.record !== null && attempt.job === null && stopsAll(error) && error.status !== 404;
      const isOver = error.code !== 'wait_timeout' && error.code !== 'interrupted' && !isOutOfSight;
      if (isOutOfSight || (isOver && this.#order.failFast)) this.#stop(error);
      const record = await this.#latest(planned, attempt);
      // Of a video that is saved, only a variant can be gone.
      if (files.length === 0 && isGone(error, this.#order.givesUpMissing)) await this.#forget(record);
      const failed = error.code === 'outcome_unknown' ? 'unknown' : 'failed';
      const outcome = isOver ? failed : 'running';
      await this.#end({ row, outcome, record, job: attempt.job, files, error });
      return outcome;
    }
    await this.#end({ row, outcome: 'done', ...attempt, files, error: null });
    return 'done';
  }

  /** Reports rows whose source failed; nothing was sent for them. */
  async #failAll(rows: readonly PlannedRow[]): Promise<void> {
    for (const { row, record } of rows) {
      await this.#end({ row, outcome: 'failed', record, job: null, files: [], error: sourceFailed(row) });
    }
  }

  #end(result: RowResult): Promise<void> {
    return this.#listener.onEnd(result, this.#stoppedBy !== null);
  }

  /** The record of the failed submission; if it was not ours, the row's. */
  async #latest({ row, record }: PlannedRow, attempt: Attempt): Promise<JobRecord | null> {
    const { ledger } = this.#deps;
    if (attempt.record !== null) return (await ledger.byKey(attempt.record.key)) ?? attempt.record;
    return (await this.#ofRow(row.ref)).at(-1) ?? record;
  }

  /** The submissions of a row to this server. */
  async #ofRow({ key }: RowRef): Promise<JobRecord[]> {
    const records = await this.#deps.ledger.list({ by: 'row', value: key });
    return records.filter((record) => isOfServer(record, this.#order.server));
  }

  /** Records that the server no longer has a job, so that its row can be retried. */
  async #forget(record: JobRecord | null): Promise<void> {
    const { ledger, clock } = this.#deps;
    if (record?.answer !== 'accepted' || record.removed) return;
    await ledger.append({ event: 'removed', key: record.key, atMs: clock.now() });
  }

  /** The finished job of a row; null if the run stopped before it was submitted. */
  async #make(planned: PlannedRow, attempt: Attempt): Promise<Made | null> {
    const { row } = planned;
    const { clock } = this.#deps;
    let rowOrder = this.#rowOrder(planned);
    for (let retries = 0; ; retries++) {
      const isUnderWay = retries === 0 && planned.state !== 'to_do' && planned.state !== 'failed';
      const submission = await this.#submit(row, rowOrder, isUnderWay);
      if (submission === null) return null;
      const { record } = submission;
      attempt.record = record;
      const deadlineMs = clock.uptimeMs() + this.#order.timeoutMs;
      const job = await this.#wait(row, record, submission.job, deadlineMs);
      attempt.job = job;
      const failure = failureOf(job);
      if (failure === null) return { record, job, deadlineMs };
      if (retries >= this.#order.retries || !isServersFault(failure, job) || this.#stoppedBy !== null) throw failure;
      rowOrder = { ...rowOrder, after: record.key };
      Object.assign(attempt, { record: null, job: null });
    }
  }

  /** The row’s earlier submissions, so that only a failed one is retried. */
  #rowOrder({ row, state, record }: PlannedRow): RowOrder {
    const key = record?.key ?? null;
    const { givesUpUnknown } = this.#order;
    const maxCostMicros = row.own?.maxCostMicros ?? this.#order.maxCostMicros;
    const after = state === 'to_do' || state === 'failed' ? key : null;
    return { ...row.ref, after, givesUp: givesUpUnknown && state === 'unknown' ? key : null, maxCostMicros };
  }

  /** `isUnderWay`: the row has or may have a job, so resuming it does not wait for a turn to create. */
  async #submit(row: BatchRow, rowOrder: RowOrder, isUnderWay: boolean): Promise<Submission | null> {
    const { clock } = this.#deps;
    let deadlineMs: number | null = null;
    for (let tries = 0; ; tries++) {
      if (!isUnderWay || tries > 0) await this.#pace.turn(this.#halt.signal).catch(() => {}); // the reason is handled elsewhere
      if (this.#stoppedBy !== null) return null;
      deadlineMs ??= clock.uptimeMs() + this.#order.timeoutMs; // at a slow rate waiting for the turn may take longer
      try {
        const submission = await this.#submitOnce(row, rowOrder);
        const isPaid = submission.kind === 'submitted';
        if (submission.unrecorded !== undefined) this.#stop(submission.unrecorded);
        if (isPaid) this.#pace.accepted();
        this.#listener.onSubmit(row, isPaid, submission.record);
        return submission;
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (stopsAll(error) && !isOfManifest(error, row)) this.#stop(error);
        if (!error.retryable || clock.uptimeMs() >= deadlineMs) throw error;
        this.#listener.onPause(error, this.#pace.refused(error));
      }
    }
  }

  async #submitOnce(row: BatchRow, rowOrder: RowOrder): Promise<Submission> {
    const { server, free, conflict, rows } = this.#order;
    const { client, singleShot } = this.#deps;
    const sourceId = await this.#sourceId(row);
    const request = await rows.requestOf(row);
    return submit(
      { ...this.#deps, client: { ...client, create: singleShot.create.bind(singleShot) } },
      {
        server,
        request: completeRequest({ ...row, request }, sourceId),
        estimate: row.estimate,
        free,
        savesFile: true,
        conflict: conflict && (() => conflict(row)),
        row: rowOrder,
      },
    );
  }

  /** The id of the video of the row that this one starts from; null if it starts from none. Throws if there is none. */
  async #sourceId({ from }: BatchRow): Promise<string | null> {
    if (from === null) return null;
    const records = await this.#ofRow(from.row.ref);
    const record = records.findLast(hasVideo) ?? records.findLast(({ job }) => job?.status === 'completed');
    if (record?.job === undefined || record.job === null) throw sourceFailed({ from });
    return record.job.id;
  }

  async #wait(row: BatchRow, record: JobRecord, known: VideoJob | null, deadlineMs: number): Promise<VideoJob> {
    const { singleShot: client, clock, random, ledger, signal } = this.#deps;
    const id = known?.id ?? record.job?.id ?? record.key;
    const ended = known !== null && isTerminal(known.status) ? known : null;
    const order = { id, known: ended, deadlineMs, signal };
    const job = await waitForJob({ client, clock, random }, order, (event) => this.#listener.onWait(row, event));
    if (job.status !== record.job?.status) {
      await ledger.tryAppend({ event: 'seen', key: record.key, atMs: clock.now(), job: factsOf(job) });
    }
    return job;
  }

  async #save(row: BatchRow, { record, job, deadlineMs }: Made): Promise<SaveResult> {
    const { destination, variants } = row;
    const saved = savedFiles(record, row);
    if (saved.length === variants.length) return { files: saved, errors: [] };
    this.#listener.onSave(row);
    const onNote = this.#deps.onNotice;
    const force = row.own?.force ?? this.#order.force;
    const optional = row.own?.order === undefined ? [] : (['thumbnail'] as const);
    const order = { record, job, destination, variants, optional, saved, force, onNote };
    const result = await saveBefore(deadlineMs, this.#deps, job.id, (signal, endMs) =>
      save({ ...this.#deps, signal }, { ...order, deadlineMs: endMs }),
    );
    for (const error of result.errors) {
      const isOfAll = error instanceof SoraError && stopsAll(error) && !isOfVariant(error);
      if (isOfAll && error.status === null) this.#stop(error);
    }
    return result;
  }

  #stop(reason: unknown): void {
    if (this.#stoppedBy !== null || !(reason instanceof SoraError || reason instanceof Interrupt)) return;
    this.#stoppedBy = reason;
    this.#halt.abort(reason);
  }
}
