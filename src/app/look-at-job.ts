import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './find-job.ts';
import { writeSeen } from './write-events.ts';

/** Asks the server for a job and writes into the ledger what is new. */
export async function lookAtJob({ id, server, record }: FoundJob, context: Context): Promise<VideoJob> {
  const job = await server.client.get(id, { signal: context.host.interrupt });
  if (record?.job?.status !== job.status) await writeSeen(record, job, context);
  return job;
}
