import type { ReadRequest, ReadSource, RequestOptions } from '../../app/request-options.ts';
import { requireFinished } from '../../app/source-videos.ts';
import { capabilitiesOf } from '../../configuration/endpoint.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { SoraError } from '../../domain/errors.ts';
import { MAX_EXTENDED_SECONDS, MAX_EXTENSIONS, type ModelCapabilities } from '../../domain/models.ts';
import { hasVideo, type JobRecord } from '../../domain/record.ts';
import { nearestOf, pricedFrom, type SourceFacts } from '../../domain/request.ts';
import { limitsOf } from '../../domain/request-target.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import { underWay } from '../../jobs/objection.ts';
import type { ProductionDeps, ProductionOptions } from './production.ts';
import { sameRequests } from './reuse.ts';
import { type Step, startingFrom } from './steps.ts';

/** `duration` is the most that a step adds. */
type LengthOptions = { readonly to: string } & Pick<RequestOptions, 'duration' | 'exact'> &
  Pick<ProductionOptions, 'count' | 'detach'>;

/** The longest extension, unless the model has another limit. */
const LONGEST_EXTENSION_SECONDS = 20;
/** Where the server’s own limit is not known. */
const MOST_STEPS = 100;

/** The seconds of each step to a length. Problems are added to the faults, and what is changed to the notes. */
export function readSteps(
  { to, duration, exact, count, detach }: LengthOptions,
  facts: SourceFacts,
  { configuration }: Pick<ProductionDeps, 'configuration'>,
  faults: string[],
  notes: string[],
): number[] {
  if (count !== undefined) faults.push('`--to` cannot be combined with `--count`');
  if (detach)
    faults.push('`--to` cannot be combined with `--detach`: each step starts from the finished one before it');
  const plan = { ...facts, limits: limitsOf(facts.model, capabilitiesOf(configuration)), to: secondsOf(to) };
  const { seconds, limits, to: wanted } = plan;
  const longest = duration === undefined ? LONGEST_EXTENSION_SECONDS : Number.parseFloat(duration);
  const steps =
    seconds !== null && wanted > seconds && longest > 0
      ? stepsTo(seconds, wanted, limits?.seconds ?? null, longest)
      : [];
  const fault = wanted > 0 ? findFault(plan, steps) : `\`--to ${to}\` is not a length, such as 60s`;
  // A source with a problem of its own has no length either.
  if (fault !== null && (seconds !== null || wanted <= 0 || faults.length === 0)) faults.push(fault);
  const reached = rounded(steps.reduce((sum, step) => sum + step, seconds ?? 0));
  if (fault !== null || reached === wanted) return steps;
  if (exact) faults.push(`the video can be extended to ${reached} seconds, not ${wanted}`);
  else notes.push(`extending to ${reached} seconds instead of ${wanted} (\`--exact\` refuses instead)`);
  return steps;
}

/**
 * The seconds of each extension from one length to another, in as few steps as possible. `choices` are ascending;
 * null allows any length up to `longest`.
 */
export function stepsTo(from: number, to: number, choices: readonly number[] | null, longest: number): number[] {
  const usable = choices?.filter((seconds) => seconds <= longest) ?? [];
  if (choices !== null && usable.length === 0) return [];
  const step = usable.at(-1) ?? longest;
  const steps: number[] = [];
  let left = to - from;
  for (; left >= step; left -= step) steps.push(step);
  const last = choices === null ? Math.round(left) : nearestOf([0, ...usable], left);
  return last > 0 ? [...steps, last] : steps;
}

/** 0 if the text is not a length. */
function secondsOf(text: string): number {
  return rounded((parseDurationMs(text) ?? 0) / 1000);
}

interface LengthPlan extends SourceFacts {
  readonly limits: ModelCapabilities | undefined;
  readonly to: number;
}

/** Why these steps do not lead to the length; null if they do, or as near as possible. */
function findFault({ seconds, extensions = 0, limits, to }: LengthPlan, steps: readonly number[]): string | null {
  if (seconds === null) return 'the length of the source is unknown; use `--duration` instead of `--to`';
  if (to <= seconds) return `the video already has ${rounded(seconds)} seconds`;
  if (limits !== undefined && to > MAX_EXTENDED_SECONDS)
    return `${limits.name} extends a video to at most ${MAX_EXTENDED_SECONDS} seconds, not ${to}`;
  const [longest] = steps;
  if (longest === undefined) return `no extension leads from ${rounded(seconds)} to ${to} seconds`;
  const most = limits === undefined ? MOST_STEPS : MAX_EXTENSIONS;
  if (extensions + steps.length <= most) return null;
  const before = extensions > 0 ? `, and this one was extended ${countOf(extensions, 'time')}` : '';
  const takes = `that takes ${steps.length} extensions of up to ${longest} seconds`;
  return `${takes}; ${limits?.name ?? '`sora`'} extends a video at most ${most} times${before}`;
}

/** Fewer digits than a movie states. */
function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** All steps. Those after the first have no source yet. */
export function planSteps(first: ReadRequest, seconds: readonly number[], { facts }: ReadSource): Step[] {
  let toSeconds = facts.seconds ?? 0;
  return seconds.map((added, at) => {
    const request = { ...first.request, seconds: added };
    const fromSeconds = at === 0 ? null : rounded(toSeconds);
    toSeconds += added;
    return { request, priced: pricedFrom(request, facts), fromSeconds, toSeconds: rounded(toSeconds) };
  });
}

/** The steps that no earlier run has finished, while the server still has the video to continue from. */
export async function stepsLeft(
  steps: readonly Step[],
  { again, asks, deadlineMs }: { readonly again: boolean; readonly asks: boolean; readonly deadlineMs: number },
  deps: ProductionDeps,
): Promise<Step[]> {
  const left = [...steps];
  const made: [Step, JobRecord][] = [];
  while (!again && left.length > 1) {
    const [step, next] = left as [Step, Step];
    const record = (await sameRequests(step.request, deps)).findLast(hasVideo);
    if (record?.job == null) break;
    made.push([step, record]);
    left.splice(0, 2, { ...next, request: startingFrom(record.job.id, next.request) });
  }
  const [next] = left;
  const isUnderWay = next !== undefined && (await isRunning(next.request, left.length === 1, deps));
  for (let last = made.pop(); asks && !isUnderWay && last !== undefined; last = made.pop()) {
    const [step, record] = last;
    if (await isOnServer(record, deadlineMs, deps)) break;
    left.unshift({ ...step, isGone: true });
  }
  return left;
}

async function isRunning(
  request: VideoRequest,
  savesFile: boolean,
  { ledger, servers, configuration }: ProductionDeps,
): Promise<boolean> {
  const order = { server: servers.identityOf(configuration), request, again: false, savesFile };
  return (await underWay(ledger, order)).length > 0;
}

async function isOnServer(record: JobRecord, deadlineMs: number, { jobs }: ProductionDeps): Promise<boolean> {
  try {
    const found = await jobs.find(record.key, deadlineMs);
    requireFinished(await jobs.look(found, deadlineMs), 'extend', found);
    return true;
  } catch (error) {
    if (error instanceof SoraError && error.code === 'video_not_found') return false;
    throw error;
  }
}
