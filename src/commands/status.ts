import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { followJobs } from '../app/follow-jobs.ts';
import { isListed, isListedBy, isWithoutList, type ListDeps, listAllServers, mergeJobs } from '../app/job-lists.ts';
import {
  ALL_MEANS_ALL,
  NOTIFY_OPTION,
  option,
  readDeadlineMs,
  refuseFaults,
  TIMEOUT_OPTION,
} from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { forEach } from '../domain/outcomes.ts';
import { isOpen, type JobRecord } from '../domain/record.ts';
import type { JobSummary } from '../domain/summary.ts';
import { isTerminal } from '../domain/video.ts';
import { JOB_JSON_SHAPE, jobsAnswer } from '../output/job-view.ts';

type StatusDeps = ListDeps & Pick<Context, 'isServerNamed' | 'random'>;

const MOST_RECENT = 10;
/** How many listed jobs of a server are searched for unfinished ones. */
const LISTED = 100;

export const statusCommand = defineCommand({
  name: 'status',
  description:
    'Shows one job, several, or, without an id, the unfinished and most recent ones. A submission that was never answered is looked up in the server’s list. With --watch it waits for the jobs, and exits with 5 if a job ended without a video.\n\nColumns in a pipe: id, status, progress, model, length, size, creation time, prompt; first the profile, with --all-profiles.',
  arguments: [{ form: '[id...]', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: {
    watch: option('-w, --watch', 'wait until the jobs end'),
    timeout: TIMEOUT_OPTION,
    notify: NOTIFY_OPTION,
    allProfiles: option('--all-profiles', 'include the jobs that the servers of all profiles list; not with an id'),
  },
  json: `${JOB_JSON_SHAPE}; without an id or with several: {"jobs":[…]}`,
  errors: ['video_not_found', 'outcome_unknown', 'wait_timeout', 'job_failed', 'moderation_blocked'],
  examples: [
    ['sora status @last --watch', 'wait for the newest video'],
    ['sora status --json', 'the unfinished and most recent jobs, for a script'],
  ],

  async run({ args, options }, deps: StatusDeps) {
    const { jobs } = deps;
    const faults: string[] = [];
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    const allProfiles = options.allProfiles ?? false;
    if (allProfiles && deps.isServerNamed) faults.push(ALL_MEANS_ALL);
    if (allProfiles && (args.length > 0 || options.watch))
      faults.push('`--all-profiles` cannot be combined with an id or `--watch`');
    refuseFaults(faults);
    if (options.watch) return watch(args, deadlineMs, deps);
    if (args.length === 0) return overview(allProfiles, deadlineMs, deps);
    const { values, errors } = await forEach(args, async (id) => {
      const found = await jobs.findAny(id, deadlineMs);
      return jobs.summarize(found, await jobs.look(found, deadlineMs));
    });
    const answer = jobsAnswer(values, { ...jobs.form(), isNamedAlone: args.length === 1 });
    return { ...(values.length > 0 ? { answer } : {}), errors };
  },
});

/** The newest and the unfinished jobs of the ledger and, with all profiles, of their servers; unfinished ones are refreshed. */
async function overview(allProfiles: boolean, deadlineMs: number, deps: StatusDeps): Promise<CommandResult> {
  const { ledger, output, jobs: knownJobs } = deps;
  const order = { limit: LISTED, deadlineMs };
  const { lists, errors } = allProfiles ? await listAllServers(order, deps) : { lists: [], errors: [] };
  const isKnown = isListedBy(lists);
  const isInScope = allProfiles ? () => true : await knownJobs.scope();
  const recent = await ledger.newest(MOST_RECENT, (record) => isListed(record) && isInScope(record));
  const records = new Map(
    [...(await ledger.open()).filter(isInScope), ...recent]
      .filter((record) => !isKnown(record))
      .map((record) => [record.key, record]),
  );
  const silent = new Set(
    lists
      .filter((list) => list.error !== null && !isWithoutList(list))
      .map(({ configuration }) => configuration.baseUrl.value),
  );
  const isAsked = (record: JobRecord): boolean => isOpen(record) && !silent.has(record.baseUrl);
  const jobs = await mergeJobs(lists, [...records.values()], { isAsked, deadlineMs }, deps);
  const shown = allProfiles ? jobs.filter(({ status }, at) => at < MOST_RECENT || !isTerminal(status)) : jobs;
  if (shown.length === 0) output.note('there are no videos yet; run `sora create` to create one');
  return { answer: jobsAnswer(shown, { ...knownJobs.form(), withProfile: allProfiles }), errors };
}

/** Waits for the named jobs, or for all unfinished ones. */
async function watch(ids: readonly string[], deadlineMs: number, deps: StatusDeps): Promise<CommandResult> {
  const { jobs } = deps;
  const { values: found, errors } =
    ids.length > 0 ? await forEach(ids, (id) => jobs.findAny(id, deadlineMs)) : await jobs.findUnfinished(deadlineMs);
  const followed = found.map((job) => ({ ...job, known: null }));
  const outcomes = await followJobs(followed, deadlineMs, deps);
  const allErrors = [...errors];
  const summaries: JobSummary[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const job = found[at];
    if (job === undefined) continue;
    const error = outcome instanceof SoraError ? outcome : failureOf(outcome, job.record?.request);
    if (error !== null) allErrors.push(error);
    summaries.push(await jobs.summarize(job, outcome instanceof SoraError ? null : outcome));
  }
  const isShown = summaries.length > 0 || errors.length === 0;
  const answer = jobsAnswer(summaries, { ...jobs.form(), isNamedAlone: ids.length === 1 });
  return { ...(isShown ? { answer } : {}), errors: allErrors };
}
