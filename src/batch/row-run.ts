import type { LimitFunction } from 'p-limit';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { factsOf, hasVideo, idOrKey, isOfServer, type JobRecord, type SavedFile } from '../domain/record.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { knownError } from '../jobs/known-error.ts';
import { type SaveResult, save } from '../jobs/save.ts';
import { namingLastFile, savedFiles } from '../jobs/saved-file.ts';
import { lateToSubmit } from '../jobs/submission-errors.ts';
import { type Submission, submitBefore } from '../jobs/submit.ts';
import type { RowOrder } from '../jobs/submit-order.ts';
import { waitForJob } from '../jobs/wait.ts';
import type { BatchDeps, BatchListener, BatchOrder, RowResult } from './batch-order.ts';
import { type BatchRow, completeRequest } from './batch-row.ts';
import type { CreatePace } from './create-pace.ts';
import type { PlannedRow } from './plan.ts';
import { isGone, isOfVariant, isServersFault, sourceFailed, stopsAll } from './row-failure.ts';

/** What the rows of a run share. */
interface RunContext {
  readonly deps: BatchDeps;
  readonly order: BatchOrder;
  readonly listener: BatchListener;
  readonly pace: CreatePace;
  /** Aborts with the error that ends the run early: rows that wait for their turn do not start, running jobs continue. */
  readonly halt: AbortController;
}

interface Made {
  readonly record: JobRecord;
  readonly job: VideoJob;
  /** By the uptime: when the row’s time is over. */
  readonly deadlineMs: number;
}

/** One row of a run: submitted, waited for and saved. */
export class RowRun {
  readonly #context: RunContext;
  readonly #planned: PlannedRow;
  readonly #row: BatchRow;
  /** Its submission in this run. */
  #record: JobRecord | null = null;
  /** The job of that submission, once it has ended. */
  #job: VideoJob | null = null;

  constructor(planned: PlannedRow, context: RunContext) {
    this.#planned = planned;
    this.#row = planned.row;
    this.#context = context;
  }

  /** Takes a slot until its job has ended. Returns null if the run stopped before it was submitted. */
  async run(slots: LimitFunction): Promise<RowResult | null> {
    const { order, halt } = this.#context;
    const row = this.#row;
    let files: readonly SavedFile[] = [];
    try {
      const made = await slots(() => this.#make());
      if (made === null) return null;
      const saved = await this.#save(made);
      files = saved.files;
      const error = saved.errors.find((failure) => !isOfVariant(failure)) ?? saved.errors[0];
      if (error !== undefined) throw error;
      return { row, outcome: 'done', record: this.#record, job: this.#job, files, error: null };
    } catch (thrown) {
      const error = knownError(thrown);
      // A 404 concerns this job only: servers word it in many ways.
      const isOutOfSight = this.#record !== null && this.#job === null && stopsAll(error) && error.status !== 404;
      const isOver = error.code !== 'wait_timeout' && error.code !== 'interrupted' && !isOutOfSight;
      if (isOutOfSight || (isOver && order.failFast)) halt.abort(error);
      const record = await this.#latest();
      // Of a video that is saved, only a variant can be gone.
      if (files.length === 0 && isGone(error, order.retryFailed)) await this.#forget(record);
      const failed = error.code === 'outcome_unknown' ? 'unknown' : 'failed';
      const isSent = record !== null && record.answer !== 'rejected';
      const outcome = isOver ? failed : isSent ? 'running' : 'to_do';
      return { row, outcome, record, job: this.#job, files, error: namingLastFile(error, record) };
    }
  }

  /** The record of the failed submission; if it was not ours, the row's. */
  async #latest(): Promise<JobRecord | null> {
    const { deps } = this.#context;
    if (this.#record !== null) return (await deps.ledger.byKey(this.#record.key)) ?? this.#record;
    const records = await deps.ledger.list({ by: 'row', value: this.#row.ref.key });
    return records.findLast((record) => isOfServer(record, deps.server)) ?? this.#planned.record;
  }

  /** Records that the server no longer has a job, so that its row can be retried. */
  async #forget(record: JobRecord | null): Promise<void> {
    const { ledger, clock } = this.#context.deps;
    if (record?.answer !== 'accepted' || record.removed) return;
    await ledger.append({ event: 'removed', key: record.key, atMs: clock.now() });
  }

  /** The finished job; null if the run stopped before it was submitted. */
  async #make(): Promise<Made | null> {
    const { deps, order, halt } = this.#context;
    let rowOrder = this.#rowOrder();
    for (let retries = 0; ; retries++) {
      const submission = await this.#submit(rowOrder);
      if (submission === null) return null;
      const { record } = submission;
      this.#record = record;
      const deadlineMs = deps.clock.uptimeMs() + order.timeoutMs;
      const job = await this.#wait(record, submission.job, deadlineMs);
      this.#job = job;
      const failure = failureOf(job);
      if (failure === null) return { record, job, deadlineMs };
      if (retries >= (order.retries ?? 0) || !isServersFault(failure, job) || halt.signal.aborted) throw failure;
      rowOrder = { ...rowOrder, after: record.key, isUnderWay: false };
      this.#record = null;
      this.#job = null;
    }
  }

  /** The row’s earlier submissions, so that only a failed one is retried. */
  #rowOrder(): RowOrder {
    const { order } = this.#context;
    const { row, state, record } = this.#planned;
    const key = record?.key ?? null;
    const isUnderWay = state !== 'to_do' && state !== 'failed';
    const after = isUnderWay ? null : key;
    const givesUp = order.retryUnknown && state === 'unknown' ? key : null;
    return { ...row.ref, after, givesUp, isUnderWay, maxCostMicros: row.own?.maxCostMicros ?? order.maxCostMicros };
  }

  /** Resuming a row that has or may have a job does not wait for a turn to create. */
  async #submit(rowOrder: RowOrder): Promise<Submission | null> {
    const { deps, order, listener, pace, halt } = this.#context;
    let deadlineMs: number | null = null;
    let refusal: SoraError | null = null;
    for (;;) {
      if (!rowOrder.isUnderWay || refusal !== null) {
        await this.#turn((deadlineMs ?? Number.POSITIVE_INFINITY) - deps.clock.uptimeMs(), refusal);
      }
      if (halt.signal.aborted) return null;
      deadlineMs ??= deps.clock.uptimeMs() + order.timeoutMs; // at a slow rate waiting for the turn may take longer
      try {
        const submission = await this.#submitOnce(rowOrder, deadlineMs);
        const isPaid = submission.kind === 'submitted';
        if (submission.unrecorded !== undefined) halt.abort(submission.unrecorded);
        if (isPaid) pace.accepted();
        listener.onSubmit(this.#row, isPaid, submission.record);
        return submission;
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (stopsAll(error) && !this.#isOfManifest(error)) halt.abort(error);
        if (!error.retryable || deps.clock.uptimeMs() >= deadlineMs) throw error;
        refusal = error;
        listener.onPause(error, pace.refused(error));
      }
    }
  }

  /** Waits for its turn to create, or for the run to stop. Throws once the server has been busy for the time of a row. */
  async #turn(leftMs: number, refusal: SoraError | null): Promise<void> {
    const { order, pace, halt } = this.#context;
    const isTurn = await pace.turn(Math.min(leftMs, order.timeoutMs), halt.signal).catch(() => halt.signal.aborted);
    if (!isTurn) throw refusal ?? lateToSubmit();
  }

  /** Whether an error concerns only the rows of one manifest, in a run that has those of several. */
  #isOfManifest({ code }: SoraError): boolean {
    return code === 'cost_cap_exceeded' && this.#row.own !== undefined;
  }

  async #submitOnce(rowOrder: RowOrder, deadlineMs: number): Promise<Submission> {
    const { deps, order } = this.#context;
    const { conflict, rows } = order;
    const row = this.#row;
    const sourceId = await this.#sourceId();
    const request = (await rows.requestOf?.(row)) ?? row.request;
    return submitBefore(
      deadlineMs,
      { ...deps, client: { ...deps.client, create: deps.singleShot.create.bind(deps.singleShot) } },
      {
        request: completeRequest({ ...row, request }, sourceId),
        estimate: row.estimate,
        savesFile: true,
        conflict: conflict && (() => conflict(row)),
        row: rowOrder,
      },
    );
  }

  /** The id of the video of the row that this one starts from; null if it starts from none. Throws if there is none. */
  async #sourceId(): Promise<string | null> {
    const { from } = this.#row;
    if (from === null) return null;
    const { ledger, server } = this.#context.deps;
    const all = await ledger.list({ by: 'row', value: from.row.ref.key });
    // Of another account only if this one has none: the key may have been replaced, which only the server knows.
    const isOwn = (record: JobRecord): number => Number(isOfServer(record, server));
    const records = all.toSorted((a, b) => isOwn(a) - isOwn(b));
    const record = records.findLast(hasVideo) ?? records.findLast(({ job }) => job?.status === 'completed');
    if (record?.job === undefined || record.job === null) throw sourceFailed({ from });
    return record.job.id;
  }

  async #wait(record: JobRecord, known: VideoJob | null, deadlineMs: number): Promise<VideoJob> {
    const { deps, listener } = this.#context;
    const { singleShot: client, clock, random, ledger, signal } = deps;
    const ended = known !== null && isTerminal(known.status) ? known : null;
    const order = { id: idOrKey(record), known: ended, deadlineMs, latest: () => ledger.byKey(record.key), signal };
    const job = await waitForJob({ client, clock, random }, order, (event) => listener.onWait(this.#row, event));
    if (job.status !== record.job?.status) {
      await ledger.tryAppend({ event: 'seen', key: record.key, atMs: clock.now(), job: factsOf(job) });
    }
    return job;
  }

  async #save({ record, job, deadlineMs }: Made): Promise<SaveResult> {
    const { deps, order: batch, listener, halt } = this.#context;
    const { destination, variants, own } = this.#row;
    const saved = savedFiles(record, this.#row);
    if (saved.length === variants.length) return { files: saved, errors: [] };
    listener.onSave?.(this.#row);
    const force = own?.force ?? batch.force ?? false;
    const optional = own?.order === undefined ? [] : (['thumbnail'] as const);
    const order = { record, job, destination, variants, optional, saved, force, deadlineMs, onNote: deps.onNotice };
    const result = await save(deps, order);
    for (const error of result.errors) {
      if (stopsAll(error) && !isOfVariant(error) && error.status === null) halt.abort(error);
    }
    return result;
  }
}
