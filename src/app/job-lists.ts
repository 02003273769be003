import pLimit from 'p-limit';
import type { Configuration } from '../configuration/configuration.ts';
import { requireKey } from '../configuration/endpoint.ts';
import { type SoraError, soraErrorOf } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { LOOKS_AT_ONCE } from '../domain/outcomes.ts';
import { isOfVideo, type JobRecord, statusOf } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import { summaryOf } from './known-jobs.ts';

const PAGE_SIZE = 100;
/** After this many pages in a row without a job, a list counts as read. */
const MAX_EMPTY_PAGES = 20;
/** How far a server’s list is read in search of wanted jobs. */
export const MOST_LISTED = 10_000;

/** The newest jobs of one server, as it lists them. */
export interface ServerList {
  readonly configuration: Configuration;
  /** Null if the server returned no list. */
  readonly jobs: readonly VideoJob[] | null;
  /** Why it returned no list. */
  readonly error: SoraError | null;
}

/** What lists of jobs depend on. */
export type ListDeps = Pick<Context, 'servers' | 'host' | 'configuration' | 'output' | 'ledger' | 'jobs'>;

/** Which jobs of a list are wanted. */
export interface ListOrder {
  readonly limit: number;
  /** Left out where all are wanted. */
  readonly isWanted?: ((job: VideoJob, configuration: Configuration) => Promise<boolean>) | undefined;
  /** Nothing older is wanted. */
  readonly sinceMs?: number | null;
  /** When the server must have answered, by the uptime. */
  readonly deadlineMs: number;
}

/** Reads a server's newest jobs until it has found enough wanted ones. Rejects only when interrupted. */
export async function listServer(
  configuration: Configuration,
  { limit, isWanted, sinceMs = null, deadlineMs }: ListOrder,
  { servers, host, jobs: knownJobs }: Pick<ListDeps, 'servers' | 'host' | 'jobs'>,
): Promise<ServerList> {
  try {
    requireKey(configuration, host.clock.now());
    const { client } = await servers.connect(configuration);
    const jobs: VideoJob[] = [];
    let [wanted, emptyPages] = [0, 0];
    const needsMore = (): boolean => wanted < limit && jobs.length < MOST_LISTED && emptyPages < MAX_EMPTY_PAGES;
    for (let after: string | null | undefined; after !== null && needsMore(); ) {
      const size = { limit: isWanted ? PAGE_SIZE : Math.min(PAGE_SIZE, limit - wanted), order: 'desc' as const };
      const query = after === undefined ? size : { ...size, after };
      const page = await knownJobs.inTime(deadlineMs, null, (signal) => client.list(query, { signal }));
      jobs.push(...page.jobs);
      emptyPages = page.jobs.length === 0 ? emptyPages + 1 : 0;
      for (const job of page.jobs) if (isWanted === undefined || (await isWanted(job, configuration))) wanted++;
      const oldestMs = page.jobs.at(-1)?.createdAtMs ?? null;
      const isPast = sinceMs !== null && oldestMs !== null && oldestMs < sinceMs;
      after = isPast ? null : page.next;
    }
    return { configuration, jobs, error: null };
  } catch (error) {
    return { configuration, jobs: null, error: soraErrorOf(error) };
  }
}

/** Whether a server has no list and only reports single jobs. */
export function isWithoutList({ error }: ServerList): boolean {
  return error !== null && ['not_supported', 'endpoint_not_found'].includes(error.code);
}

/** Whether a server cannot be called at all. */
export function isOutOfReach({ error }: ServerList): boolean {
  return error !== null && ['no_api_key', 'service_retired'].includes(error.code);
}

/** The lists of all profiles, fetched in parallel; and one error, with its profile, for each server that failed. */
export async function listAllServers(
  order: ListOrder,
  deps: ListDeps,
): Promise<{ readonly lists: readonly ServerList[]; readonly errors: readonly SoraError[] }> {
  const lists = await Promise.all(deps.servers.inUse().map((configuration) => listServer(configuration, order, deps)));
  const errors: SoraError[] = [];
  for (const list of lists) {
    const { error, configuration } = list;
    if (error === null) continue;
    const { value: profile } = configuration.profile;
    const isExpected = isWithoutList(list) || error.code === 'service_retired';
    if (isExpected) deps.output.note(`profile ${profile}: only the local ledger is shown: ${error.message}`);
    else errors.push(error.with({ title: `profile ${profile}: ${error.message}` }));
  }
  return { lists, errors };
}

/** Whether a record may have a video to show: a refused submission has none, nor has a character, and a deleted one is gone. */
export function isListed(record: JobRecord): boolean {
  if (record.answer === 'rejected' || !isOfVideo(record)) return false;
  return !record.removed || statusOf(record) === 'cancelled';
}

/** Jobs are the same if address and id are: two servers may issue the same id, and two profiles may be one server. */
function identify(baseUrl: string, id: string | null): string {
  return `${baseUrl}\n${id}`;
}

/** Whether some server lists the job of a record. */
export function isListedBy(lists: readonly ServerList[]): (record: JobRecord) => boolean {
  const listed = new Set(
    lists.flatMap(({ configuration, jobs }) =>
      (jobs ?? []).flatMap(({ id }) => idForms(id).map((form) => identify(configuration.baseUrl.value, form))),
    ),
  );
  return ({ baseUrl, job }) => job !== null && idForms(job.id).some((form) => listed.has(identify(baseUrl, form)));
}

export interface MergeOrder {
  /** Whether the server is asked about a record’s job. */
  isAsked(record: JobRecord): boolean;
  isWanted?(job: JobSummary, record: JobRecord | undefined): boolean;
  /** When servers must have answered, by the uptime. */
  readonly deadlineMs: number;
}

/** Merges listed jobs, completed from the ledger, with records missing from the lists; newest first. */
export async function mergeJobs(
  lists: readonly ServerList[],
  records: readonly JobRecord[],
  { isAsked, isWanted = () => true, deadlineMs }: MergeOrder,
  { ledger, jobs: knownJobs }: ListDeps,
): Promise<JobSummary[]> {
  const listed = new Map<string, JobSummary>();
  for (const { configuration, jobs } of lists) {
    const baseUrl = configuration.baseUrl.value;
    for (const job of jobs ?? []) {
      const known = (await ledger.withIds(idForms(job.id))).filter((candidate) => candidate.baseUrl === baseUrl);
      const record = known.findLast((candidate) => candidate.job?.id === job.id) ?? known.at(-1);
      // A gateway may list a job under a different id than its create returned.
      const ours = { ...job, id: record?.job?.id ?? job.id };
      const name = identify(baseUrl, ours.id);
      if (listed.has(name)) continue;
      const profile = configuration.profile.value;
      if (isWanted(summarize(profile, record, ours), record)) listed.set(name, summaryOf(profile, record, ours));
    }
  }
  const takeTurn = pLimit(LOOKS_AT_ONCE);
  const others = await Promise.all(
    records.map(async (record) => {
      const job = isAsked(record)
        ? await takeTurn(() => knownJobs.refresh(record, deadlineMs))
        : summaryOf(record.profile, record, null);
      return isWanted(job, record) ? [job] : [];
    }),
  );
  return [...listed.values(), ...others.flat()].sort((a, b) => (b.createdAtMs ?? 0) - (a.createdAtMs ?? 0));
}
