import { type CommandResult, defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { type FollowedJob, followJobs } from '../../app/follow-jobs.ts';
import { NOTIFY_OPTION, parseTimeoutMs, parseWholeNumber } from '../../app/option-values.ts';
import { REQUEST_OPTIONS, type ReadRequest, type RequestOptions, readRequest } from '../../app/request-options.ts';
import { describeCost, previewRequest } from '../../app/request-preview.ts';
import {
  checkFiles,
  checkNames,
  FILE_OPTIONS,
  type FilePlan,
  OPEN_OPTION,
  placePlan,
  planFiles,
  SEVERAL_NEED_FOLDER,
  savedResult,
  saveFiles,
  wantedFiles,
} from '../../app/saving.ts';
import { targetOption } from '../../app/servers.ts';
import { agreeToSpend, parseMaxCost } from '../../app/spending.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import { failureOf } from '../../domain/job-failure.ts';
import { estimate } from '../../domain/pricing.ts';
import type { JobRecord } from '../../domain/record.ts';
import { commandAbout } from '../../domain/shell.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import type { Variant, VideoRequest } from '../../domain/video.ts';
import { isForSeveral } from '../../jobs/destination.ts';
import { type SubmitOrder, underWay } from '../../jobs/submit.ts';
import { JOB_JSON_SHAPE } from '../../output/job-view.ts';
import { noteChanges, submitCopies } from './copies.ts';
import { templateFrom } from './from-job.ts';
import { noteSavedBefore, reuse } from './reuse.ts';

const RUN = 'Run:';
const MONEY = 'Money:';
const MAX_COUNT = 100;
/** For servers that answer a create with the video itself and do not keep it. */
const NOT_KEPT = 'the video came with the response and was not saved; omit `--detach` and `--no-download` to save it';

type CreateDeps = Pick<
  Context,
  'configuration' | 'host' | 'options' | 'output' | 'ledger' | 'servers' | 'jobs' | 'random' | 'isInteractive'
>;

export const createCommand = defineCommand({
  name: 'create',
  description:
    'Creates a video: submits the job, shows progress while it runs, and saves the file. Prints its path. A create is never resent automatically; to resume the same job, run the same command again.',
  arguments: [{ form: '[prompt]', summary: 'the prompt: text, @FILE, or - for standard input' }],
  options: {
    ...REQUEST_OPTIONS,
    from: {
      group: REQUEST_OPTIONS.model.group,
      flags: '--from <id>',
      summary: 'start from the request of an old job; what you give replaces its parts',
    },
    ...FILE_OPTIONS,
    open: OPEN_OPTION,
    noDownload: { group: FILE_OPTIONS.output.group, flags: '--no-download', summary: 'wait, but do not save' },
    detach: { group: RUN, flags: '--detach', summary: 'print the id and exit without waiting' },
    timeout: {
      group: RUN,
      flags: '--timeout <duration>',
      summary: 'longest wait (default 30m); the job keeps running after it',
    },
    notify: { ...NOTIFY_OPTION, group: RUN },
    count: { group: RUN, flags: '--count <n>', summary: 'create n variations' },
    again: { group: RUN, flags: '--again', summary: 'submit again even if the same request is unfinished' },
    reuse: { group: RUN, flags: '--reuse', summary: 'return the saved result of an identical finished request' },
    dryRun: {
      group: RUN,
      flags: '-n, --dry-run',
      summary: 'show the request, the curl command and the cost; send nothing',
    },
    maxCost: { group: MONEY, flags: '--max-cost <usd>', summary: 'refuse if it would cost more' },
    yes: { group: MONEY, flags: '-y, --yes', summary: 'approve the price without being asked' },
  },
  json: `${JOB_JSON_SHAPE}; with --count: {"jobs":[…]}; with --dry-run: {"request","count","attaches_to":["id"],"curl","cost"}`,
  errors: [
    'invalid_request',
    'file_exists',
    'no_api_key',
    'cost_cap_exceeded',
    'moderation_blocked',
    'reference_size_mismatch',
    'outcome_unknown',
    'job_failed',
    'wait_timeout',
    'download_corrupt',
  ],
  examples: [
    [
      'sora create "A paper boat sails into a storm drain" --duration 5 --simulate',
      'create a real MP4, free and offline',
    ],
    [
      'sora create @prompt.txt -m sora-2-pro -r 1080p -a 9:16 -o clip.mp4 --max-cost 5',
      'prompt from a file, at most $5',
    ],
  ],

  async run({ args: [prompt], options }, deps: CreateDeps) {
    const faults: string[] = [];
    const { configuration, host, output } = deps;
    const plan = planFiles({ ...options, place: ['n'] }, deps, faults);
    const timeoutMs = parseTimeoutMs(options.timeout, configuration.timeoutMs.value, faults);
    const count = parseWholeNumber(options.count, { name: '--count', min: 1, max: MAX_COUNT, fallback: 1 }, faults);
    const maxCostMicros = parseMaxCost(options.maxCost, faults);
    const saves = !options.detach && !options.noDownload;
    faults.push(...findPlanFaults(plan, count, saves));
    if (options.reuse && (count > 1 || options.again))
      faults.push('`--reuse` cannot be combined with `--count` or `--again`');
    const read = await readOrder(prompt, options, plan.variants, faults, deps);
    const video = { ...read.request, id: null, createdAtMs: host.clock.now() };
    const plans = Array.from({ length: count }, (_, at) => placePlan(plan, { n: at + 1 }));
    for (const each of plans) checkNames(each, video, deps, 'create');
    const wanted = plans.map((each) => wantedFiles(each, options));

    const price = estimate(read.request, host.clock.now(), configuration.prices);
    const files = saves ? plan : null;
    const savesFile = files !== null && files.destination.kind !== 'stdout'; // a pipe leaves no file behind
    const again = options.again ?? false;
    if (options.dryRun) {
      const order = { request: read.request, again, savesFile };
      return {
        answer: previewRequest(read, { price, count, attached: attachedTo(order, count, deps) }, configuration),
      };
    }
    if (saves || wanted[0] !== undefined) for (const each of plans) checkFiles(each, video);
    const reuseOrder = { plan: files && placePlan(plan, { n: 1 }), timeoutMs };
    const reused = options.reuse ? await reuse(read.request, reuseOrder, deps) : null;
    if (reused !== null) return savedResult([reused.summary], files, reused.errors, deps);

    requireKey(configuration, host.clock.now());
    const totalMicros = price === null ? null : price.micros * count;
    if (!again && count === 1) noteSavedBefore(read.request, deps);
    await agreeToSpend({ micros: totalMicros, maxCostMicros, isAgreed: options.yes ?? false }, deps);
    output.news(`cost: ${describeCost(totalMicros, configuration.isSimulator)}`);

    const deadlineMs = host.clock.now() + timeoutMs;
    const { followed, errors } = await submitCopies(
      {
        deadlineMs,
        request: read.request,
        price,
        count,
        again,
        savesFile,
        wanted,
      },
      deps,
    );
    if (files === null && followed.some(({ known }) => known?.content?.kind === 'base64')) {
      output.note(NOT_KEPT);
    }
    if (options.detach) return detached(followed, errors, deps);
    return finish(followed, errors, { request: read.request, deadlineMs, plan: files }, deps);
  },
});

function findPlanFaults({ destination, open }: FilePlan, count: number, saves: boolean): string[] {
  return [
    ...(destination.kind === 'stdout' && !saves ? ['`-o -` needs the video: omit `--detach` and `--no-download`'] : []),
    ...(count > 1 && !isForSeveral(destination, 'n', 'id') ? [SEVERAL_NEED_FOLDER] : []),
    ...(open && !saves ? ['`--open` needs a saved file; use it without `--detach` and `--no-download`'] : []),
  ];
}

/** The submissions that a create would attach to. Writes nothing: an empty ledger has no account to compare. */
function attachedTo(
  order: Pick<SubmitOrder, 'request' | 'again' | 'savesFile'>,
  count: number,
  { ledger, servers, configuration }: CreateDeps,
): JobRecord[] {
  if (ledger.newest(1).length === 0) return [];
  return underWay({ ledger }, { ...order, server: servers.identityOf(configuration) }).slice(0, count);
}

/** The request that is asked for: anew, or from an old job with changes. Notes what was made of it. */
async function readOrder(
  prompt: string | undefined,
  options: RequestOptions & { readonly from?: string | undefined },
  variants: readonly Variant[],
  faults: string[],
  deps: CreateDeps,
): Promise<ReadRequest> {
  const template = options.from === undefined ? null : templateFrom(options.from, prompt, options, deps, faults);
  if (template === null && prompt === undefined) throw missingPrompt();
  const given = template ?? { prompt: prompt ?? '', options };
  const read = await readRequest(given.prompt, given.options, deps, faults, variants);
  const notes = [...read.notes, ...(template === null ? [] : [template.describeChanges(read.request)])];
  for (const note of notes) deps.output.note(note);
  return read;
}

function missingPrompt(): SoraError {
  return new SoraError('usage', {
    title: "missing required argument 'prompt'",
    hints: ['run `sora create --help` to see its arguments'],
  });
}

function detached(followed: readonly FollowedJob[], errors: readonly SoraError[], deps: CreateDeps) {
  const summaries = followed.map(({ server, record, known }) => summarize(server.identity.profile, record, known));
  const [first] = followed;
  if (first)
    deps.output.note(
      `run \`${commandAbout(deps.ledger.shortId(first.id), 'sora status', ` --watch${targetOption(first.server.identity)}`)}\` to wait for it`,
    );
  return savedResult(summaries, null, errors, deps);
}

/** Waits for the jobs, saves their files, and reports the outcome of each. */
async function finish(
  followed: readonly FollowedJob[],
  submitErrors: readonly SoraError[],
  { request, deadlineMs, plan }: { request: VideoRequest; deadlineMs: number; plan: FilePlan | null },
  deps: CreateDeps,
): Promise<CommandResult> {
  const outcomes = await followJobs(followed, deadlineMs - deps.host.clock.now(), deps);
  const errors: SoraError[] = [...submitErrors];
  const summaries: JobSummary[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const job = followed[at];
    if (job === undefined) continue;
    const { server, record } = job;
    try {
      if (outcome instanceof SoraError) throw outcome;
      noteChanges(request, record, outcome, deps);
      const failure = failureOf(outcome, deps.host.clock.now());
      if (failure !== null) throw failure;
      const finished = { server, record, job: outcome, deadlineMs };
      const files = plan === null ? [] : await saveFiles(finished, placePlan(plan, { n: at + 1 }), deps, errors);
      summaries.push({ ...summarize(server.identity.profile, record, outcome), files });
    } catch (error) {
      if (!(error instanceof SoraError)) throw error;
      errors.push(error);
    }
  }
  return savedResult(summaries, plan, errors, deps);
}
