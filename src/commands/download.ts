import { statSync } from 'node:fs';
import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { followJob } from '../app/follow-jobs.ts';
import type { FoundJob } from '../app/known-jobs.ts';
import { parseTimeoutMs, refuseFaults } from '../app/option-values.ts';
import {
  checkFiles,
  checkNames,
  completePlan,
  FILE_OPTIONS,
  type FilePlan,
  OPEN_OPTION,
  planFiles,
  SEVERAL_NEED_FOLDER,
  savedResult,
  saveFiles,
} from '../app/saving.ts';
import { targetOption } from '../app/servers.ts';
import { writeSidecars } from '../app/sidecars.ts';
import type { ErrorCode } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import type { Outcomes } from '../domain/outcomes.ts';
import { hasVideo, isOfVideo, type JobRecord, type SavedFile } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { fileExists, isForSeveral, pathsFor, sidecarPath } from '../jobs/destination.ts';
import { NAMELESS, type NamedVideo, namedVideo } from '../jobs/name-template.ts';
import { JOB_JSON_SHAPE } from '../output/job-view.ts';

export const downloadCommand = defineCommand({
  name: 'download',
  description:
    'Saves the files of finished videos and prints their paths. Each file is checked before it gets its name; an interrupted download is resumed if the server supports it. Without `-o`, `--variant` and `--sidecar`, those of `sora create` apply.',
  arguments: [{ form: '[id...]', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: {
    ...FILE_OPTIONS,
    open: OPEN_OPTION,
    all: { flags: '--all', summary: 'all finished videos of this server that were never saved' },
    wait: { flags: '--wait', summary: 'wait for videos that are not finished' },
    timeout: { flags: '--timeout <duration>', summary: 'longest wait (default 30m); the jobs keep running after it' },
  },
  json: `${JOB_JSON_SHAPE}; with several ids: {"jobs":[…]}`,
  errors: [
    'video_not_found',
    'content_not_ready',
    'content_expired',
    'wait_timeout',
    'file_exists',
    'cannot_write',
    'download_corrupt',
  ],
  examples: [
    ['sora download @last -o clip.mp4', 'the newest video, under a name of your choice'],
    ['sora download --all --wait -o videos/', 'all videos that were never saved, including running ones'],
  ],

  async run({ args, options }, deps: DownloadDeps) {
    const { host, output, configuration } = deps;
    const { all = false, wait = false } = options;
    const faults: string[] = [];
    const plan = planFiles(options, deps, faults);
    const timeoutMs = parseTimeoutMs(options.timeout, configuration.timeoutMs.value, faults);
    if (all === args.length > 0) faults.push(all ? '`--all` takes no ids' : 'no video: name one, or pass `--all`');
    if ((all || args.length > 1) && !isForSeveral(plan.destination, 'id')) faults.push(SEVERAL_NEED_FOLDER);
    refuseFaults(faults, 'download');
    checkFiles({ ...plan, force: true }); // the existing file may be this video
    const deadlineMs = host.clock.now() + timeoutMs;
    const found = all ? await findUnsaved(deps) : await deps.jobs.findAll(args);
    const failures = [...found.errors];
    const summaries: JobSummary[] = [];
    for (const each of found.values) {
      if (host.interrupt.aborted) break; // what is saved so far is printed
      const own = completePlan(plan, options, each.record?.wanted);
      try {
        const summary = await downloadOne(each, own, { wait, deadlineMs, failures }, deps);
        summaries.push(summary);
        failures.push(...(await writeSidecars([summary], own, deps)));
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (all && PASSED.has(error.code)) output.note(`${each.id}: ${error.message}; skipped`);
        else failures.push(error);
      }
    }
    if (all && found.values.length === 0) output.note('nothing to save');
    return savedResult(summaries, { ...plan, sidecar: false }, failures, deps);
  },
});

type DownloadDeps = Pick<Context, 'configuration' | 'host' | 'options' | 'output' | 'ledger' | 'jobs' | 'random'>;

/** Why `--all` skips a job: it has no video, no longer one, or none yet. */
const PASSED: ReadonlySet<ErrorCode> = new Set([
  'video_not_found',
  'content_expired',
  'content_not_ready',
  'job_failed',
  'moderation_blocked',
]);

/** The jobs of the server in use that have a video, or may have one by now, of which no file was ever saved. */
async function findUnsaved({ jobs, ledger }: DownloadDeps): Promise<Outcomes<FoundJob>> {
  const isInScope = await jobs.scope();
  const isUnsaved = (record: JobRecord): boolean =>
    hasVideo(record) && isOfVideo(record) && record.files.length === 0 && isInScope(record);
  const finished = (await ledger.newest(Number.POSITIVE_INFINITY, isUnsaved)).reverse(); // oldest first
  const known = await jobs.findAll(finished.map(({ key }) => key));
  const unfinished = await jobs.findUnfinished();
  const running = unfinished.values.toReversed();
  return { values: [...known.values, ...running], errors: [...known.errors, ...unfinished.errors] };
}

/** Throws what keeps all files of a job from being saved; what keeps some of them is added to `failures`. */
async function downloadOne(
  found: FoundJob,
  plan: FilePlan,
  { wait, deadlineMs, failures }: { wait: boolean; deadlineMs: number; failures: SoraError[] },
  deps: DownloadDeps,
): Promise<JobSummary> {
  const { jobs, host, output } = deps;
  const { server, record } = found;
  const saved = record ? savedFiles(record, plan) : [];
  if (record && saved.length === plan.variants.length) {
    output.note(
      `${await deps.ledger.shortId(record.job?.id ?? record.key)} is already saved (\`--force\` downloads it again)`,
    );
    return { ...summarize(server.identity.profile, record, null), files: saved };
  }
  if (plan.destination.kind === 'file') refuseExisting(plan, NAMELESS, saved);
  const seen = await jobs.look(found);
  const leftMs = Math.max(0, deadlineMs - host.clock.now());
  const job = wait && !isTerminal(seen.status) ? await followJob({ ...found, known: seen }, leftMs, deps) : seen;
  refuseUnfinished(job, targetOption(server.identity), host.clock.now());
  const video = namedVideo(job, record);
  checkNames(plan, video, deps, 'download');
  refuseExisting(plan, video, saved);
  const files = await saveFiles({ server, record, job }, plan, deps, failures, saved);
  return { ...summarize(server.identity.profile, record, job), files };
}

function refuseUnfinished(job: VideoJob, target: string, nowMs: number): void {
  const failure = isTerminal(job.status) ? failureOf(job, nowMs) : null;
  if (failure !== null) throw failure;
  if (isTerminal(job.status)) return;
  throw new SoraError('content_not_ready', { jobId: job.id, facts: { id: job.id, target } });
}

/** The files that an earlier run saved where the plan wants them. */
function savedFiles(
  { job, request, submittedAtMs, files }: JobRecord,
  { destination, variants, force }: FilePlan,
): SavedFile[] {
  if (destination.kind === 'stdout' || force || job === null) return [];
  const wanted = pathsFor(destination, variants, namedVideo(job, { request, submittedAtMs }));
  return wanted.flatMap(({ variant, path }) => {
    const file = files.findLast((candidate) => candidate.variant === variant && candidate.path === path);
    return file !== undefined && statSync(path, { throwIfNoEntry: false })?.size === file.bytes ? [file] : [];
  });
}

/** Default names depend on the job, so they are checked here. Throws `file_exists` for other files than those in `saved`. */
function refuseExisting(
  { destination, variants, force, sidecar }: FilePlan,
  video: NamedVideo,
  saved: readonly SavedFile[],
): void {
  if (destination.kind === 'stdout' || force) return;
  const paths = pathsFor(destination, variants, video).map(({ path }) => path);
  const wanted = [...paths, ...(sidecar && saved.length === 0 ? paths.slice(0, 1).map(sidecarPath) : [])];
  const taken = wanted.filter((path) => isFile(path) && !saved.some((file) => file.path === path));
  if (taken.length > 0) throw fileExists(taken.join(', '));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
