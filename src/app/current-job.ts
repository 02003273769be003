import { statSync } from 'node:fs';
import { SoraError } from '../domain/errors.ts';
import type { JobRecord } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import { type FoundJob, findJob } from './find-job.ts';
import { lookAtJob } from './look-at-job.ts';

/** What is known of a job by now: by its server, by the ledger, and by the disk. */
export function currentSummary(found: FoundJob, job: VideoJob | null, { ledger }: Context): JobSummary {
  const record = found.record && ledger.byKey(found.record.key);
  return summaryOf(found.server.identity.profile, record, job);
}

/** A job with those of its saved files that are still there. */
export function summaryOf(profile: string, record: JobRecord | undefined, job: VideoJob | null): JobSummary {
  const summary = summarize(profile, record, job);
  const files = summary.files.filter(({ path, bytes }) => statSync(path, { throwIfNoEntry: false })?.size === bytes);
  return { ...summary, files };
}

/** A record’s job as its server tells of it now; as last known, with a note, where that cannot be found out. */
export async function refreshed(record: JobRecord, context: Context): Promise<JobSummary> {
  try {
    const found = await findJob(record.key, context);
    return currentSummary(found, await lookAtJob(found, context), context);
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    context.output.note(`${record.job?.id ?? record.key}: shown as last known: ${error.causedBy ?? error.message}`);
    return summaryOf(record.profile, record, null);
  }
}
