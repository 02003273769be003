import { type CommandResult, defineCommand } from '../../app/command.ts';
import type { Context, RunDeps } from '../../app/context.ts';
import { option, parseTimeoutMs, parseWholeNumber, refuseFaults } from '../../app/option-values.ts';
import { sharedFolderFault } from '../../app/shared-folder.ts';
import { writeSidecars } from '../../app/sidecars.ts';
import type { BatchListener, RowResult } from '../../batch/batch-order.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import { runBatch } from '../../batch/run.ts';
import { type RowEnd, WorkerRows } from '../../batch/worker-rows.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import type { JobRecord } from '../../domain/record.ts';
import { summarize } from '../../domain/summary.ts';
import { folderOf } from '../../jobs/destination.ts';
import type { WaitEvent } from '../../jobs/wait.ts';
import { fateOf } from '../../platform/process-identity.ts';
import { every } from '../../platform/timeout.ts';
import { OrderReports } from '../../service/order-reports.ts';
import type { ServiceMetrics } from '../../service/service-metrics.ts';
import type { JobQueue } from '../../store/job-queue.ts';
import type { OrderTable } from '../../store/order-table.ts';
import { openVitals, parseVitalsAddress, VITALS_OPTIONS, vitalsOf } from './vitals.ts';

const CONCURRENCY = { min: 1, max: 256, fallback: 4 };
const RETRIES = { min: 0, max: 100, fallback: 8 };
const BEAT_MS = 10_000;
const TIDY_MS = 600_000;

type WorkerDeps = RunDeps & Pick<Context, 'jobQueue' | 'orderTable' | 'env'>;

export const workerCommand = defineCommand({
  name: 'worker',
  description:
    'Takes rows of `sora batch --queue` and orders of `sora serve --queue` for a server, creates their videos and saves them, until it is stopped. Any number of workers can run on any number of machines that can reach the folders where videos are saved. If a worker is lost, another one resumes its rows, and none is paid twice. After the first Ctrl-C or SIGTERM it takes no more rows and puts back the unfinished ones; their jobs keep running.',
  options: {
    concurrency: option('--concurrency <n>', 'rows at a time (default 4)'),
    timeout: option('--timeout <duration>', 'longest wait for a row (default 30m); then it is queued again'),
    retries: option('--retries <n>', `retry a row up to N times after a temporary error (default ${RETRIES.fallback})`),
    drain: option('--drain', 'exit when the queue is empty'),
    ...VITALS_OPTIONS,
  },
  json: '{"done","retried","failed","put_back"}',
  errors: ['usage', 'cannot_listen', 'ledger_unreachable', 'no_api_key', 'insufficient_quota'],
  examples: [
    ['sora worker --concurrency 16', 'sixteen rows at a time, until it is stopped'],
    ['sora worker --profile lab --drain', 'work through the queue in a CI job'],
    ['sora worker --port 9100', 'with its metrics on http://127.0.0.1:9100/metrics'],
  ],

  usesPrices: () => true,

  async run({ options }, deps: WorkerDeps) {
    const { configuration, host, output } = deps;
    const faults: string[] = [];
    const concurrency = parseWholeNumber('--concurrency', options.concurrency, CONCURRENCY, faults);
    const retries = parseWholeNumber('--retries', options.retries, RETRIES, faults);
    const timeoutMs = parseTimeoutMs(options.timeout, configuration.timeoutMs.value, faults);
    const address = parseVitalsAddress(options, deps.env, faults);
    output.secrets.add(address?.apiKey ?? '');
    refuseFaults(faults);
    const queue = await deps.jobQueue(configuration.baseUrl.value); // without one, a key would be of no use
    requireKey(configuration, host.clock.now());
    const worker = `${host.self.host}:${host.pid}:${Buffer.from(host.randomBytes(6)).toString('hex')}`;
    const { clock } = host;
    const rows = new WorkerRows({
      ...{ queue, ledger: deps.ledger, clock, random: deps.random, worker, concurrency, retries },
      limits: configuration.serverLimits,
      drains: options.drain ?? false,
      clean: (text) => output.secrets.redact(text),
    });
    const orders = await deps.orderTable(queue);
    const metrics = vitalsOf({ queue, orders }, deps);
    const log = new WorkerLog(rows, orders, metrics, deps);
    const listening = address && (await openVitals(address, metrics, deps));
    try {
      const stoppedBy = await takeRows({ queue, rows, orders, log, worker, concurrency, timeoutMs }, deps);
      return reportWork(log, stoppedBy);
    } finally {
      await listening?.close();
    }
  },
});

interface Work {
  readonly queue: JobQueue;
  readonly rows: WorkerRows;
  readonly orders: OrderTable;
  readonly log: WorkerLog;
  /** Its name in the queue. */
  readonly worker: string;
  readonly concurrency: number;
  readonly timeoutMs: number;
}

/** Takes rows until the worker is stopped or the queue is drained, and puts back the unfinished ones. */
async function takeRows(work: Work, deps: WorkerDeps): Promise<SoraError | null> {
  const { queue, rows, log, orders, worker, concurrency, timeoutMs } = work;
  const { configuration, host, output, ledger, servers, objects, jobs, random } = deps;
  await queue.workers.putBackLost(fateOf);
  await queue.workers.beat(worker, host.self, concurrency);
  const stopHeartbeats = sendHeartbeats(queue, worker, concurrency, deps);
  output.news(`taking rows for ${configuration.baseUrl.value}, ${concurrency} at a time`);
  ledger.hold();
  try {
    const server = await servers.current({ longestCallMs: timeoutMs });
    const batchDeps = { ...jobs.submitDeps(server), singleShot: server.singleShot, objects, random };
    const conflict = (row: BatchRow): Promise<SoraError | null> => orderFault(row, orders);
    return await runBatch(batchDeps, { rows, concurrency, timeoutMs, maxCostMicros: null, conflict }, log);
  } finally {
    stopHeartbeats();
    log.count.put_back = rows.openTasks.length;
    await queue.workers.putBack(rows.openTasks);
    await queue.workers.leave(worker);
    await ledger.release();
  }
}

/** Why nothing may be sent for an order; null for any other row. */
async function orderFault({ own, destination }: BatchRow, orders: OrderTable): Promise<SoraError | null> {
  const order = own?.order;
  if (order === undefined) return null;
  const fault = sharedFolderFault(folderOf(destination));
  if (fault !== null || (await orders.isWanted(order))) return fault;
  return new SoraError('video_not_found', { title: `the order ${order} was removed`, hints: [] });
}

/** Sends heartbeats, and puts back the rows of lost workers; returns a function that stops it. */
function sendHeartbeats(queue: JobQueue, worker: string, concurrency: number, { host }: WorkerDeps): () => void {
  let nextTidyMs = host.clock.now() + TIDY_MS;
  return every(host.clock, BEAT_MS, async () => {
    await queue.workers.beat(worker, host.self, concurrency);
    await queue.workers.putBackLost(fateOf);
    if (host.clock.now() < nextTidyMs) return;
    nextTidyMs = host.clock.now() + TIDY_MS;
    await queue.tidy();
  });
}

/** Reports the end of each row to the queue and the user. */
class WorkerLog implements BatchListener {
  readonly count = { done: 0, retried: 0, failed: 0, put_back: 0 };
  readonly #rows: WorkerRows;
  readonly #reports: OrderReports;
  readonly #metrics: ServiceMetrics;
  readonly #deps: WorkerDeps;

  constructor(rows: WorkerRows, orders: OrderTable, metrics: ServiceMetrics, deps: WorkerDeps) {
    const { host, objects, output } = deps;
    this.#rows = rows;
    this.#metrics = metrics;
    this.#reports = new OrderReports({
      orders,
      objects,
      now: () => host.clock.now(),
      clean: (text) => output.secrets.hide(text),
    });
    this.#deps = deps;
  }

  onSubmit({ own, estimate }: BatchRow, isPaid: boolean, { job }: JobRecord): void {
    const outcome = isPaid ? 'accepted' : 'attached';
    this.#metrics.job({ kind: 'submission', outcome, estimatedMicros: estimate?.micros ?? null });
    if (own?.order !== undefined && job !== null) this.#reports.accepted(own.order, job.id);
  }

  onWait({ own }: BatchRow, event: WaitEvent): void {
    if (own?.order === undefined || event.kind !== 'job' || event.job.progress === null) return;
    this.#reports.progressed(own.order, event.job.progress);
  }

  onPause({ message }: SoraError, pauseMs: number): void {
    this.#deps.output.news(`${message}; resuming in ${Math.ceil(pauseMs / 1000)} s`);
  }

  async onEnd(result: RowResult, isStopping: boolean): Promise<void> {
    const { output } = this.#deps;
    const { row, record, job, files, error } = result;
    if (result.outcome === 'done' && row.own?.sidecar) {
      const { profile } = this.#deps.configuration;
      const summary = { ...summarize(profile.value, record ?? undefined, job), files };
      for (const unwritten of await writeSidecars([summary], row.own, this.#deps)) output.note(unwritten.message);
    }
    const end = await this.#reported(result, this.#rows.endOf(result, isStopping));
    await this.#rows.settle(result, end);
    this.#measure(result, end);
    if (end === 'done') this.count.done++;
    if (end === 'retry') this.count.retried++;
    if (end === 'failed') this.count.failed++;
    const name = row.own?.order ?? row.id ?? `line ${row.line} of ${row.ref.batch}`;
    const what = { done: 'done', retry: 'queued again', failed: 'failed', 'put back': 'put back' }[end];
    const why = end === 'done' ? [] : [error?.message, error?.causedBy];
    output.news([name, what, ...why.filter(Boolean)].join(': '));
  }

  #measure({ outcome, record, files, error }: RowResult, end: RowEnd): void {
    const metrics = this.#metrics;
    const refusal = outcome === 'unknown' ? 'unknown' : record?.answer === 'rejected' ? 'refused' : null;
    if (refusal !== null) metrics.job({ kind: 'submission', outcome: refusal, estimatedMicros: null });
    for (const { bytes } of files) metrics.job({ kind: 'download', bytes });
    if (error !== null) metrics.error(error.code);
    if (end !== 'done' && end !== 'failed') return;
    const nowMs = this.#deps.host.clock.now();
    const ms = nowMs - (record?.submittedAtMs ?? nowMs);
    metrics.job({ kind: 'end', outcome: end === 'done' ? 'completed' : 'failed', ms });
  }

  /** Reports the end of an order to the service before the queue does: a worker that is killed in between is replaced. */
  async #reported({ row, record, job, files, error }: RowResult, end: RowEnd): Promise<RowEnd> {
    const order = row.own?.order;
    if (order === undefined || (end !== 'done' && end !== 'failed')) return end;
    const ended = { videoId: record?.job?.id ?? null, files, error: end === 'done' ? null : error, job };
    return (await this.#reports.ended(order, ended)) ? end : 'done';
  }
}

function reportWork({ count }: WorkerLog, stoppedBy: SoraError | null): CommandResult {
  const { done, retried, failed, put_back: returned } = count;
  const text = `${done} done, ${retried} queued again, ${failed} failed, ${returned} put back\n`;
  const answer = { data: count, view: () => text };
  return { answer, errors: stoppedBy === null || stoppedBy.code === 'interrupted' ? [] : [stoppedBy] };
}
