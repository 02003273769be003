import { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { ABANDONED, factsOf, type JobRecord, WITHDRAWN } from '../domain/record.ts';
import { MIN_ENDING } from '../domain/short-id.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import { type InFlightDeps, isInFlight, settle, stillSubmitting, submitterFate } from './in-flight.ts';
import type { RecoverDeps } from './recover.ts';

/** The record of a submission that was named, by its key or its unique ending. Throws `usage` if there is none. */
export async function submissionOf(ledger: Ledger, key: string): Promise<JobRecord> {
  const record = (await ledger.byKey(key)) ?? onlyOne(key.length < MIN_ENDING ? [] : await ledger.byEnding(key), key);
  if (record !== undefined) return record;
  throw new SoraError('usage', {
    title: `the ledger has no submission \`${key}\``,
    hints: ['run `sora status` to see the submissions whose outcome is unknown: their ids begin with `sub_`'],
  });
}

/** Also finds a submission by the ending of its job's id. */
function onlyOne(records: readonly JobRecord[], ending: string): JobRecord | undefined {
  if (records.length < 2) return records[0];
  throw new SoraError('usage', {
    title: `\`${ending}\` is the ending of ${records.length} submissions`,
    violations: records.map(({ key }) => key),
    hints: ['give more characters of the submission'],
  });
}

/**
 * Links a job on the server to a submission with unknown outcome, as the user says. Throws `usage` if the
 * submission or the job is linked already, and the server's error if the job cannot be read.
 */
export async function attachJob(
  deps: RecoverDeps,
  submission: JobRecord,
  id: string,
  signal?: AbortSignal,
): Promise<VideoJob> {
  const { client, ledger, clock } = deps;
  const record = await unresolved(deps, submission, id);
  const named = await ledger.withIds(idForms(id));
  const owner = named.find(({ key, baseUrl }) => key !== record.key && baseUrl === record.baseUrl);
  if (owner !== undefined) throw new SoraError('usage', { title: `${id} already belongs to ${owner.key}`, jobId: id });
  const job = await client.get(id, { signal, exists: true });
  await ledger.append({ event: 'accepted', key: record.key, atMs: clock.now(), job: factsOf(job) });
  return job;
}

/**
 * Abandons a submission with unknown outcome, as the user says, so its request may be submitted again. If it was sent,
 * its price still counts as spent, because the server may have created the video. Throws `usage` if it has a job.
 */
export async function forget(deps: InFlightDeps, submission: JobRecord): Promise<void> {
  const { ledger, clock } = deps;
  const { key, isSent, answer } = await unresolved(deps, submission, null);
  if (answer === 'rejected') return;
  const code = isSent ? ABANDONED : WITHDRAWN;
  await ledger.append({ event: 'rejected', key, atMs: clock.now(), code, message: 'forgotten by `sora forget`' });
}

/** Refuses a submission that another process may be sending. If that cannot be checked, the user decides. */
async function unresolved(deps: InFlightDeps, submission: JobRecord, id: string | null): Promise<JobRecord> {
  const record = await settle(deps, submission);
  const { key, job } = record;
  if (isInFlight(record, deps) && submitterFate(record, deps) === 'alive') throw stillSubmitting(record);
  if (record.answer !== 'accepted' || job === null || job.id === id) return record;
  throw new SoraError('usage', {
    title: `${key} is not in doubt: its job is ${job.id}`,
    jobId: job.id,
    submission: key,
    hints: ['run `sora status` with the id of the job to see it'],
  });
}
