import { basename } from 'node:path';
import type { RunDeps } from '../../app/context.ts';
import type { Server } from '../../app/servers.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import {
  openServerBatch,
  priceOfAll,
  recordResults,
  serverBatchFaults,
  serverBatchRow,
  underWayAsRow,
  writeRequests,
} from '../../batch/server-batch.ts';
import { batchPrompt, readBatch, readResults, uploadRequests } from '../../client/batches.ts';
import type { CallOptions } from '../../client/port.ts';
import { serverModel } from '../../client/profile-client.ts';
import { retryRead } from '../../client/retry.ts';
import { capabilitiesOf } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import { factsOf, idOrKey, type JobRecord } from '../../domain/record.ts';
import { missingFor } from '../../domain/request-gate.ts';
import { type JobStatus, requestFor, type VideoJob, type VideoRequest } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import { knownError } from '../../jobs/known-error.ts';
import { attachTo, submitBefore } from '../../jobs/submit.ts';
import { waitForJob } from '../../jobs/wait.ts';
import type { ServedBatch } from '../../wire/batches.ts';
import type { BatchSettings } from './options.ts';
import { resumingCommand } from './plan-run.ts';

type ServerBatchDeps = Omit<RunDeps, 'objects'>;

/** Throws `not_supported` or `invalid_manifest`, before anything is sent, for rows that cannot be in a server-side batch. */
export function refuseForServerBatch(
  rows: readonly BatchRow[],
  { configuration }: Pick<ServerBatchDeps, 'configuration'>,
): void {
  const [missing] = missingFor({ operation: 'batch' }, capabilitiesOf(configuration));
  if (missing !== undefined) {
    throw new SoraError('not_supported', {
      title: missing,
      hints: ['leave out `--server-batch` to create the videos one by one'],
    });
  }
  const faults = serverBatchFaults(rows);
  if (faults.length === 0) return;
  throw new SoraError('invalid_manifest', {
    title: 'these rows cannot be in one server-side batch',
    violations: faults.map(({ line, message }) => `line ${line}: ${message}`),
    hints: ['leave out `--server-batch`, or split the manifest'],
  });
}

/**
 * The server-side batches of a manifest, one at a time. A batch is one paid submission; when it ends, its results
 * become the submissions of their rows.
 */
export class ServerBatch {
  readonly #deps: ServerBatchDeps;
  readonly #settings: BatchSettings;
  /** The manifest's name in the ledger. */
  readonly #manifest: string;
  readonly #startedMs: number;
  /** Of the batch at hand, by the uptime. */
  #deadlineMs = 0;

  constructor(manifest: string, settings: BatchSettings, deps: ServerBatchDeps) {
    this.#deps = deps;
    this.#settings = settings;
    this.#manifest = manifest;
    this.#startedMs = deps.host.clock.now();
  }

  /**
   * Waits for a batch that an earlier run left, and records its results. `rows` are those of the manifest now. Returns
   * whether the batch was cancelled: then this run submits no other one.
   */
  async resume(rows: readonly BatchRow[]): Promise<{ readonly isCancelled: boolean }> {
    const { ledger, output, servers } = this.#deps;
    for (let isCancelled = false; ; ) {
      const open = await openServerBatch(ledger, this.#manifest);
      if (open === undefined) return { isCancelled };
      this.#startTimeout();
      const server = await servers.of(open);
      // Whoever typed `--retry-unknown` knew only of those.
      const givesUp = this.#settings.retryUnknown && open.submittedAtMs < this.#startedMs;
      const found = await this.#found(open, server, givesUp);
      if (found === null) continue;
      output.news(`resuming the server-side batch ${found.job?.id}`);
      const end = await this.#finish(found, server, { rows, ignoresGaps: givesUp });
      isCancelled = end === 'cancelled';
    }
  }

  /** Submits rows, waits for their batch and records its results. */
  async run(rows: readonly BatchRow[], all: readonly BatchRow[]): Promise<void> {
    const { configuration, ledger, output, servers, jobs, host } = this.#deps;
    const { modelNames, format } = configuration;
    this.#startTimeout();
    const server = await servers.current({ longestCallMs: this.#settings.timeoutMs });
    const text = writeRequests(rows, format, (model) => serverModel(model, modelNames));
    const fileId = await uploadRequests(server.direct, basename(this.#settings.name), text);
    output.news(`uploaded ${countOf(rows.length, 'request')} as ${fileId}`);
    host.interrupt.throwIfAborted();
    const key = serverBatchRow(this.#manifest);
    const earlier = await ledger.list({ by: 'row', value: key });
    const { record, unrecorded } = await submitBefore(this.#deadlineMs, jobs.submitDeps(server, 'batch'), {
      request: batchRequest(fileId, rows.length),
      estimate: priceOfAll(rows),
      conflict: () => underWayAsRow(ledger, this.#manifest, rows),
      row: {
        batch: this.#manifest,
        key,
        after: earlier.at(-1)?.key ?? null,
        givesUp: null,
        maxCostMicros: this.#settings.maxCostMicros ?? configuration.maxCostMicros?.value ?? null,
      },
    });
    if (unrecorded !== undefined) throw unrecorded;
    await this.#finish(record, server, { rows: all, ignoresGaps: false });
  }

  /** The record with its batch on the server; null if nothing was created, so that there is nothing to resume. */
  async #found(open: JobRecord, server: Server, givesUp: boolean): Promise<JobRecord | null> {
    if (open.answer === 'accepted') return open;
    const submitDeps = this.#deps.jobs.submitDeps(server, 'batch');
    const row = { givesUp: givesUp ? open.key : null };
    try {
      const submission = await this.#inTime(null, (signal) => attachTo({ ...submitDeps, signal }, { row }, open));
      return submission?.record ?? null;
    } catch (error) {
      if (!(error instanceof SoraError) || error.code !== 'outcome_unknown') throw error;
      const hint = 'add `--retry-unknown` to submit its rows again; if it exists after all, they are paid twice';
      throw error.with({ hints: [...error.hints, hint] });
    }
  }

  async #finish(
    record: JobRecord,
    server: Server,
    { rows, ignoresGaps }: { readonly rows: readonly BatchRow[]; readonly ignoresGaps: boolean },
  ): Promise<JobStatus> {
    const { ledger, host, output, jobs } = this.#deps;
    const submitDeps = jobs.submitDeps(server, 'batch');
    const id = idOrKey(record);
    const job = await this.#wait(id, server);
    const { direct, retries } = server;
    const read = <T>(ask: (call: CallOptions) => Promise<T>): Promise<T> =>
      this.#inTime(id, (signal) => {
        const call = { signal, exists: true };
        return retryRead(() => ask(call), retries, call);
      });
    const batch = await read((call) => readBatch(direct, id, call));
    const answered = new Set<string>();
    for (const fileId of [batch.outputFileId, batch.errorFileId]) {
      if (fileId === null) continue;
      const text = await read((call) => readResults(direct, fileId, call));
      const results = await recordResults(text, { submission: record, manifest: this.#manifest, rows }, submitDeps);
      for (const row of results) answered.add(row);
    }
    const count = answered.size;
    const missing = (answersOf(batch) ?? requestCount(record) ?? batch.total ?? count) - count;
    if (missing > 0 && batch.status !== 'failed' && !ignoresGaps) throw gaps(id, missing);
    // From here on the rows count what they cost, and not their batch.
    const at = { key: record.key, atMs: host.clock.now() };
    await ledger.append(
      { event: 'seen', ...at, job: { ...factsOf(job), actualMicros: 0 } },
      { event: 'removed', ...at },
    );
    output.news(`the server-side batch ${id} has ended: ${job.serverStatus ?? job.status}, ${count} results`);
    if (batch.status === 'failed' && count === 0) {
      throw new SoraError('job_failed', {
        title: `the server refused the batch ${id}`,
        violations: batch.problems,
        jobId: id,
        hints: ['fix these rows, then run the same command again'],
      });
    }
    return batch.status;
  }

  #startTimeout(): void {
    this.#deadlineMs = this.#deps.host.clock.uptimeMs() + this.#settings.timeoutMs;
  }

  #inTime<T>(id: string | null, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#deps.jobs.inTime(this.#deadlineMs, id, call);
  }

  async #wait(id: string, server: Server): Promise<VideoJob> {
    const { host, random, output } = this.#deps;
    const { clock, interrupt } = host;
    const client = this.#deps.jobs.singleShotOf(server, 'batch');
    let reported = '';
    try {
      const order = { id, known: null, deadlineMs: this.#deadlineMs, signal: interrupt };
      return await waitForJob({ client, clock, random }, order, (event) => {
        const news = event.kind === 'trouble' ? `${event.error.message}; still waiting` : describe(event.job);
        if (news !== reported) output.news(`server-side batch ${id}: ${news}`);
        reported = news;
      });
    } catch (error) {
      throw stopped(knownError(error), id, `run \`${resumingCommand(host)}\` to resume`);
    }
  }
}

/** The paid request: a batch of the uploaded file. Not every server reports how many requests it read. */
function batchRequest(fileId: string, requests: number): VideoRequest {
  const source = { operation: 'batch', video: { kind: 'id', id: fileId } } as const;
  return { ...requestFor(batchPrompt(fileId)), source, params: { requests } };
}

/** How many requests a cancelled batch has executed: a server need not list the others. Null if it does not say. */
function answersOf({ status, completed, failed }: ServedBatch): number | null {
  return status === 'cancelled' && completed !== null && failed !== null ? completed + failed : null;
}

/** How many requests were uploaded; null in the records of older versions. */
function requestCount({ request }: JobRecord): number | null {
  return typeof request.params.requests === 'number' ? request.params.requests : null;
}

/** A row without a result may have been made, so the batch stays open. */
function gaps(id: string, missing: number): SoraError {
  return new SoraError('unreadable_response', {
    title: `the results of ${countOf(missing, 'request')} of ${id} are missing`,
    jobId: id,
    hints: [
      'run the command again without `--retry-unknown`: the results may not be complete yet',
      'run it again with `--retry-unknown` to submit these rows again; if their videos exist after all, they are paid twice',
    ],
  });
}

function describe({ serverStatus, status, progress }: VideoJob): string {
  return `${(serverStatus ?? status).replaceAll('_', ' ')}${progress === null ? '' : `, ${progress}%`}`;
}

/** What ended the wait but not the batch, with the command that resumes it. */
function stopped(error: SoraError, id: string, resume: string): SoraError {
  const { code } = error;
  if (code !== 'interrupted' && code !== 'wait_timeout') {
    return error.with({ jobId: id, hints: [...error.hints, resume] });
  }
  const title = `${code === 'interrupted' ? 'interrupted' : 'timed out'}; the server-side batch keeps running`;
  return error.with({ title, jobId: id, hints: [resume] });
}
