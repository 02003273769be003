import type { CommandResult } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import type { PlannedRow } from '../../batch/plan.ts';
import { encodeRow, queueFault } from '../../batch/queued-row.ts';
import type { RowResult } from '../../batch/run.ts';
import { ERROR_CODES } from '../../domain/catalogue.ts';
import { SoraError } from '../../domain/errors.ts';
import { countJson } from '../../output/batch-view.ts';
import { Interrupt } from '../../platform/host.ts';
import { type EndedTask, type JobQueue, PRIORITIES, taskId } from '../../store/job-queue.ts';
import { objectOf } from '../../wire/fields.ts';
import type { BatchOptions, BatchSettings } from './options.ts';
import { finishRun, type RunDeps, type SelectedRows } from './plan-run.ts';
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
  const faults = rows.flatMap(({ row }) => {
    const fault = queueFault(row);
    return fault === null ? [] : [`line ${row.line}: ${fault}`];
  });
  if (faults.length > 0) throw new SoraError('invalid_manifest', { violations: faults });
  const queue = await deps.jobQueue(configuration.baseUrl.value);
  const { maxCostMicros = null, force, sidecar } = settings;
  const own = { maxCostMicros: maxCostMicros ?? configuration.maxCostMicros?.value ?? null, force, sidecar };
  const tasks = rows.map(({ row }) => ({ name: row.ref.key, payload: encodeRow(row, own) }));
  const priority = PRIORITIES[options.priority === 'high' || options.priority === 'low' ? options.priority : 'normal'];
  const startedMs = host.clock.now();
  await queue.add(tasks, priority);
  const seconds = (host.clock.now() - startedMs) / 1000;
  output.news(`queued ${tasks.length} rows in ${seconds.toFixed(1)} s`);
  const progress = new BatchProgress(
    plan,
    { profile: configuration.profile.value, printsRows: settings.printsRows },
    deps,
    async () => {},
  );
  if (options.detach) {
    const summary = { manifest: settings.name, results: null, ...countJson(progress.count) };
    return { answer: { data: { summary }, view: () => '', isLine: true } };
  }
  await progress.start(rows);
  let stoppedBy: SoraError | Interrupt | null = null;
  try {
    await follow(rows, queue, progress, deps);
  } catch (error) {
    if (!(error instanceof Interrupt)) throw error;
    stoppedBy = new SoraError('interrupted', {
      title: 'interrupted; the rows stay in the queue',
      hints: ['run the same command again to follow them', 'run `sora queue` to see what becomes of them'],
      cause: error,
    });
  } finally {
    await progress.stop();
  }
  return finishRun(plan, progress, stoppedBy, settings, deps);
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
  let since: string | null = null;
  while (open.size > 0) {
    const { tasks, next } = await queue.endedSince(since);
    since = next;
    for (const task of tasks) {
      const planned = open.get(task.id);
      if (planned === undefined) continue;
      open.delete(task.id);
      await progress.onEnd(await resultOf(planned, task, deps));
    }
    if (open.size > 0) await host.clock.sleep(POLL_MS, host.interrupt);
  }
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
  const { code, message, hints } = objectOf(stored);
  const known = ERROR_CODES.find((candidate) => candidate === code) ?? 'unexpected';
  return new SoraError(known, {
    ...(typeof message === 'string' ? { title: message } : {}),
    hints: [
      ...(Array.isArray(hints) ? hints.map(String) : []),
      'run `sora queue failed` to see the rows that need you',
    ],
  });
}
