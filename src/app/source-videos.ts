import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { type JobRecord, sourceIdOf } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import { type Derivation, isTerminal, type VideoJob } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import type { FoundJob } from './known-jobs.ts';
import { targetOption } from './servers.ts';

/** Throws `content_not_ready` for a job that still runs, or `video_not_found` with the reason why it has no video to start from. */
export function requireFinished(job: VideoJob, operation: Derivation, { id, server }: FoundJob): void {
  if (job.status === 'completed') return;
  if (isTerminal(job.status)) {
    const { message = job.status, causedBy = null } = failureOf(job) ?? {};
    const hints = [`run \`${commandAbout(id, 'sora status', targetOption(server.identity))}\` to see it`];
    throw new SoraError('video_not_found', {
      title: `${id} has no video to ${operation}: ${message}`,
      causedBy,
      jobId: id,
      hints,
    });
  }
  throw new SoraError('content_not_ready', {
    title: `${id} is not finished yet, so there is no video to ${operation}`,
    causedBy: `its status is ${job.status}`,
    jobId: id,
    hints: [`run \`${commandAbout(id, 'sora status', ` --watch${targetOption(server.identity)}`)}\` to wait for it`],
  });
}

/** How often a video was extended, as far as the ledger knows. */
export async function extensionsOf(record: JobRecord | undefined, ledger: Ledger): Promise<number> {
  const seen = new Set<string>();
  for (let at = record; at?.request.source?.operation === 'extend' && !seen.has(at.key); ) {
    seen.add(at.key);
    const { baseUrl, request } = at;
    const sources = await ledger.find(sourceIdOf(request) ?? '');
    at = sources.find((source) => source.baseUrl === baseUrl);
  }
  return seen.size;
}
