import { type CommandResult, defineCommand } from '../../app/command.ts';
import type { Context, RunDeps } from '../../app/context.ts';
import { refuseFaults } from '../../app/option-values.ts';
import { agreeToSpend } from '../../app/spending.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import type { BatchPlan, PlannedRow } from '../../batch/plan.ts';
import { rowSchema } from '../../batch/row-fields.ts';
import { openServerBatch, underWayInBatch } from '../../batch/server-batch.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import type { BatchCount, RowState } from '../../domain/batch.ts';
import { describePrice, NOTHING_SPENT } from '../../domain/money.ts';
import { idOrKey } from '../../domain/record.ts';
import { countOf } from '../../domain/wording.ts';
import {
  countJson,
  describeCount,
  ENTRY_JSON_SHAPE,
  entryJson,
  renderEntries,
  SUMMARY_JSON_SHAPE,
} from '../../output/batch-view.ts';
import { throwIfInterrupted } from '../../platform/host.ts';
import { enlargeYoungHeap, preferSmallHeap } from '../../platform/memory.ts';
import { ManifestRows } from './manifest-rows.ts';
import { BATCH_OPTIONS, type BatchOptions, type BatchSettings, readBatchOptions } from './options.ts';
import { runPlan, SOME_FAILED } from './plan-run.ts';
import { countRows, plannedEntry } from './progress.ts';
import { queuePlan } from './queue-plan.ts';
import { refuseForServerBatch, ServerBatch } from './server-batch.ts';

export const batchCommand = defineCommand({
  name: 'batch',
  description:
    'Creates all videos of a manifest, several at a time: submits, waits and saves. It can be stopped at any time and run again: running jobs are resumed, saved files are kept, and nothing is paid twice. A manifest is JSON lines, CSV with a header, YAML with `defaults` and `jobs`, one prompt per line, or a Batch API file. Rows can `remix`, `edit` or `extend` videos, including those of other rows. The video options are defaults for its rows.',
  arguments: [{ form: '[file]', summary: 'the manifest, or - for standard input' }],
  options: BATCH_OPTIONS,
  json: `${ENTRY_JSON_SHAPE}, one line per row when it ends; finally: {"summary":${SUMMARY_JSON_SHAPE}}; with --dry-run: {"rows":[…],"summary"}`,
  errors: [
    'invalid_manifest',
    'cost_cap_exceeded',
    'insufficient_quota',
    'moderation_blocked',
    'outcome_unknown',
    'job_failed',
    'wait_timeout',
    'duplicate_request',
    'not_supported',
    'download_corrupt',
  ],
  examples: [
    ['sora batch shots.jsonl --dry-run', 'what would be created, what is done, and the price'],
    ['sora batch prompts.txt -d 8 -o clips/ --concurrency 8 --max-cost 50', 'eight at once, at most $50'],
    ['sora batch shots.jsonl --server-batch --max-cost 50', 'as one server-side batch, at its price, within 24 hours'],
    ['sora batch shots.jsonl -o /shared/clips --queue --detach', 'leave the work to `sora worker` on other machines'],
  ],

  usesPrices: ({ dryRun }) => !dryRun,

  async run({ args: [file], options }, deps: ProduceDeps) {
    preferSmallHeap();
    if (options.schema) {
      const schema = rowSchema();
      return { answer: { data: schema, view: () => `${JSON.stringify(schema, null, 2)}\n` } };
    }
    const faults: string[] = [];
    const settings = readBatchOptions(file, options, deps, faults);
    if (file === undefined) refuseFaults(faults);
    await new ManifestRows(settings, options, deps, null).refuseWith(faults);
    return produceRows(settings, options, deps);
  },
});

/** A run of so many rows gains more than enlarging the heap takes. */
const MANY_ROWS = 100;

export type ProduceDeps = RunDeps & Pick<Context, 'options' | 'isInteractive' | 'jobQueue'>;

/** Plans a manifest, asks for its price, and runs it. `check` refuses what else is wrong, before anything is paid. */
export async function produceRows(
  settings: BatchSettings,
  options: BatchOptions,
  deps: ProduceDeps,
  check: (plan: BatchPlan, toBePaid: readonly PlannedRow[]) => Promise<void> = async () => {},
): Promise<CommandResult> {
  const { configuration, host } = deps;
  const manifest = new ManifestRows(settings, options, deps, options.dryRun ? null : settings.timeoutMs);
  let plan = await manifest.plan();
  await throwIfInterrupted(host); // planning many rows takes seconds; nothing is submitted yet
  const serverBatch = settings.serverBatch ? new ServerBatch(plan.manifest, settings, deps) : null;
  let isCancelled = false;
  if (serverBatch !== null && !options.dryRun) {
    requireKey(configuration, host.clock.now());
    ({ isCancelled } = await serverBatch.resume(rowsOf(plan.rows)));
    plan = await manifest.plan();
  }
  const rows = selectRows(plan.rows, settings.retryFailed);
  const toBePaid = isCancelled ? [] : rows.filter(({ state }) => isToBePaid(state, settings));
  if (serverBatch !== null) refuseForServerBatch(rowsOf(toBePaid), deps);
  await manifest.refuseUnpayable(toBePaid, settings.force, deps);
  await check(plan, toBePaid);
  const { toSpend } = countRows(toBePaid, NOTHING_SPENT, () => 'to_do');
  const count = { ...countRows(plan.rows, plan.spent), toSpend };
  announce(plan, count, settings, deps);
  if (options.dryRun) return dryRun(plan, count, settings, deps);

  requireKey(configuration, host.clock.now());
  const underWay =
    serverBatch === null && toBePaid.length > 0 ? await underWayInBatch(deps.ledger, plan.manifest) : null;
  if (underWay !== null) throw underWay; // an earlier run's batch may be creating these rows
  // What is already paid is saved, even if it cost more than the cap.
  if (toBePaid.length > 0) {
    const { maxCostMicros } = settings;
    await agreeToSpend({ price: toSpend, spent: plan.spent, maxCostMicros, isAgreed: options.yes ?? false }, deps);
  }
  if (options.queue) return queuePlan({ plan, rows }, settings, options, deps);
  settings.results?.check(); // creates the file
  if (serverBatch === null) {
    if (rows.length >= MANY_ROWS) enlargeYoungHeap();
    return runPlan({ plan, rows }, settings, deps);
  }
  if (toBePaid.length > 0) {
    await serverBatch.run(rowsOf(toBePaid), rowsOf(plan.rows));
    plan = await manifest.plan();
  }
  return saveServerBatch(plan, settings, deps);
}

/** Shows what a run will do and cost. */
function announce({ orphans }: BatchPlan, count: BatchCount, { path }: BatchSettings, deps: ProduceDeps): void {
  const { configuration, output } = deps;
  const price = describePrice(count.toSpend);
  const normally = count.toSpend.micros + count.toSpend.unpriced > 0 ? `; normally ${price}` : '';
  const cost = configuration.isSimulator ? `free (simulated${normally})` : price;
  output.news(`plan: ${describeCount(count)}; cost: ${cost}`);
  if (orphans === 0 || path === null) return; // rows from standard input differ each time
  const jobs = countOf(orphans, 'earlier job no longer matches', 'earlier jobs no longer match');
  output.note(`${jobs} any row (removed or changed); \`sora list --local\` shows them`);
}

async function dryRun(
  plan: BatchPlan,
  count: BatchCount,
  settings: BatchSettings,
  { configuration, ledger, host, output }: ProduceDeps,
): Promise<CommandResult> {
  const open = await openServerBatch(ledger, plan.manifest);
  if (open)
    output.note(`the server-side batch ${idOrKey(open)} is open: it may have created videos of rows that are to do`);
  const entries = plan.rows.map((planned) => plannedEntry(planned, configuration.profile.value));
  const summary = { manifest: settings.name, results: settings.results?.path ?? null, ...countJson(count) };
  const data = {
    get rows() {
      return entries.map(entryJson); // not needed for a table
    },
    summary,
  };
  return { answer: { data, view: (surface) => renderEntries(entries, host.cwd, surface) } };
}

/** Saves the videos that a server-side batch created; rows without one are left to another batch. */
async function saveServerBatch(plan: BatchPlan, settings: BatchSettings, deps: RunDeps): Promise<CommandResult> {
  const isMade = ({ state }: PlannedRow): boolean => state !== 'done' && state !== 'failed' && state !== 'to_do';
  const once = { ...settings, retries: 0, retryUnknown: false };
  const result = await runPlan({ plan, rows: plan.rows.filter(isMade) }, once, deps);
  const missing = plan.rows.filter(({ state }) => state === 'to_do').length;
  if (missing === 0) return result;
  const rows = countOf(missing, 'row was', 'rows were');
  deps.output.note(`${rows} not created; run the same command again to create them with another server-side batch`);
  return { exitCode: SOME_FAILED, ...result };
}

/** Running rows, and new ones or, with `--retry-failed`, failed ones. */
function selectRows(rows: readonly PlannedRow[], isRetry: boolean): PlannedRow[] {
  return rows.filter(({ state, record }) => {
    if (state === 'to_do') return !isRetry || record !== null;
    return state !== 'done' && (isRetry || state !== 'failed');
  });
}

function isToBePaid(state: RowState, { retryUnknown, serverBatch }: BatchSettings): boolean {
  return state === 'to_do' || state === 'failed' || (state === 'unknown' && retryUnknown && !serverBatch);
}

function rowsOf(planned: readonly PlannedRow[]): BatchRow[] {
  return planned.map(({ row }) => row);
}
