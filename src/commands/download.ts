import { defineCommand } from '../app/command.ts';
import { type DownloadDeps, downloadOne } from '../app/downloading.ts';
import type { FoundJob } from '../app/known-jobs.ts';
import { option, readDeadlineMs, refuseFaults } from '../app/option-values.ts';
import { checkFiles, FILE_OPTIONS, OPEN_OPTION, planFiles, SEVERAL_NEED_FOLDER, savedResult } from '../app/saving.ts';
import type { ErrorCode } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import type { Outcomes } from '../domain/outcomes.ts';
import { hasVideo, isOfVideo, isSaved, type JobRecord } from '../domain/record.ts';
import type { JobSummary } from '../domain/summary.ts';
import { isForSeveral } from '../jobs/destination.ts';
import { JOB_JSON_SHAPE } from '../output/job-view.ts';

export const downloadCommand = defineCommand({
  name: 'download',
  description:
    'Saves the files of finished videos and prints their paths. Each file is checked before it gets its name; an interrupted download is resumed if the server supports it. Without `-o`, `--variant` and `--sidecar`, those given to `sora create` apply.',
  arguments: [{ form: '[id...]', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: {
    ...FILE_OPTIONS,
    open: OPEN_OPTION,
    all: option('--all', 'all finished videos of this server that were never saved'),
    wait: option('--wait', 'wait for videos that are not finished'),
    timeout: option('--timeout <duration>', 'longest wait (default 30m); the jobs keep running after it'),
  },
  json: `${JOB_JSON_SHAPE}; with several ids or --all: {"jobs":[…]}`,
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
    const { host, output } = deps;
    const { all = false, wait = false } = options;
    const faults: string[] = [];
    const plan = planFiles(options, deps, faults);
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    if (all === args.length > 0) faults.push(all ? '`--all` takes no ids' : 'no video: name one, or pass `--all`');
    if ((all || args.length > 1) && !isForSeveral(plan.destination, 'id')) faults.push(SEVERAL_NEED_FOLDER);
    refuseFaults(faults);
    await checkFiles({ ...plan, force: true }, deps); // the existing file may be this video
    const found = all ? await findUnsaved(deadlineMs, deps) : await deps.jobs.findAll(args, deadlineMs);
    const failures = [...found.errors];
    const summaries: JobSummary[] = [];
    for (const each of found.values) {
      if (host.interrupt.aborted) break; // what is saved so far is printed
      try {
        const order = { wait, deadlineMs, limitsFiles: options.timeout !== undefined, choices: options, failures };
        summaries.push(await downloadOne(each, plan, order, deps));
      } catch (error) {
        if (!(error instanceof SoraError)) throw error;
        if (all && PASSED.has(error.code)) output.note(`${each.id}: ${error.message}; skipped`);
        else failures.push(error);
      }
    }
    if (all && found.values.length === 0) output.note('nothing to save');
    const isSeveral = all || args.length > 1;
    return savedResult({ summaries, plan: { ...plan, sidecar: false }, errors: failures, isSeveral }, deps);
  },
});

/** Why `--all` skips a job: it has no video, no longer one, or none yet. */
const PASSED: ReadonlySet<ErrorCode> = new Set([
  'video_not_found',
  'content_expired',
  'content_not_ready',
  'job_failed',
  'moderation_blocked',
]);

/** The jobs of the server in use that have a video, or may have one by now, that was never saved. */
async function findUnsaved(deadlineMs: number, { jobs, ledger }: DownloadDeps): Promise<Outcomes<FoundJob>> {
  const isInScope = await jobs.scope();
  const isUnsaved = (record: JobRecord): boolean =>
    hasVideo(record) && isOfVideo(record) && !isSaved(record) && isInScope(record);
  const finished = (await ledger.newest(Number.POSITIVE_INFINITY, isUnsaved)).reverse(); // oldest first
  const known = await jobs.findAll(
    finished.map(({ key }) => key),
    deadlineMs,
  );
  const unfinished = await jobs.findUnfinished(deadlineMs);
  const running = unfinished.values.toReversed();
  return { values: [...known.values, ...running], errors: [...known.errors, ...unfinished.errors] };
}
