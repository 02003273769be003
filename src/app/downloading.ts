import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { idOrKey, type JobRecord, type SavedFile } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { fileExists, pathsFor, sidecarPath } from '../jobs/destination.ts';
import { NAMELESS, type NamedVideo, namedVideo } from '../jobs/name-template.ts';
import { targetOf } from '../jobs/save-target.ts';
import { namingLastFile } from '../jobs/saved-file.ts';
import type { Context } from './context.ts';
import { followJob } from './follow-jobs.ts';
import type { FoundJob } from './known-jobs.ts';
import { checkNames, completePlan, type FileChoices, type FilePlan, saveFiles } from './saving.ts';
import { targetOption } from './servers.ts';
import { writeSidecars } from './sidecars.ts';

export type DownloadDeps = Pick<
  Context,
  'configuration' | 'host' | 'options' | 'output' | 'ledger' | 'objects' | 'jobs' | 'random'
>;

interface DownloadOrder {
  /** Whether to wait for an unfinished job. */
  readonly wait: boolean;
  readonly deadlineMs: number;
  /** Whether the deadline is for the files too, not only for the job. */
  readonly limitsFiles?: boolean;
  /** The options that were given. */
  readonly choices: FileChoices;
  /** Gets the errors of single files. */
  readonly failures: SoraError[];
}

/**
 * Saves a job's files where the options of this command or those of its create say, with a sidecar if one is wanted.
 * Throws if none can be saved; errors of single files are added to `failures`.
 */
export async function downloadOne(
  found: FoundJob,
  plan: FilePlan,
  order: DownloadOrder,
  deps: DownloadDeps,
): Promise<JobSummary> {
  const own = completePlan(plan, order.choices, found.record?.wanted);
  const summary = await saveJob(found, own, order, deps).catch(async (error: unknown) => {
    if (!found.record || !(error instanceof SoraError)) throw error;
    if (error.code !== 'file_exists') throw namingLastFile(error, found.record);
    const record = await deps.ledger.recordOf(found.record.key);
    if (record.files.length === found.record.files.length) throw error;
    return saveJob({ ...found, record }, own, order, deps); // another process saved it in the meantime
  });
  order.failures.push(...(await writeSidecars([summary], own, deps)));
  return summary;
}

async function saveJob(
  found: FoundJob,
  plan: FilePlan,
  { wait, deadlineMs, limitsFiles, failures }: DownloadOrder,
  deps: DownloadDeps,
): Promise<JobSummary> {
  const { jobs, output } = deps;
  const { server, record } = found;
  const saved = record ? await savedFiles(record, plan, deps) : [];
  if (record && saved.length === plan.variants.length) {
    output.note(`${await deps.ledger.shortId(idOrKey(record))} is already saved (\`--force\` downloads it again)`);
    return { ...summarize(server.identity.profile, record, null), files: saved };
  }
  if (plan.destination.kind === 'file') await refuseExisting(plan, NAMELESS, saved, deps);
  const seen = await jobs.look(found, deadlineMs);
  const job = wait && !isTerminal(seen.status) ? await followJob({ ...found, known: seen }, deadlineMs, deps) : seen;
  refuseUnfinished(job, record, targetOption(server.identity));
  const video = namedVideo(job, record);
  checkNames(plan, video, deps);
  await refuseExisting(plan, video, saved, deps);
  const files = await saveFiles(
    { server, record, job, deadlineMs: limitsFiles ? deadlineMs : Number.POSITIVE_INFINITY },
    plan,
    deps,
    failures,
    saved,
  );
  return { ...summarize(server.identity.profile, record, job), files };
}

function refuseUnfinished(job: VideoJob, record: JobRecord | undefined, target: string): void {
  const failure = isTerminal(job.status) ? failureOf(job, record?.request) : null;
  if (failure !== null) throw failure;
  if (isTerminal(job.status)) return;
  throw new SoraError('content_not_ready', { jobId: job.id, facts: { id: job.id, target } });
}

/** The files that an earlier run saved at the planned places. */
async function savedFiles(
  { job, request, submittedAtMs, files }: JobRecord,
  { destination, variants, force }: FilePlan,
  { objects }: DownloadDeps,
): Promise<SavedFile[]> {
  if (destination.kind === 'stdout' || force || job === null) return [];
  const target = targetOf(destination.path, objects);
  const saved: SavedFile[] = [];
  for (const { variant, path } of pathsFor(destination, variants, namedVideo(job, { request, submittedAtMs }))) {
    const file = files.findLast((candidate) => candidate.variant === variant && candidate.path === path);
    if (file !== undefined && (await target.holds(file))) saved.push(await target.withLink(file));
  }
  return saved;
}

/** Default names depend on the job, so they are checked here. Throws `file_exists` for other files than those in `saved`. */
async function refuseExisting(
  { destination, variants, force, sidecar }: FilePlan,
  video: NamedVideo,
  saved: readonly SavedFile[],
  { objects }: DownloadDeps,
): Promise<void> {
  if (destination.kind === 'stdout' || force) return;
  const target = targetOf(destination.path, objects);
  const paths = pathsFor(destination, variants, video).map(({ path }) => path);
  const wanted = [...paths, ...(sidecar && saved.length === 0 ? paths.slice(0, 1).map(sidecarPath) : [])];
  const taken: string[] = [];
  for (const path of wanted) {
    if (!saved.some((file) => file.path === path) && (await target.isTaken(path))) taken.push(path);
  }
  if (taken.length > 0) throw fileExists(taken.join(', '));
}
