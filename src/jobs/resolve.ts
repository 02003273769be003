import { SoraError } from '../domain/errors.ts';
import { ABANDONED, factsOf, type JobRecord, WITHDRAWN } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import { type InFlightDeps, isInFlight, settle, stillSubmitting } from './in-flight.ts';
import type { RecoverDeps } from './recover.ts';

/** The record of a submission that was named. Throws `usage` where there is none. */
export function submissionOf(ledger: Ledger, key: string): JobRecord {
  const record = ledger.byKey(key);
  if (record !== undefined) return record;
  throw new SoraError('usage', {
    title: `the ledger has no submission \`${key}\``,
    hints: ['run `sora status` to see the submissions whose outcome is unknown: their ids begin with `sub_`'],
  });
}

/**
 * Ties a job of the server to a submission whose outcome is unknown, by a person's word. Throws `usage` where the
 * submission or the job has another counterpart, and what the server answers when it is asked for the job.
 */
export async function attachJob(
  deps: RecoverDeps,
  submission: JobRecord,
  id: string,
  signal?: AbortSignal,
): Promise<VideoJob> {
  const { client, ledger, clock } = deps;
  const record = await unresolved(deps, submission, id);
  const owner = ledger.byIdForm(id).find(({ key, baseUrl }) => key !== record.key && baseUrl === record.baseUrl);
  if (owner !== undefined) throw new SoraError('usage', { title: `${id} already belongs to ${owner.key}`, jobId: id });
  const job = await client.get(id, signal === undefined ? {} : { signal });
  await ledger.append({ event: 'accepted', key: record.key, atMs: clock.now(), job: factsOf(job) });
  return job;
}

/**
 * Gives a submission whose outcome is unknown up, by a person's word: its request may be submitted again. Its price still
 * counts as spent where it was sent, for the server may have made the video. Throws `usage` where it has a job.
 */
export async function forget(deps: InFlightDeps, submission: JobRecord): Promise<void> {
  const { ledger, clock } = deps;
  const { key, isSent, answer } = await unresolved(deps, submission, null);
  if (answer === 'rejected') return;
  const code = isSent ? ABANDONED : WITHDRAWN;
  await ledger.append({ event: 'rejected', key, atMs: clock.now(), code, message: 'forgotten by `sora forget`' });
}

/** One that another process may be sending is nobody else's, unless that process cannot be looked up: then a person knows. */
async function unresolved(deps: InFlightDeps, submission: JobRecord, id: string | null): Promise<JobRecord> {
  const record = await settle(deps, submission);
  const { key, job, host, boot = null, started = null, pid } = record;
  const isAlive =
    isInFlight(record, deps) && host !== undefined && deps.fateOf({ host, boot, started, pid }) === 'alive';
  if (isAlive) throw stillSubmitting(record);
  if (record.answer !== 'accepted' || job === null || job.id === id) return record;
  throw new SoraError('usage', {
    title: `${key} is not in doubt: its job is ${job.id}`,
    jobId: job.id,
    submission: key,
    hints: ['run `sora status` with the id of the job to see it'],
  });
}
