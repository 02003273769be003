import { existsSync } from 'node:fs';
import type { CommandResult } from '../../app/command.ts';
import type { RunDeps } from '../../app/context.ts';
import type { Server } from '../../app/servers.ts';
import { writeSidecars } from '../../app/sidecars.ts';
import { type BatchPlan, filesOf, type PlannedRow } from '../../batch/plan.ts';
import { ReadyRows } from '../../batch/ready-rows.ts';
import { runBatch } from '../../batch/run.ts';
import { underWayInBatch } from '../../batch/server-batch.ts';
import type { BatchCount, BatchEntry } from '../../domain/batch.ts';
import { type SoraError, soraErrorOf } from '../../domain/errors.ts';
import { describePrice, NOTHING_SPENT, plus, type Tally } from '../../domain/money.ts';
import { isObjectAddress } from '../../domain/object-address.ts';
import { costOf } from '../../domain/record.ts';
import { shellWord } from '../../domain/shell.ts';
import type { JobSummary } from '../../domain/summary.ts';
import { countOf } from '../../domain/wording.ts';
import { folderOf, sidecarPath } from '../../jobs/destination.ts';
import { targetOf } from '../../jobs/save-target.ts';
import { countJson, describeCount, entryJson, renderEntries } from '../../output/batch-view.ts';
import type { Surface } from '../../output/surface.ts';
import type { Host } from '../../platform/host.ts';
import type { BatchSettings } from './options.ts';
import { BatchProgress, plannedEntry } from './progress.ts';

export const SOME_FAILED = 6;
const STILL_RUNNING = 8;

export interface SelectedRows {
  readonly plan: BatchPlan;
  /** The rows to run, in any order. */
  readonly rows: readonly PlannedRow[];
}

/** Runs rows of a plan, shows them, and writes the results file, which finally covers all rows. */
export async function runPlan(
  { plan, rows }: SelectedRows,
  settings: BatchSettings,
  deps: RunDeps,
): Promise<CommandResult> {
  const { configuration, ledger, servers, objects, jobs, random } = deps;
  const folders = new Set(rows.map(({ row }) => folderOf(row.destination)));
  const check = (path: string) =>
    targetOf(path, objects).check({ kind: 'folder', path }, settings.variants, settings.force);
  await Promise.all([...folders].map(check));
  const server = await servers.current({ longestCallMs: settings.timeoutMs });
  const { results } = settings;
  const unwritten = [...(await writeSidecars(settings.sidecar ? missingSidecars(plan, server) : [], settings, deps))];
  const onEntry = async (entry: BatchEntry): Promise<void> => {
    results?.add(entryJson(entry));
    if (entry.outcome === 'done') unwritten.push(...(await writeSidecars([entry.summary], settings, deps)));
  };
  const progress = new BatchProgress(plan, { ...settings, onEntry }, deps);
  await progress.start(rows);
  let stoppedBy: SoraError | null;
  ledger.hold();
  try {
    stoppedBy = await runBatch(
      { ...jobs.submitDeps(server), singleShot: server.singleShot, objects, random },
      {
        ...settings,
        rows: new ReadyRows(inOrderOfRunning(rows)),
        maxCostMicros: settings.maxCostMicros ?? configuration.maxCostMicros?.value ?? null,
        conflict: () => underWayInBatch(ledger, plan.manifest),
      },
      progress,
    );
  } finally {
    await ledger.release();
    await progress.stop();
  }
  const stop = stoppedBy?.code === 'interrupted' ? interrupted(progress.count, stoppedBy) : stoppedBy;
  return finishRun(plan, progress, stop, settings, deps, unwritten);
}

/** The result of a run whose rows have ended. `unwritten` reports sidecars that could not be written. */
export async function finishRun(
  plan: BatchPlan,
  progress: BatchProgress,
  stoppedBy: SoraError | null,
  settings: BatchSettings,
  deps: RunDeps,
  unwritten: readonly SoraError[] = [],
): Promise<CommandResult> {
  // A failure to write the file is reported after the rows.
  const failure = await settings.results?.replace(documents(progress)).then(() => undefined, soraErrorOf);
  // Of earlier submissions that were in doubt, some turned out to have created nothing.
  const count = { ...progress.count, spent: await spentOn(plan.manifest, deps) };
  const result = reportRun(progress, count, stoppedBy, settings, deps);
  const errors = [...(result.errors ?? []), ...unwritten, ...(failure === undefined ? [] : [failure])];
  return errors.length > 0 ? { ...result, errors } : result;
}

/** Record by record: the ledger would keep its sum ready for the next question, and all its records with it. */
async function spentOn(manifest: string, { configuration, ledger }: RunDeps): Promise<Tally> {
  let spent = NOTHING_SPENT;
  for await (const record of ledger.records({ by: 'batch', value: manifest }, 'oldest first'))
    if (record.profile === configuration.profile.value) spent = plus(spent, costOf(record));
  return spent;
}

/** Videos that an earlier run saved without writing their sidecars. */
function missingSidecars({ rows }: BatchPlan, { identity }: Server): JobSummary[] {
  return rows.flatMap((planned) => {
    const files = filesOf(planned);
    const path = files?.[0]?.path;
    if (files === null || path === undefined || isObjectAddress(path) || existsSync(sidecarPath(path))) return [];
    return { ...plannedEntry(planned, identity.profile).summary, files };
  });
}

function* documents(progress: BatchProgress): Generator<Record<string, unknown>> {
  for (const entry of progress.entries()) yield entryJson(entry);
}

/** Running rows first; doubtful ones last, when more is known about them. */
function inOrderOfRunning(rows: readonly PlannedRow[]): PlannedRow[] {
  const rank = ({ state }: PlannedRow): number =>
    state === 'unknown' ? 2 : state === 'running' || state === 'saveable' ? 0 : 1;
  return rows.toSorted((a, b) => rank(a) - rank(b));
}

function reportRun(
  progress: BatchProgress,
  count: BatchCount,
  stoppedBy: SoraError | null,
  settings: BatchSettings,
  { output, host }: RunDeps,
): CommandResult {
  const summary = { manifest: settings.name, results: settings.results?.path ?? null, ...countJson(count) };
  output.news(`${describeCount(count)}; spent: ${describePrice(count.spent)}`);
  const answer = {
    data: { summary },
    // In a pipe, each row was printed when it ended.
    view: (surface: Surface) => (surface.isTerminal ? renderEntries([...progress.entries()], host.cwd, surface) : ''),
    isLine: true as const,
  };
  const resume =
    settings.path === null
      ? 'run the same command with the same rows to resume'
      : `run \`${resumingCommand(host)}\` to resume`;
  if (stoppedBy !== null) return { answer, errors: [stoppedBy.with({ hints: [...stoppedBy.hints, resume] })] };
  for (const [rows, option, does] of [
    [count.failed, '--retry-failed', 'retry what failed'],
    [count.unknown, '--retry-unknown', 'resend rows that may have arrived; they may be paid twice'],
  ] as const) {
    if (rows > 0) output.note(`add \`${option}\` to the same command to ${does} (${countOf(rows, 'row')})`);
  }
  if (count.failed + count.unknown > 0) return { answer, exitCode: SOME_FAILED };
  const { unsent } = progress;
  const left = [
    ...(count.running > 0 ? ['some jobs are still running'] : []),
    ...(unsent > 0 ? [`${countOf(unsent, 'row was', 'rows were')} not sent before the timeout`] : []),
  ];
  if (left.length > 0) {
    output.note([...left, resume].join('; '));
    return { answer, exitCode: STILL_RUNNING };
  }
  return { answer };
}

/** The command that resumes a run. It does not repeat what a person decided for one time: to send again what is in doubt. */
export function resumingCommand({ argv }: Pick<Host, 'argv'>): string {
  return `sora ${argv
    .filter((word) => word !== '--retry-unknown')
    .map(shellWord)
    .join(' ')}`;
}

function interrupted({ running, toDo }: BatchCount, error: SoraError): SoraError {
  const title = `interrupted; ${countOf(running, 'job keeps', 'jobs keep')} running on the server, ${countOf(toDo, 'row')} to do`;
  return error.with({ title, hints: [] });
}
