import { SoraError } from '../domain/errors.ts';
import { commandAbout } from '../domain/shell.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './find-job.ts';
import { targetOption } from './server.ts';
import { writeRemoved } from './write-events.ts';

/** The video was just seen at this address: it is the removal that is missing there. */
function refuseWithoutRoute(error: unknown): never {
  if (!(error instanceof SoraError) || error.code !== 'endpoint_not_found') throw error;
  const { causedBy, status, requestId } = error;
  throw new SoraError('not_supported', { title: 'the server cannot delete videos', causedBy, status, requestId });
}

/** Removes a video from its server and writes it down. Throws `not_supported` when the server says that it kept it. */
export async function removeVideo({ id, server, record }: FoundJob, context: Context): Promise<void> {
  const isGone = await server.client.remove(id, { signal: context.host.interrupt }).catch(refuseWithoutRoute);
  if (!isGone) {
    throw new SoraError('not_supported', {
      title: 'the server kept the video',
      jobId: id,
      hints: [`run \`${commandAbout(id, 'sora status', targetOption(server.identity))}\` to see it`],
    });
  }
  await writeRemoved(record, context);
}
