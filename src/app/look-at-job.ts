import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './find-job.ts';
import { writeSeen } from './write-events.ts';

/** Asks the server for a job and writes into the ledger what is new. */
export async function lookAtJob(found: FoundJob, context: Context): Promise<VideoJob> {
  const { id, server, record } = found;
  try {
    const job = await server.client.get(id, { signal: context.host.interrupt });
    if (record?.job?.status !== job.status) await writeSeen(record, job, context);
    return job;
  } catch (error) {
    throw isWithoutRoute(error, found) ? cannotBeAsked(error) : error;
  }
}

/** The job was made at this very address: it is the question that is missing there. */
function isWithoutRoute(error: unknown, { server, record }: FoundJob): error is SoraError {
  const isSame = record?.baseUrl === server.identity.baseUrl;
  return isSame && error instanceof SoraError && error.code === 'endpoint_not_found';
}

function cannotBeAsked({ causedBy, status, requestId }: SoraError): SoraError {
  return new SoraError('not_supported', {
    title: 'the server has no address to ask for this job',
    causedBy,
    status,
    requestId,
    hints: ['run `sora list --local` to see what the ledger knows of it'],
  });
}
