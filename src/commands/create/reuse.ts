import { createReadStream, statSync } from 'node:fs';
import type { Context } from '../../app/context.ts';
import { type FilePlan, saveFiles } from '../../app/saving.ts';
import { savedFiles } from '../../batch/plan.ts';
import { SoraError } from '../../domain/errors.ts';
import { type JobRecord, type SavedFile, statusOf } from '../../domain/record.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { pathsFor } from '../../jobs/destination.ts';
import { copySaved } from '../../jobs/download.ts';
import { pour } from '../../jobs/download-stream.ts';
import { fingerprintOf, recordRequest } from '../../jobs/fingerprint.ts';

type ReuseDeps = Pick<Context, 'ledger' | 'configuration' | 'output' | 'servers' | 'host'>;

/**
 * The newest finished result of the same request: its files on disk, or
 * downloaded again while the server keeps them; null if there is nothing to
 * reuse.
 */
export async function reuse(request: VideoRequest, plan: FilePlan | null, deps: ReuseDeps): Promise<JobSummary | null> {
  const { ledger, configuration } = deps;
  const fingerprint = fingerprintOf(configuration.baseUrl.value, recordRequest(request));
  const finished = ledger.byFingerprint(fingerprint).filter((record) => statusOf(record) === 'completed');
  for (const record of finished.reverse()) {
    if (plan === null) return summarize(record.profile, record, null);
    const files = savedFiles(record, plan);
    if (files !== null) {
      return { ...summarize(record.profile, record, null), files: await deliver(files, record, plan, deps) };
    }
    const fetched = await fetchAgain(record, plan, deps);
    if (fetched !== null) return fetched;
  }
  return null;
}

/** Copies the files to the requested name, if there is one. */
async function deliver(
  files: readonly SavedFile[],
  record: JobRecord,
  { destination, force }: FilePlan,
  { output }: ReuseDeps,
): Promise<SavedFile[]> {
  if (destination.kind === 'stdout') {
    for (const { path } of files) await pour(createReadStream(path), output.stdout, 'standard output');
  }
  if (destination.kind !== 'file') return [...files];
  const variants = files.map(({ variant }) => variant);
  const paths = pathsFor(destination, variants, { id: record.job?.id ?? '', prompt: record.request.prompt });
  const delivered: SavedFile[] = [];
  for (const [at, file] of files.entries()) {
    const path = paths[at]?.path ?? file.path;
    if (path !== file.path) await copySaved(file.path, path, force);
    if (statSync(path, { throwIfNoEntry: false })?.size === file.bytes) delivered.push({ ...file, path }); // pipes and devices keep no file
  }
  return delivered;
}

async function fetchAgain(record: JobRecord, plan: FilePlan, deps: ReuseDeps): Promise<JobSummary | null> {
  if (record.job === null) return null;
  const server = await deps.servers.of(record);
  try {
    const job = await server.client.get(record.job.id, { signal: deps.host.interrupt });
    const files = await saveFiles({ server, record, job }, plan, deps);
    return { ...summarize(record.profile, record, job), files };
  } catch (error) {
    const isGone =
      error instanceof SoraError && ['video_not_found', 'content_expired', 'content_not_ready'].includes(error.code);
    if (isGone) return null;
    throw error;
  }
}
