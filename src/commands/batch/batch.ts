import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { agreeToSpend } from '../../app/spending.ts';
import type { PlannedRow } from '../../batch/plan.ts';
import { rowSchema } from '../../batch/row-fields.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import type { RowState } from '../../domain/batch.ts';
import { describePrice } from '../../domain/money.ts';
import { countJson, describeCount, ENTRY_JSON_SHAPE, entryJson, renderEntries } from '../../output/batch-view.ts';
import { preferSmallHeap } from '../../platform/memory.ts';
import { planManifest, refuseUnpayable } from './manifest-rows.ts';
import { BATCH_OPTIONS, type BatchSettings, readBatchOptions } from './options.ts';
import { type RunDeps, runPlan } from './plan-run.ts';
import { countRows, plannedEntry } from './progress.ts';
import { RowSources } from './row-sources.ts';

const NOTHING = { spentMicros: 0, spentUnpriced: 0 };

export const batchCommand = defineCommand({
  name: 'batch',
  description:
    'Creates all videos of a manifest, several at a time: submits, waits and saves. It can be stopped at any time and run again: running jobs are resumed, saved files are kept, and nothing is paid twice. A manifest is JSON lines, CSV with a header, YAML with `defaults` and `jobs`, one prompt per line, or a Batch API file. Rows can `remix`, `edit` or `extend` videos, those of other rows included. The video options are defaults for its rows.',
  arguments: [{ form: '[file]', summary: 'the manifest, or - for standard input' }],
  options: BATCH_OPTIONS,
  json: `${ENTRY_JSON_SHAPE}, one line per row when it ends; finally {"summary":{"manifest","results","rows","done","failed","running","unknown","to_do","cost":{"spent_usd","to_spend_usd","rows_of_unknown_price","jobs_of_unknown_price"}}}; with --dry-run: {"rows":[…],"summary"}`,
  errors: [
    'invalid_manifest',
    'cost_cap_exceeded',
    'insufficient_quota',
    'moderation_blocked',
    'outcome_unknown',
    'job_failed',
    'wait_timeout',
    'download_corrupt',
  ],
  examples: [
    ['sora batch shots.jsonl --dry-run', 'what would be created, what is done, and the price'],
    ['sora batch prompts.txt -d 8 -o clips/ --concurrency 8 --max-cost 50', 'eight at once, at most $50'],
  ],

  usesPrices: ({ dryRun }) => !dryRun,

  async run({ args: [file], options }, deps: RunDeps & Pick<Context, 'options' | 'isInteractive'>) {
    preferSmallHeap();
    if (options.schema) {
      const schema = rowSchema();
      return { answer: { data: schema, view: () => `${JSON.stringify(schema, null, 2)}\n` } };
    }
    const { configuration, host, output } = deps;
    const settings = readBatchOptions(file, options, deps);
    const sources = new RowSources(deps, options.dryRun ?? false);
    const plan = await planManifest(settings, options, sources, deps);
    const { profile, isSimulator } = configuration;
    const rows = selectRows(plan.rows, settings.retryFailed);
    const toBePaid = rows.filter(({ state }) => isToBePaid(state, settings));
    await refuseUnpayable(toBePaid, settings, sources, deps);
    const toPay = countRows(toBePaid, NOTHING, () => 'to_do');
    const { toSpendMicros, unpriced } = toPay;
    const count = { ...countRows(plan.rows, plan), toSpendMicros, unpriced };
    const price = describePrice(toSpendMicros, unpriced);
    output.news(`plan: ${describeCount(count)}; cost: ${isSimulator ? `free (simulated; normally ${price})` : price}`);
    // Rows from standard input differ each time.
    if (plan.orphans > 0 && settings.path !== null) {
      output.note(
        `${plan.orphans === 1 ? '1 earlier job no longer matches any row' : `${plan.orphans} earlier jobs no longer match any row`} (removed or changed); \`sora list --local\` shows them`,
      );
    }
    if (options.dryRun) {
      const entries = plan.rows.map((planned) => plannedEntry(planned, profile.value));
      const summary = { manifest: settings.name, results: settings.results?.path ?? null, ...countJson(count) };
      const data = {
        get rows() {
          return entries.map(entryJson); // not needed for a table
        },
        summary,
      };
      return { answer: { data, view: (surface) => renderEntries(entries, host.cwd, surface) } };
    }

    requireKey(configuration, host.clock.now());
    // What is already paid is saved, even if it cost more than the cap.
    if (toPay.rows > 0) {
      await agreeToSpend(
        {
          micros: unpriced === toPay.rows ? null : toSpendMicros,
          unpriced,
          spentMicros: plan.spentMicros,
          spentUnpriced: plan.spentUnpriced,
          maxCostMicros: settings.maxCostMicros,
          isAgreed: options.yes ?? false,
        },
        deps,
      );
    }
    settings.results?.check(); // creates the file
    return runPlan({ plan, rows }, settings, deps);
  },
});

/** Running rows are resumed; besides them, new rows or, with `--retry-failed`, failed ones. */
function selectRows(rows: readonly PlannedRow[], isRetry: boolean): PlannedRow[] {
  return rows.filter(({ state, record }) => {
    if (state === 'to_do') return !isRetry || record !== null;
    return state !== 'done' && (isRetry || state !== 'failed');
  });
}

function isToBePaid(state: RowState, { retryUnknown }: BatchSettings): boolean {
  return state === 'to_do' || state === 'failed' || (state === 'unknown' && retryUnknown);
}
