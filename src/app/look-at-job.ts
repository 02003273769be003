import { factsOf } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './find-job.ts';

/** Asks the server for a job and writes into the ledger what is new. */
export async function lookAtJob({ id, server, record }: FoundJob, { host, ledger }: Context): Promise<VideoJob> {
  const job = await server.client.get(id, { signal: host.interrupt });
  if (record !== undefined && record.job?.status !== job.status) {
    await ledger.append({ event: 'seen', key: record.key, atMs: host.clock.now(), job: factsOf(job) });
  }
  return job;
}
