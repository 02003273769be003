import { collect } from '../app/collect.ts';
import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { type FoundJob, findJob } from '../app/find-job.ts';
import { followJobs } from '../app/follow-jobs.ts';
import { jobAnswer } from '../app/job-answer.ts';
import { isListed } from '../app/listed-records.ts';
import { lookAtJob } from '../app/look-at-job.ts';
import { parseTimeoutMs, refuseFaults } from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { isOpen } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import { JOB_JSON_SHAPE } from '../output/job-view.ts';

const MOST_RECENT = 10;

export const status = defineCommand({
  name: 'status',
  description:
    'Shows one job, several, or, without an id, the unfinished and the most recent ones. A submission whose answer was lost is looked for in the server’s list. With --watch it waits, and ends with 5 when a job gave no video.',
  arguments: [{ form: '[id...]', summary: 'ids or submissions; @last is the newest' }],
  options: {
    watch: { flags: '-w, --watch', summary: 'wait until the jobs have ended' },
    timeout: { flags: '--timeout <duration>', summary: 'longest wait (default 30m)' },
  },
  json: `${JOB_JSON_SHAPE}; without an id or with several: {"jobs":[…]}`,
  errors: ['video_not_found', 'outcome_unknown', 'wait_timeout', 'job_failed', 'moderation_blocked'],
  examples: [
    ['sora status @last --watch', 'wait for the newest video'],
    ['sora status --json', 'the unfinished and most recent jobs, for a script'],
  ],

  async run({ args, options }, context) {
    const faults: string[] = [];
    const timeoutMs = parseTimeoutMs(options.timeout, context.configuration.timeoutMs.value, faults);
    refuseFaults(faults, 'status');
    if (options.watch) return watch(args, timeoutMs, context);
    if (args.length === 0) return overview(context);
    const { values, errors } = await collect(args, async (id) => {
      const found = await findJob(id, context);
      return currentSummary(found, await lookAtJob(found, context), context);
    });
    return { ...(values.length > 0 ? { answer: jobAnswer(values, args.length === 1, context) } : {}), errors };
  },
});

function currentSummary(found: FoundJob, job: Parameters<typeof summarize>[2], { ledger }: Context): JobSummary {
  const record = found.record && ledger.byKey(found.record.key);
  return summarize(found.server.identity.profile, record, job);
}

/** The ledger's newest and unfinished jobs; those that can still change are asked for. */
async function overview(context: Context): Promise<CommandResult> {
  const { ledger, output } = context;
  const recent = ledger.newest(MOST_RECENT, isListed);
  const records = new Map([...ledger.open(), ...recent].map((record) => [record.key, record]));
  const newestFirst = [...records.values()].sort((a, b) => b.submittedAtMs - a.submittedAtMs);
  const summaries = await Promise.all(
    newestFirst.map(async (record) => {
      const fromLedger = summarize(record.profile, record, null);
      if (!isOpen(record)) return fromLedger;
      try {
        const found = await findJob(record.key, context);
        return currentSummary(found, await lookAtJob(found, context), context);
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        output.note(`${record.job?.id ?? record.key}: shown as last known: ${error.causedBy ?? error.message}`);
        return fromLedger;
      }
    }),
  );
  if (summaries.length === 0) output.note('there are no videos yet; run `sora create` to make one');
  return { answer: jobAnswer(summaries, false, context) };
}

/** Waits for the named jobs, or for all unfinished ones. */
async function watch(ids: readonly string[], timeoutMs: number, context: Context): Promise<CommandResult> {
  const names = ids.length > 0 ? ids : context.ledger.open().map(({ key }) => key);
  const { values: found, errors } = await collect(names, (name) => findJob(name, context));
  const outcomes = await followJobs(
    found.map((job) => ({ ...job, known: null })),
    timeoutMs,
    context,
  );
  const allErrors = [...errors];
  const summaries: JobSummary[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const job = found[at];
    if (job === undefined) continue;
    const error = outcome instanceof SoraError ? outcome : failureOf(outcome, context.host.clock.now());
    if (error !== null) allErrors.push(error);
    summaries.push(currentSummary(job, outcome instanceof SoraError ? null : outcome, context));
  }
  const isShown = summaries.length > 0 || names.length === 0;
  return { ...(isShown ? { answer: jobAnswer(summaries, ids.length === 1, context) } : {}), errors: allErrors };
}
