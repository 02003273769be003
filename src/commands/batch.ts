import { planManifest } from '../app/batch-manifest.ts';
import { BATCH_OPTIONS, readBatchOptions } from '../app/batch-options.ts';
import { countRows, plannedEntry } from '../app/batch-progress.ts';
import { runPlan } from '../app/batch-run.ts';
import { defineCommand } from '../app/command.ts';
import { requireKey } from '../app/endpoint.ts';
import { agreeToSpend } from '../app/spending.ts';
import type { PlannedRow } from '../batch/plan.ts';
import { rowSchema } from '../batch/row-fields.ts';
import {
  countJson,
  describeCount,
  describePrice,
  ENTRY_JSON_SHAPE,
  entryJson,
  renderEntries,
} from '../output/batch-view.ts';

export const batch = defineCommand({
  name: 'batch',
  description:
    'Makes the videos of a whole manifest, several at once: creates, waits and saves. It can be stopped at any moment and run again: jobs that run are gone on with, what is saved is left, and nothing is paid twice. A manifest is JSON lines, CSV with a head, YAML with `defaults` and `jobs`, a prompt a line, or a file for the Batch API. The options of a video stand for what its rows leave out.',
  arguments: [{ form: '[file]', summary: 'the manifest, or - for standard input' }],
  options: BATCH_OPTIONS,
  json: `${ENTRY_JSON_SHAPE}, a line for each row when it ends; at last {"summary":{"manifest","results","rows","done","failed","running","to_do","cost":{"spent_usd","to_spend_usd","rows_of_unknown_price"}}}; with --dry-run: {"rows":[…],"summary"}`,
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
    ['sora batch shots.jsonl --dry-run', 'what would be made, what is done, and the price'],
    ['sora batch prompts.txt -d 8 -o clips/ --concurrency 8 --max-cost 50', 'eight at once, at most $50'],
  ],

  async run({ args: [file], options }, context) {
    if (options.schema) {
      const schema = rowSchema();
      return { answer: { data: schema, view: () => `${JSON.stringify(schema, null, 2)}\n` } };
    }
    const settings = readBatchOptions(file, options, context);
    const plan = await planManifest(settings, options, context);
    const { profile, isSimulator } = context.configuration;
    const count = countRows(plan.rows, plan.spentMicros);
    const price = describePrice(count.toSpendMicros, count.unpriced);
    context.output.news(`plan: ${describeCount(count)}; cost: ${isSimulator ? `free (it would be ${price})` : price}`);
    if (options.dryRun) {
      const entries = plan.rows.map((planned) => plannedEntry(planned, profile.value));
      const summary = { manifest: settings.name, results: settings.results?.path ?? null, ...countJson(count) };
      const data = { rows: entries.map(entryJson), summary };
      return { answer: { data, view: (surface) => renderEntries(entries, context.host.cwd, surface) } };
    }

    settings.results?.check();
    const rows = selectRows(plan.rows, options.retryFailed ?? false);
    requireKey(context.configuration);
    const toPay = countRows(rows.filter(isToBePaid), 0, () => 'to_do');
    await agreeToSpend(
      {
        micros: toPay.unpriced > 0 && toPay.unpriced === toPay.rows ? null : toPay.toSpendMicros,
        isMore: toPay.unpriced > 0,
        spentMicros: plan.spentMicros,
        maxCostMicros: settings.maxCostMicros,
        isAgreed: options.yes ?? false,
      },
      context,
    );
    return runPlan({ plan, rows }, settings, context);
  },
});

/** Everything that is not done and has not failed; or what has failed, and nothing else. */
function selectRows(rows: readonly PlannedRow[], isRetry: boolean): PlannedRow[] {
  return rows.filter(({ state }) => (isRetry ? state === 'failed' : state !== 'failed' && state !== 'done'));
}

function isToBePaid({ state }: PlannedRow): boolean {
  return state === 'to_do' || state === 'failed';
}
