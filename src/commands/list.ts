import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import {
  isListed,
  isListedBy,
  isOutOfReach,
  isWithoutList,
  type ListDeps,
  listAllServers,
  listServer,
  mergeJobs,
  type ServerList,
} from '../app/job-lists.ts';
import { ALL_MEANS_ALL, parseWholeNumber, refuseFaults } from '../app/option-values.ts';
import { isOpen, type JobRecord } from '../domain/record.ts';
import { JOB_JSON_SHAPE, jobsAnswer } from '../output/job-view.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 10_000;

export const listCommand = defineCommand({
  name: 'list',
  description:
    'Lists the videos on the server and in the local ledger, newest first. If the server has no list, the ledger is used, and unfinished jobs are refreshed one by one. With --all-profiles, a server that does not answer is reported, and its error decides the exit code.',
  arguments: [],
  options: {
    limit: { flags: '-L, --limit <n>', summary: `how many (default ${DEFAULT_LIMIT})` },
    local: { flags: '--local', summary: 'the local ledger only; no network' },
    allProfiles: { flags: '--all-profiles', summary: 'the videos of all profiles’ servers' },
  },
  json: `{"jobs":[${JOB_JSON_SHAPE}]}`,
  errors: ['no_api_key', 'invalid_api_key'],
  examples: [
    ['sora list', 'the 20 newest videos'],
    ['sora list --local -L 100 --json', 'the last 100 submissions, without the network'],
  ],

  async run(
    { options: { limit: wanted, local = false, allProfiles = false } },
    deps: ListDeps & Pick<Context, 'isServerNamed'>,
  ) {
    const faults: string[] = [];
    const limit = parseWholeNumber(
      wanted,
      { name: '--limit', min: 1, max: MAX_LIMIT, fallback: DEFAULT_LIMIT },
      faults,
    );
    if (allProfiles && deps.isServerNamed) faults.push(ALL_MEANS_ALL);
    refuseFaults(faults, 'list');
    if (local) return show([], () => true, { limit, allProfiles }, deps);
    if (!allProfiles) return listOne(limit, deps);
    const { lists, errors } = await listAllServers(limit, deps);
    return { ...(await show(lists, () => true, { limit, allProfiles }, deps)), errors };
  },
});

/** The jobs of the server in use. If it cannot be called at all, the whole ledger, for all servers. */
async function listOne(limit: number, deps: ListDeps): Promise<CommandResult> {
  const { configuration, output } = deps;
  const list = await listServer(configuration, limit, deps);
  if (list.error !== null) {
    if (!isWithoutList(list) && !isOutOfReach(list)) throw list.error;
    const { message, hints } = list.error;
    const fix = list.error.code === 'endpoint_not_found' && hints[0] !== undefined ? `; ${hints[0]}` : '';
    output.note(`only the local ledger is shown: ${message}${fix}`);
  }
  const baseUrl = configuration.baseUrl.value;
  const isWanted = (record: JobRecord): boolean => isOutOfReach(list) || record.baseUrl === baseUrl;
  return show([list], isWanted, { limit, allProfiles: false }, deps);
}

/** The servers' lists, and the wanted records. */
async function show(
  lists: readonly ServerList[],
  isWanted: (record: JobRecord) => boolean,
  { limit, allProfiles }: { limit: number; allProfiles: boolean },
  deps: ListDeps,
): Promise<CommandResult> {
  const isKnown = isListedBy(lists);
  const records = deps.ledger.newest(limit, (record) => isListed(record) && isWanted(record) && !isKnown(record));
  const withoutList = new Set(lists.filter(isWithoutList).map(({ configuration }) => configuration.baseUrl.value));
  const isAsked = (record: JobRecord): boolean => isOpen(record) && withoutList.has(record.baseUrl);
  const jobs = await mergeJobs(lists, records, isAsked, deps);
  return { answer: jobsAnswer(jobs.slice(0, limit), { withProfile: allProfiles }, deps.host.clock.now()) };
}
