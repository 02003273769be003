import { createReadStream } from 'node:fs';
import type { RunDeps } from '../../app/context.ts';
import { followJob } from '../../app/follow-jobs.ts';
import { type FilePlan, saveFiles } from '../../app/saving.ts';
import { SoraError } from '../../domain/errors.ts';
import { isObjectAddress } from '../../domain/object-address.ts';
import { type JobRecord, type SavedFile, STANDARD_OUTPUT, statusOf } from '../../domain/record.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { pathsFor } from '../../jobs/destination.ts';
import { copySaved } from '../../jobs/download.ts';
import { pour } from '../../jobs/download-stream.ts';
import { fingerprintOf, recordRequest } from '../../jobs/fingerprint.ts';
import { namedVideo } from '../../jobs/name-template.ts';
import { allSavedFiles, isStillThere } from '../../jobs/saved-file.ts';
import { shortPath } from '../../output/short-path.ts';
import { statsOf } from '../../platform/files.ts';

export interface Reused {
  readonly summary: JobSummary;
  /** Errors of files that could not be downloaded again. */
  readonly errors: readonly SoraError[];
}

/** The newest finished result of the same request, from disk or downloaded again; null if its videos are gone. */
export async function reuse(
  request: VideoRequest,
  { plan, deadlineMs }: { readonly plan: FilePlan | null; readonly deadlineMs: number },
  deps: RunDeps,
): Promise<Reused | null> {
  // A file stays, whatever its server reports since.
  const isFinished = (record: JobRecord): boolean =>
    statusOf(record) === 'completed' || record.files.some(isStillThere);
  for (const record of (await sameRequests(request, deps)).filter(isFinished).reverse()) {
    const known = summarize(record.profile, record, null);
    if (plan === null) return { summary: known, errors: [] };
    const files = allSavedFiles(record, plan);
    if (files !== null && canDeliver(files, record, plan)) {
      return { summary: { ...known, files: await deliver(files, record, plan, deps) }, errors: [] };
    }
    const fetched = await fetchAgain(record, plan, deadlineMs, deps);
    if (fetched !== null) return fetched;
  }
  return null;
}

/** The submissions of a request to the server in use, the oldest first. */
export function sameRequests(
  request: VideoRequest,
  { ledger, configuration }: Pick<RunDeps, 'ledger' | 'configuration'>,
): Promise<JobRecord[]> {
  const value = fingerprintOf(configuration.baseUrl.value, recordRequest(request));
  return ledger.list({ by: 'fingerprint', value });
}

/** Whether saved files can be returned without another download: objects only where they are. */
function canDeliver(files: readonly SavedFile[], record: JobRecord, { destination }: FilePlan): boolean {
  const isRemote = files.some(({ path }) => isObjectAddress(path));
  if (destination.kind === 'stdout') return !isRemote;
  if (!isRemote && !isObjectAddress(destination.path)) return true;
  if (record.job === null) return false;
  const variants = files.map(({ variant }) => variant);
  const wanted = pathsFor(destination, variants, namedVideo(record.job, record));
  return files.every(({ path }, at) => path === wanted[at]?.path);
}

/** Copies the files to the requested name, if there is one. */
async function deliver(
  files: readonly SavedFile[],
  record: JobRecord,
  { destination, force }: FilePlan,
  { output }: RunDeps,
): Promise<SavedFile[]> {
  if (destination.kind === 'stdout') {
    for (const { path } of files) await pour(createReadStream(path), output.stdout, 'standard output');
  }
  if (destination.kind === 'stdout' || destination.kind === 'folder') return [...files];
  const variants = files.map(({ variant }) => variant);
  const paths = record.job ? pathsFor(destination, variants, namedVideo(record.job, record)) : [];
  const delivered: SavedFile[] = [];
  for (const [at, file] of files.entries()) {
    const path = paths[at]?.path ?? file.path;
    if (path !== file.path) await copySaved(file.path, path, force);
    if (statsOf(path)?.size === file.bytes) delivered.push({ ...file, path }); // pipes and devices keep no file
  }
  return delivered;
}

/** Notes where a video of the same request is saved already. */
export async function noteSavedBefore(request: VideoRequest, deps: RunDeps): Promise<void> {
  const { output, host } = deps;
  const files = (await sameRequests(request, deps)).flatMap(({ files, free }) =>
    files.map((file) => ({ ...file, free })),
  );
  const saved = files.findLast(
    ({ path }) => isObjectAddress(path) || (path !== STANDARD_OUTPUT && statsOf(path)?.isFile()),
  );
  if (saved === undefined) return;
  const path = shortPath(saved.path, host.cwd);
  const gain = saved.free ? '' : ' without paying again';
  output.note(`a video of the same request is saved as ${path}; \`--reuse\` returns it${gain}`);
}

/** Null where the video is gone from the server. Any other failed download is an error: the video is paid for. */
async function fetchAgain(
  record: JobRecord,
  plan: FilePlan,
  deadlineMs: number,
  deps: RunDeps,
): Promise<Reused | null> {
  if (record.job === null || record.removed) return null;
  const { id } = record.job;
  const server = await deps.servers.of(record);
  try {
    const job = await followJob({ id, server, record, known: null }, deadlineMs, deps);
    if (job.status !== 'completed') return null;
    const errors: SoraError[] = [];
    const files = await saveFiles({ server, record, job, deadlineMs }, plan, deps, errors);
    return { summary: { ...summarize(record.profile, record, job), files }, errors };
  } catch (error) {
    const isGone = error instanceof SoraError && ['video_not_found', 'content_expired'].includes(error.code);
    if (!isGone) throw error;
    deps.output.note(`${id} was made for the same request, and is gone from the server`);
    return null;
  }
}
