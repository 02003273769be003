import { factsOf, type JobRecord } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';

/** Writes down what a server told of a job; a job without a record was made elsewhere, and has no place in the ledger. */
export async function writeSeen(record: JobRecord | undefined, job: VideoJob, context: Context): Promise<void> {
  if (record === undefined) return;
  const { ledger, host } = context;
  await ledger.append({ event: 'seen', key: record.key, atMs: host.clock.now(), job: factsOf(job) });
}

/** Writes down that a video is gone from its server. */
export async function writeRemoved(record: JobRecord | undefined, context: Context): Promise<void> {
  if (record === undefined) return;
  const { ledger, host } = context;
  await ledger.append({ event: 'removed', key: record.key, atMs: host.clock.now() });
}
