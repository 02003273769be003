import { SoraError } from '../domain/errors.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './find-job.ts';
import { targetOption } from './server.ts';
import { writeRemoved } from './write-events.ts';

/** Removes a video from its server and writes it down. Throws `not_supported` when the server says that it kept it. */
export async function removeVideo({ id, server, record }: FoundJob, context: Context): Promise<void> {
  const isGone = await server.client.remove(id, { signal: context.host.interrupt });
  if (!isGone) {
    throw new SoraError('not_supported', {
      title: 'the server kept the video',
      jobId: id,
      hints: [`run \`sora status ${id}${targetOption(server.identity)}\` to see it`],
    });
  }
  await writeRemoved(record, context);
}
