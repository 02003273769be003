import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { FILTER_OPTIONS, type JobFilter, readFilter } from '../app/job-filter.ts';
import {
  isListed,
  isListedBy,
  isOutOfReach,
  isWithoutList,
  type ListDeps,
  type ListOrder,
  listAllServers,
  listServer,
  MOST_LISTED,
  mergeJobs,
  type ServerList,
} from '../app/job-lists.ts';
import { ofServerInUse } from '../app/job-names.ts';
import {
  ALL_MEANS_ALL,
  option,
  parseWholeNumber,
  readDeadlineMs,
  refuseFaults,
  TIMEOUT_OPTION,
} from '../app/option-values.ts';
import { isVersioned } from '../client/failure.ts';
import { isOpen, type JobRecord } from '../domain/record.ts';
import { summarize } from '../domain/summary.ts';
import { JOB_JSON_SHAPE, jobsAnswer } from '../output/job-view.ts';

const DEFAULT_LIMIT = 20;

interface Wanted {
  readonly limit: number;
  readonly filter: JobFilter;
  /** Whether any filter was given. */
  readonly isFiltered: boolean;
  readonly allProfiles: boolean;
  /** By the uptime. */
  readonly deadlineMs: number;
}

export const listCommand = defineCommand({
  name: 'list',
  description:
    'Lists the videos on the server and in the local ledger, newest first. If the server has no list, the ledger is used, and unfinished jobs are refreshed one by one. With --all-profiles, a server that does not answer is reported, and its error decides the exit code.\n\nColumns in a pipe: id, status, progress, model, length, size, creation time, prompt; first the profile, with --all-profiles.',
  options: {
    ...FILTER_OPTIONS,
    limit: option('-L, --limit <n>', `how many (default ${DEFAULT_LIMIT})`),
    all: option('--all', `all of them, up to ${MOST_LISTED}`),
    local: option('--local', 'the local ledger only; no network'),
    allProfiles: option('--all-profiles', 'the videos of all profiles’ servers'),
    timeout: TIMEOUT_OPTION,
  },
  json: `{"jobs":[${JOB_JSON_SHAPE}]}`,
  errors: ['no_api_key', 'invalid_api_key', 'wait_timeout'],
  examples: [
    ['sora list --since 2d --search boat', 'videos of the last two days whose prompt says “boat”'],
    ['sora list --local -L 100 --json', 'the last 100 submissions, without the network'],
  ],

  async run({ options }, deps: ListDeps & Pick<Context, 'isServerNamed'>) {
    const { local = false, allProfiles = false, all = false } = options;
    const faults: string[] = [];
    const range = { min: 1, max: MOST_LISTED, fallback: all ? MOST_LISTED : DEFAULT_LIMIT };
    const limit = parseWholeNumber('--limit', options.limit, range, faults);
    if (all && options.limit !== undefined) faults.push('use `--limit` or `--all`, not both');
    if (allProfiles && deps.isServerNamed) faults.push(ALL_MEANS_ALL);
    const filter = readFilter(options, deps.host, faults);
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    refuseFaults(faults);
    const isFiltered = Object.keys(FILTER_OPTIONS).some((name) => name in options);
    const wanted = { limit, filter, isFiltered, allProfiles, deadlineMs };
    if (local) return show([], () => true, wanted, deps);
    if (!allProfiles) return listOne(wanted, deps);
    const { lists, errors } = await listAllServers(orderFor(wanted, deps), deps);
    return { ...(await show(lists, () => true, wanted, deps)), errors };
  },
});

function orderFor({ limit, filter, isFiltered, deadlineMs }: Wanted, { ledger }: ListDeps): ListOrder {
  if (!isFiltered) return { limit, deadlineMs };
  const { hasStatus, matches, sinceMs } = filter;
  return {
    limit,
    sinceMs,
    deadlineMs,
    isWanted: async (job, { baseUrl, profile }) => {
      const record = (await ledger.byId(job.id)).find((candidate) => candidate.baseUrl === baseUrl.value);
      const summary = summarize(profile.value, record, job);
      return hasStatus(summary) && matches(summary, record);
    },
  };
}

/** The jobs of the server in use. If it cannot be called at all, the whole ledger, for all servers. */
async function listOne(wanted: Wanted, deps: ListDeps): Promise<CommandResult> {
  const { configuration, output } = deps;
  const list = await listServer(configuration, orderFor(wanted, deps), deps);
  if (list.error !== null) {
    // An address without its `/v1` has no routes, so this is not a server without a list.
    const isLost = list.error.code === 'endpoint_not_found' && !isVersioned(configuration.baseUrl.value);
    if (isLost || (!isWithoutList(list) && !isOutOfReach(list))) throw list.error;
    const { message, hints } = list.error;
    const fix = list.error.code === 'endpoint_not_found' && hints[0] !== undefined ? `; ${hints[0]}` : '';
    output.note(`only the local ledger is shown: ${message}${fix}`);
  }
  const isOfServer = ofServerInUse(deps);
  const isInScope = (record: JobRecord): boolean => isOutOfReach(list) || isOfServer(record);
  return show([list], isInScope, wanted, deps);
}

/** The jobs of the servers’ lists and the records in scope that match the filter. */
async function show(
  lists: readonly ServerList[],
  isInScope: (record: JobRecord) => boolean,
  { limit, filter, isFiltered, allProfiles, deadlineMs }: Wanted,
  deps: ListDeps,
): Promise<CommandResult> {
  const { hasStatus, matches } = filter;
  const isKnown = isListedBy(lists);
  const withoutList = new Set(lists.filter(isWithoutList).map(({ configuration }) => configuration.baseUrl.value));
  const isAsked = (record: JobRecord): boolean => isOpen(record) && withoutList.has(record.baseUrl);
  const mayBeWanted = (record: JobRecord): boolean => {
    const known = summarize(record.profile, record, null);
    return matches(known, record) && (isAsked(record) || hasStatus(known));
  };
  const records = await deps.ledger.newest(
    limit,
    (record) => isListed(record) && isInScope(record) && !isKnown(record) && mayBeWanted(record),
  );
  const isWanted: JobFilter['matches'] = (job, record) => hasStatus(job) && matches(job, record);
  const jobs = await mergeJobs(lists, records, { isAsked, isWanted, deadlineMs }, deps);
  if (limit === DEFAULT_LIMIT && jobs.length >= limit && deps.host.stdout.isTTY) {
    deps.output.note(`these are the newest ${limit}; \`--all\` lists all, \`-L N\` the newest N`);
  }
  if (jobs.length === 0)
    deps.output.note(isFiltered ? 'no videos match' : 'there are no videos yet; run `sora create` to create one');
  return { answer: jobsAnswer(jobs.slice(0, limit), { ...deps.jobs.form(), withProfile: allProfiles }) };
}
