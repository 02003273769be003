import { statSync } from 'node:fs';
import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { refuseFaults } from '../app/option-values.ts';
import {
  checkFiles,
  checkNames,
  FILE_OPTIONS,
  type FilePlan,
  planFiles,
  SEVERAL_NEED_FOLDER,
  savedResult,
  saveFiles,
} from '../app/saving.ts';
import { targetOption } from '../app/servers.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { forEach } from '../domain/outcomes.ts';
import type { JobRecord, SavedFile } from '../domain/record.ts';
import { summarize } from '../domain/summary.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { fileExists, isForSeveral, pathsFor, sidecarPath } from '../jobs/destination.ts';
import { NAMELESS, type NamedVideo, namedVideo } from '../jobs/name-template.ts';
import { JOB_JSON_SHAPE } from '../output/job-view.ts';

export const downloadCommand = defineCommand({
  name: 'download',
  description:
    'Saves the files of finished videos and prints their paths. Each file is checked before it gets its name; an interrupted download is resumed if the server supports it.',
  arguments: [{ form: '<id...>', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: { ...FILE_OPTIONS },
  json: `${JOB_JSON_SHAPE}; with several ids: {"jobs":[…]}`,
  errors: [
    'video_not_found',
    'content_not_ready',
    'content_expired',
    'file_exists',
    'cannot_write',
    'download_corrupt',
  ],
  examples: [
    ['sora download @last -o clip.mp4', 'the newest video, under a name of your choice'],
    ['sora download video_123 --variant video --variant thumbnail -o out/', 'video and thumbnail into a folder'],
  ],

  async run(
    { args, options },
    deps: Pick<Context, 'configuration' | 'host' | 'options' | 'output' | 'ledger' | 'jobs'>,
  ) {
    const { jobs, host } = deps;
    const faults: string[] = [];
    const plan = planFiles(options, deps, faults);
    if (args.length > 1 && !isForSeveral(plan.destination, 'id')) faults.push(SEVERAL_NEED_FOLDER);
    refuseFaults(faults, 'download');
    checkFiles({ ...plan, force: true }); // the existing file may be this video
    const failures: SoraError[] = [];
    const { values, errors } = await forEach(args, async (id) => {
      const found = await jobs.find(id);
      const { server, record } = found;
      const saved = record ? savedFiles(record, plan) : [];
      if (record && saved.length === plan.variants.length) {
        deps.output.note(`${deps.ledger.shortId(found.id)} is already saved (\`--force\` downloads it again)`);
        return { ...summarize(server.identity.profile, record, null), files: saved };
      }
      if (plan.destination.kind === 'file') refuseExisting(plan, NAMELESS, saved);
      const job = await jobs.look(found);
      refuseUnfinished(job, targetOption(server.identity), host.clock.now());
      const video = namedVideo(job, record);
      checkNames(plan, video, deps, 'download');
      refuseExisting(plan, video, saved);
      const files = await saveFiles({ server, record, job }, plan, deps, failures, saved);
      return { ...summarize(server.identity.profile, record, job), files };
    });
    return savedResult(values, plan, [...failures, ...errors], deps);
  },
});

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
