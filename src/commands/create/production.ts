import type { CommandResult } from '../../app/command.ts';
import type { Context, RunDeps } from '../../app/context.ts';
import { followJobs } from '../../app/follow-jobs.ts';
import {
  inGroup,
  NOTIFY_OPTION,
  type OptionValues,
  option,
  parseWholeNumber,
  readDeadlineMs,
} from '../../app/option-values.ts';
import type { ReadRequest } from '../../app/request-options.ts';
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
  withOutputFault,
} from '../../app/saving.ts';
import { targetOption } from '../../app/servers.ts';
import { agreeToSpend, parseMaxCost } from '../../app/spending.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import type { ErrorCode } from '../../domain/catalogue.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import { failureOf } from '../../domain/job-failure.ts';
import { sumOf, tallyOf, wholeOf } from '../../domain/money.ts';
import { type Estimate, estimate, type PricedRequest } from '../../domain/pricing.ts';
import { type JobRecord, mayBeSameAccount } from '../../domain/record.ts';
import { commandAbout, shellWord } from '../../domain/shell.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import type { Variant, VideoRequest } from '../../domain/video.ts';
import { isForSeveral } from '../../jobs/destination.ts';
import { underWay } from '../../jobs/objection.ts';
import type { SubmitOrder } from '../../jobs/submit-order.ts';
import { JOB_JSON_SHAPE } from '../../output/job-view.ts';
import { noteChanges, noteUnsentAddress, type SubmittedCopies, submitCopies } from './copies.ts';
import { noteSavedBefore, reuse } from './reuse.ts';
import { type Step, submitSteps } from './steps.ts';

const MAX_COUNT = 100;
/** For servers that answer a create with the video itself and do not store it. */
const NOT_KEPT = 'the video came with the response and was not saved; omit `--detach` and `--no-download` to save it';

/** The options of every command that makes videos. */
export const PRODUCTION_OPTIONS = {
  ...inGroup(FILE_OPTIONS.output.group, {
    ...FILE_OPTIONS,
    open: OPEN_OPTION,
    noDownload: option('--no-download', 'wait, but do not save'),
  }),
  ...inGroup('Run:', {
    detach: option('--detach', 'print the id and exit without waiting'),
    timeout: option('--timeout <duration>', 'longest wait (default 30m); the job keeps running after it'),
    notify: NOTIFY_OPTION,
    count: option('--count <n>', 'create n variations'),
    again: option('--again', 'submit again even if the same request is unfinished or not saved'),
    reuse: option('--reuse', 'return the saved result of an identical finished request'),
    dryRun: option('-n, --dry-run', 'show the request, the curl command and the cost; send nothing'),
  }),
  ...inGroup('Money:', {
    maxCost: option('--max-cost <usd>', 'refuse if it would cost more'),
    yes: option('-y, --yes', 'approve the price without being asked'),
  }),
};

export type ProductionOptions = OptionValues<typeof PRODUCTION_OPTIONS>;

export const PRODUCTION_JSON = `${JOB_JSON_SHAPE}; with --count: {"jobs":[…]}; with --dry-run: {"request","count","attaches_to":["id"],"curl","cost"}`;

export const PRODUCTION_ERRORS = [
  'invalid_request',
  'file_exists',
  'no_api_key',
  'cost_cap_exceeded',
  'moderation_blocked',
  'outcome_unknown',
  'job_failed',
  'wait_timeout',
  'download_corrupt',
] as const satisfies readonly ErrorCode[];

export type ProductionDeps = RunDeps & Pick<Context, 'options' | 'isInteractive'>;

/** A request before it is paid for. */
export interface Draft {
  readonly read: ReadRequest;
  /** What the price depends on. */
  readonly priced: PricedRequest;
  /** The extensions that lead to a length. This request is the first of them; only the last one is saved. */
  readonly steps?: readonly Step[];
}

/** The differences between the commands that make videos. */
export interface Operation {
  /** Reads the request. Throws its problems together with the given ones. */
  draft(faults: readonly string[], variants: readonly Variant[]): Promise<Draft>;
  /** Checks, just before a new video is paid for, what only the server knows; returns what the price depends on. */
  readonly confirm?: (draft: Draft) => Promise<PricedRequest>;
}

/** Submits the request once, waits and saves. An unfinished or unsaved job of the same request is resumed instead. */
export async function produce(
  { draft, confirm }: Operation,
  options: ProductionOptions,
  deps: ProductionDeps,
): Promise<CommandResult> {
  const { configuration, host, output } = deps;
  const faults: string[] = [];
  const { plan, untilMs, count, maxCostMicros, saves } = readRun(options, deps, faults);
  const drafted = await draft(faults, plan.variants).catch(async (error: unknown) => {
    throw options.dryRun ? error : await withOutputFault(error, plan, deps);
  });
  const { read, priced, steps } = drafted;
  const { request } = read;
  for (const note of read.notes) output.note(note);
  const video = { ...expectedVideo(request, priced), id: null, createdAtMs: host.clock.now() };
  const plans = Array.from({ length: count }, (_, at) => placePlan(plan, { n: at + 1 }));
  for (const each of plans) checkNames(each, video, deps);
  const wanted = plans.map((each) => wantedFiles(each, options));

  const files = saves ? plan : null;
  const again = options.again ?? false;
  const attached = await attachedTo({ request, again }, count, deps);
  const priceOf = (order: PricedRequest): Estimate | null => estimate(order, host.clock.now(), configuration.prices);
  const totalOf = (price: Estimate | null, free: number): number | null => {
    const own = free === count ? 0 : price && price.micros * (count - free);
    return wholeOf(sumOf([own, ...(steps ?? []).slice(1).map((step) => priceOf(step.priced)?.micros ?? null)]));
  };
  if (options.dryRun) {
    if (attached.length > 0) noteUnsentAddress(request, output);
    const price = priceOf(priced);
    const seconds = steps?.map((step) => step.request.seconds ?? 0);
    const preview = { price, totalMicros: totalOf(price, attached.length), count, attached, steps: seconds };
    return { answer: previewRequest(read, preview, configuration) };
  }
  if (saves || wanted[0] !== undefined) for (const each of plans) await checkFiles(each, deps, video);
  const reuseOrder = { plan: files && placePlan(plan, { n: 1 }), deadlineMs: untilMs };
  const reused = options.reuse ? await reuse(request, reuseOrder, deps) : null;
  if (reused !== null) {
    noteUnsentAddress(request, output);
    const { summary, errors } = reused;
    return savedResult({ summaries: [summary], plan: files, errors, isSeveral: false }, deps);
  }

  requireKey(configuration, host.clock.now());
  const isNew = attached.length < count;
  const confirmed = isNew && confirm !== undefined ? await confirm(drafted) : priced;
  const price = priceOf(confirmed);
  const paid = attached.filter((record) => isPaid(record, deps)).length;
  const mostNew = steps ? 1 : count - paid;
  const totalMicros = totalOf(price, paid);
  if (!again && count === 1) await noteSavedBefore(request, deps);
  const askedAtMs = host.clock.uptimeMs();
  await agreeToSpend({ price: tallyOf(totalMicros), maxCostMicros, isAgreed: options.yes ?? false }, deps);
  const deadlineMs = untilMs + host.clock.uptimeMs() - askedAtMs; // a person may take any time to answer
  if (mostNew > 0) output.news(`cost: ${describeCost(totalMicros, configuration.isSimulator, price)}`);

  const order = { deadlineMs, request, price, count, mostNew, again, savesFile: true, wanted };
  const submitted = await (steps ? submitSteps(steps, totalMicros, order, deps) : submitCopies(order, deps));
  if (files === null && submitted.followed.some(({ known }) => known?.content?.kind === 'base64')) {
    output.note(NOT_KEPT);
  }
  if (options.detach) return detached(submitted, count, deps);
  return finish(submitted, { count, deadlineMs, plan: files }, deps);
}

/** Throws `usage` for the prompt `help`: some tools show help this way; here it would pay for a video. */
export function refuseHelp(prompt: string | undefined, command: string, source?: string): void {
  if (prompt !== 'help') return;
  const from = source === undefined ? '' : ` ${shellWord(source)}`;
  throw new SoraError('usage', {
    title: '`help` is not a prompt',
    hints: [
      `run \`${command} --help\` to see its arguments`,
      `run \`echo help | ${command}${from} -\` for a video of this word`,
    ],
  });
}

/** What file names can contain before the video exists. */
function expectedVideo(request: VideoRequest, priced: PricedRequest): VideoRequest {
  const { model, seconds, size } = request;
  return { ...request, model: model ?? priced.model, seconds: seconds ?? priced.seconds, size: size ?? priced.size };
}

/** Reads the options that do not describe the video; problems are added to the faults. */
function readRun(options: ProductionOptions, deps: ProductionDeps, faults: string[]) {
  const plan = planFiles({ ...options, place: ['n'] }, deps, faults);
  const untilMs = readDeadlineMs(options.timeout, deps, faults);
  const count = parseWholeNumber('--count', options.count, { min: 1, max: MAX_COUNT, fallback: 1 }, faults);
  const maxCostMicros = parseMaxCost(options.maxCost, faults);
  const saves = !options.detach && !options.noDownload;
  faults.push(...findPlanFaults(plan, count, saves));
  if (options.reuse && (count > 1 || options.again))
    faults.push('`--reuse` cannot be combined with `--count` or `--again`');
  return { plan, untilMs, count, maxCostMicros, saves };
}

function findPlanFaults({ destination, open }: FilePlan, count: number, saves: boolean): string[] {
  return [
    ...(destination.kind === 'stdout' && !saves ? ['`-o -` needs the video: omit `--detach` and `--no-download`'] : []),
    ...(open && !saves ? ['`--open` needs a saved file; use it without `--detach` and `--no-download`'] : []),
    ...(count > 1 && !isForSeveral(destination, 'n', 'id') ? [SEVERAL_NEED_FOLDER] : []),
  ];
}

/** The submissions that a create would attach to. Writes nothing: an empty ledger has no account to compare. */
async function attachedTo(
  order: Pick<SubmitOrder, 'request' | 'again'>,
  count: number,
  { ledger, servers, configuration }: ProductionDeps,
): Promise<JobRecord[]> {
  if ((await ledger.newest(1)).length === 0) return [];
  const records = await underWay(ledger, { ...order, savesFile: true, server: servers.identityOf(configuration) });
  return records.slice(0, count);
}

/** Whether a submission to attach to needs no approval: without a job, or with another key, a new one may take its place. */
function isPaid({ job, account }: JobRecord, { servers, configuration }: ProductionDeps): boolean {
  return job !== null && mayBeSameAccount(account, servers.identityOf(configuration).account);
}

async function detached(
  { followed, errors }: SubmittedCopies,
  count: number,
  deps: ProductionDeps,
): Promise<CommandResult> {
  const summaries = followed.map(({ server, record, known }) => summarize(server.identity.profile, record, known));
  const [first, ...others] = followed;
  if (first !== undefined) {
    const target = targetOption(first.server.identity);
    const command =
      others.length > 0
        ? `sora download --all --wait${target}`
        : commandAbout(await deps.ledger.shortId(first.id), 'sora download', ` --wait${target}`);
    deps.output.note(
      `run \`${command}\` to wait for the ${others.length > 0 ? 'videos and save them' : 'video and save it'}`,
    );
  }
  return savedResult({ summaries, plan: null, errors, isSeveral: count > 1 }, deps);
}

/** Waits for the jobs, saves their files, and reports the outcome of each. */
async function finish(
  { request, followed, errors: submitErrors }: SubmittedCopies,
  { count, deadlineMs, plan }: { count: number; deadlineMs: number; plan: FilePlan | null },
  deps: ProductionDeps,
): Promise<CommandResult> {
  const outcomes = await followJobs(followed, deadlineMs, deps);
  const errors: SoraError[] = [];
  const summaries: JobSummary[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const job = followed[at];
    if (job === undefined) continue;
    const { server, record } = job;
    try {
      if (outcome instanceof SoraError) throw outcome;
      await noteChanges(request, record, outcome, deps);
      const failure = failureOf(outcome, request);
      if (failure !== null) throw failure;
      const finished = { server, record, job: outcome, deadlineMs };
      const files = plan === null ? [] : await saveFiles(finished, placePlan(plan, { n: at + 1 }), deps, errors);
      summaries.push({ ...summarize(server.identity.profile, record, outcome), files });
    } catch (error) {
      errors.push(soraErrorOf(error));
    }
  }
  const saved = summaries.filter(({ files }) => files.length > 0).length;
  const all = [...submitErrors, ...errors];
  if (saved > 0 && all[0] !== undefined) all[0] = notForAll(all[0], saved, count, plan);
  return savedResult({ summaries, plan, errors: all, isSeveral: count > 1 }, deps);
}

/** The same command would pay again for the copies that are saved, or refuse to overwrite them. */
function notForAll(error: SoraError, saved: number, count: number, plan: FilePlan | null): SoraError {
  if (count === saved) return error;
  const name = plan === null || isForSeveral(plan.destination, 'id') ? '' : ' and another `-o`';
  return error.with({
    hints: [
      ...error.hints,
      `when you run it again, use \`--count ${count - saved}\`${name}: ${saved} of ${count} are saved`,
    ],
  });
}
