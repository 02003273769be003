import type { CommandResult } from '../../app/command.ts';
import type { Context, RunDeps } from '../../app/context.ts';
import type { RowResult } from '../../batch/batch-order.ts';
import { type PlannedRow, rowsInOrder } from '../../batch/plan.ts';
import { sourceFailed } from '../../batch/row-failure.ts';
import { RowEncoder } from '../../batch/row-payload.ts';
import { ERROR_CODES } from '../../domain/catalogue.ts';
import { SoraError } from '../../domain/errors.ts';
import { countOf } from '../../domain/wording.ts';
import { countJson } from '../../output/batch-view.ts';
import { Interrupt } from '../../platform/host.ts';
import { type EndedTask, type JobQueue, PRIORITIES } from '../../store/job-queue.ts';
import { type NewTask, taskId } from '../../store/queue-tasks.ts';
import { objectOf } from '../../wire/fields.ts';
import type { BatchOptions, BatchSettings } from './options.ts';
import { finishRun, type SelectedRows } from './plan-run.ts';
import { BatchProgress } from './progress.ts';

const POLL_MS = 1_000;

/** Puts rows into the shared queue, and follows them until workers have ended all of them. */
export async function queuePlan(
  { plan, rows }: SelectedRows,
  settings: BatchSettings,
  options: BatchOptions,
  deps: RunDeps & Pick<Context, 'jobQueue'>,
): Promise<CommandResult> {
  const { configuration, output, host } = deps;
  const queue = await deps.jobQueue(configuration.baseUrl.value);
  const tasks = await tasksOf(rows, queue, settings, deps);
  const priority = PRIORITIES[options.priority === 'high' || options.priority === 'low' ? options.priority : 'normal'];
  const startedMs = host.clock.now();
  const added = await queue.add(tasks, priority);
  const seconds = (host.clock.now() - startedMs) / 1000;
  const known = tasks.length - added;
  const others = known === 0 ? '' : `; ${countOf(known, 'row was', 'rows were')} in the queue already`;
  output.news(`queued ${countOf(added, 'row')} in ${seconds.toFixed(1)} s${others}`);
  const progress = new BatchProgress(plan, settings, deps);
  if (options.detach) {
    const summary = { manifest: settings.name, results: null, ...countJson(progress.count) };
    return { answer: { data: { summary }, view: () => '', isLine: true } };
  }
  await progress.start(rows);
  let stoppedBy: SoraError | null = null;
  try {
    await follow(rows, queue, progress, deps);
  } catch (error) {
    if (!(error instanceof Interrupt)) throw error;
    stoppedBy = new SoraError('interrupted', {
      title: 'interrupted; the rows stay in the queue',
      hints: ['run the same command again to follow them', 'run `sora queue` to see their progress'],
      cause: error,
    });
  } finally {
    await progress.stop();
  }
  return finishRun(plan, progress, stoppedBy, settings, deps);
}

/** The rows as tasks, each after the one that it waits for. Stores the files that they need. */
async function tasksOf(
  rows: readonly PlannedRow[],
  queue: JobQueue,
  { maxCostMicros = null, force, sidecar }: BatchSettings,
  { configuration, host }: RunDeps,
): Promise<NewTask[]> {
  const own = { maxCostMicros: maxCostMicros ?? configuration.maxCostMicros?.value ?? null, force, sidecar };
  const encoder = new RowEncoder((digest, read) => queue.files.store(digest, read));
  const tasks: NewTask[] = [];
  for (const row of rowsInOrder(rows.map((planned) => planned.row))) {
    host.interrupt.throwIfAborted();
    const { payload, files } = await encoder.encode(row, own);
    const source = row.from?.row.ref.key;
    tasks.push({ name: row.ref.key, payload, files, ...(source === undefined ? {} : { after: source }) });
  }
  return tasks;
}

async function follow(
  rows: readonly PlannedRow[],
  queue: JobQueue,
  progress: BatchProgress,
  deps: RunDeps,
): Promise<void> {
  const { host, output } = deps;
  const open = new Map(rows.map((planned) => [taskId(planned.row.ref.key), planned]));
  if (open.size > 0 && (await queue.state()).workers.length === 0) {
    output.note('no worker takes these rows yet; run `sora worker` with the same profile, on any machine');
  }
  const followers = followersOf(rows);
  /** They stay in the queue, and start when a person retries the row before them. */
  const drop = async (dropped: readonly PlannedRow[] = [], why: RowResult['outcome']): Promise<void> => {
    for (const { row, record } of dropped) {
      if (!open.delete(taskId(row.ref.key))) continue;
      const error = sourceFailed(row);
      if (why === 'failed') await progress.onEnd({ row, outcome: why, record, job: null, files: [], error });
      await drop(followers.get(row.ref.key), why);
    }
  };
  let since: string | null = null;
  while (open.size > 0) {
    const { tasks, next } = await queue.endedSince(since);
    since = next;
    for (const task of tasks) {
      const planned = open.get(task.id);
      if (planned === undefined) continue;
      open.delete(task.id);
      const result = await resultOf(planned, task, deps);
      await progress.onEnd(result);
      if (result.outcome !== 'done') await drop(followers.get(planned.row.ref.key), result.outcome);
    }
    if (open.size > 0) await host.clock.sleep(POLL_MS, host.interrupt);
  }
}

/** Rows by the key of the row that they start from. */
function followersOf(rows: readonly PlannedRow[]): ReadonlyMap<string, readonly PlannedRow[]> {
  const followers = new Map<string, PlannedRow[]>();
  for (const planned of rows) {
    const source = planned.row.from?.row.ref.key;
    if (source !== undefined) followers.set(source, [...(followers.get(source) ?? []), planned]);
  }
  return followers;
}

/** What a worker stored about a row, with what the ledger knows of it. */
async function resultOf({ row }: PlannedRow, { result }: EndedTask, { ledger }: RunDeps): Promise<RowResult> {
  const stored = objectOf(result);
  const records = await ledger.list({ by: 'row', value: row.ref.key });
  const record = records.find(({ key }) => key === stored.submission) ?? null;
  const outcome = stored.outcome === 'done' || stored.outcome === 'unknown' ? stored.outcome : 'failed';
  const error = outcome === 'done' ? null : errorFrom(stored.error);
  return { row, outcome, record, job: null, files: outcome === 'done' ? (record?.files ?? []) : [], error };
}

function errorFrom(stored: unknown): SoraError {
  const { code, message, caused_by: causedBy, hints } = objectOf(stored);
  const known = ERROR_CODES.find((candidate) => candidate === code) ?? 'unexpected';
  return new SoraError(known, {
    ...(typeof message === 'string' ? { title: message } : {}),
    causedBy: typeof causedBy === 'string' ? causedBy : null,
    hints: [
      ...(Array.isArray(hints) ? hints.map(String) : []),
      'run `sora queue failed` to see the rows that need you',
    ],
  });
}
