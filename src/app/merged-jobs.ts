import type { JobRecord } from '../domain/record.ts';
import type { JobSummary } from '../domain/summary.ts';
import type { Context } from './context.ts';
import { refreshed, summaryOf } from './current-job.ts';
import type { ServerList } from './server-list.ts';

/** Jobs are one and the same when address and id are: two servers may give the same id, and two profiles be one server. */
function identify(baseUrl: string, id: string | null): string {
  return `${baseUrl}\n${id}`;
}

/** Whether some server lists the job of a record. */
export function isListedBy(lists: readonly ServerList[]): (record: JobRecord) => boolean {
  const listed = new Set(
    lists.flatMap(({ configuration, jobs }) => (jobs ?? []).map(({ id }) => identify(configuration.baseUrl.value, id))),
  );
  return ({ baseUrl, job }) => job !== null && listed.has(identify(baseUrl, job.id));
}

/**
 * The jobs that servers list, with what the ledger knows of each, and beside them records that no list has; the newest
 * first. Those records that are worth a question are asked for one by one.
 */
export async function mergeJobs(
  lists: readonly ServerList[],
  records: readonly JobRecord[],
  isAsked: (record: JobRecord) => boolean,
  context: Context,
): Promise<JobSummary[]> {
  const listed = new Map<string, JobSummary>();
  for (const { configuration, jobs } of lists) {
    const baseUrl = configuration.baseUrl.value;
    for (const job of jobs ?? []) {
      const name = identify(baseUrl, job.id);
      if (listed.has(name)) continue;
      const record = context.ledger.byId(job.id).find((candidate) => candidate.baseUrl === baseUrl);
      listed.set(name, summaryOf(configuration.profile.value, record, job));
    }
  }
  const others = await Promise.all(
    records.map((record) => (isAsked(record) ? refreshed(record, context) : summaryOf(record.profile, record, null))),
  );
  return [...listed.values(), ...others].sort((a, b) => (b.createdAtMs ?? 0) - (a.createdAtMs ?? 0));
}
