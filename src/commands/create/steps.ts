import type { RunDeps } from '../../app/context.ts';
import { followJob } from '../../app/follow-jobs.ts';
import { targetOption } from '../../app/servers.ts';
import { SoraError } from '../../domain/errors.ts';
import { failureOf } from '../../domain/job-failure.ts';
import { estimate, type PricedRequest } from '../../domain/pricing.ts';
import { hasVideo } from '../../domain/record.ts';
import { commandAbout } from '../../domain/shell.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { type CopiesOrder, refuseOverDayCap, resumeHint, type SubmittedCopies, submitCopies } from './copies.ts';
import { sameRequests } from './reuse.ts';

type StepsDeps = Omit<RunDeps, 'objects'>;

/** One of several extensions, each of which starts from the video of the one before. */
export interface Step {
  readonly request: VideoRequest;
  readonly priced: PricedRequest;
  /** The length that it leads to. */
  readonly toSeconds: number;
  /** The length of what the steps before it have made; null if it is the first. */
  readonly fromSeconds: number | null;
  /** The server no longer has the video that an earlier run made of it. */
  readonly isGone?: boolean;
}

type StepOrder = Omit<CopiesOrder, 'request' | 'price'>;

/**
 * Makes all steps but the last, each from the video of the one before, and submits that. A step that is under way is
 * resumed. Throws `cost_cap_exceeded` if all of them would exceed the cap of the day, or what ended a step.
 */
export async function submitSteps(
  steps: readonly Step[],
  totalMicros: number | null,
  order: StepOrder,
  deps: StepsDeps,
): Promise<SubmittedCopies> {
  await refuseOverDayCap(totalMicros, deps);
  let sourceId: string | null = null;
  for (const [at, planned] of steps.entries()) {
    deps.output.news(`step ${at + 1} of ${steps.length}: to ${planned.toSeconds} s`);
    const request = sourceId === null ? planned.request : startingFrom(sourceId, planned.request);
    const step = { ...planned, request };
    try {
      if (at === steps.length - 1) return await submitStep(step, order, deps);
      sourceId = await makeStep(step, order, deps);
    } catch (error) {
      throw error instanceof SoraError ? await withVideoSoFar(error, step, order.again, deps) : error;
    }
  }
  throw new SoraError('unexpected');
}

function submitStep({ request, priced }: Step, order: StepOrder, deps: StepsDeps): Promise<SubmittedCopies> {
  const price = estimate(priced, deps.host.clock.now(), deps.configuration.prices);
  return submitCopies({ ...order, request, price }, deps);
}

/** The id of the finished video of a step. */
async function makeStep(step: Step, order: StepOrder, deps: StepsDeps): Promise<string> {
  const same = order.again || step.isGone ? [] : await sameRequests(step.request, deps);
  const made = same.findLast(hasVideo)?.job; // by another process, since the steps were planned
  if (made) return made.id;
  const { followed, errors } = await submitStep(step, { ...order, savesFile: false, wanted: [] }, deps);
  const [job] = followed;
  if (job === undefined || errors[0] !== undefined) throw errors[0] ?? new SoraError('unexpected');
  const video = await followJob(job, order.deadlineMs, deps);
  const failure = failureOf(video, step.request);
  if (failure !== null) throw failure;
  return video.id;
}

/** The error of a step, with how to save what the steps before it have made. */
async function withVideoSoFar(
  error: SoraError,
  { request: { source }, fromSeconds }: Step,
  again: boolean,
  { ledger, configuration, servers }: Pick<StepsDeps, 'ledger' | 'configuration' | 'servers'>,
): Promise<SoraError> {
  const resume = resumeHint(again);
  if (fromSeconds === null || source?.video.kind !== 'id') return error.with({ hints: [...error.hints, resume] });
  const target = targetOption(servers.identityOf(configuration));
  const save = commandAbout(await ledger.shortId(source.video.id), 'sora download', target);
  return error.with({ hints: [...error.hints, resume, `run \`${save}\` to save the ${fromSeconds} s made so far`] });
}

/** The request of an extension, from another video. */
export function startingFrom(id: string, request: VideoRequest): VideoRequest {
  return { ...request, source: { operation: 'extend', video: { kind: 'id', id } } };
}
