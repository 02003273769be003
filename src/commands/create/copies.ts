import type { Context } from '../../app/context.ts';
import type { FollowedJob } from '../../app/follow-jobs.ts';
import type { Server } from '../../app/servers.ts';
import { dayCapsOf } from '../../configuration/configuration.ts';
import { SoraError } from '../../domain/errors.ts';
import type { Estimate } from '../../domain/pricing.ts';
import { idOrKey, isDownloadPending, type JobRecord, requestedLength, type WantedFiles } from '../../domain/record.ts';
import type { VideoJob, VideoRequest } from '../../domain/video.ts';
import { underWay } from '../../jobs/objection.ts';
import { type Cap, dayCaps } from '../../jobs/spending-caps.ts';
import { submitBefore } from '../../jobs/submit.ts';
import type { Output } from '../../output/output.ts';
import { Interrupt } from '../../platform/host.ts';

type CopiesDeps = Pick<Context, 'host' | 'output' | 'configuration' | 'servers' | 'jobs' | 'ledger'>;

type CapDeps = Pick<Context, 'ledger' | 'host' | 'configuration'>;

export interface CopiesOrder {
  /** By the uptime: when to stop waiting for answers. */
  readonly deadlineMs: number;
  readonly request: VideoRequest;
  /** The price of one copy. */
  readonly price: Estimate | null;
  readonly count: number;
  /** How many of them may be paid for; the others attach to jobs. */
  readonly mostNew: number;
  readonly again: boolean;
  /** Whether the videos are to be saved, by this or a later command: false for those that only others start from. */
  readonly savesFile: boolean;
  /** Where the files of each copy are wanted. */
  readonly wanted: readonly (WantedFiles | undefined)[];
}

export interface SubmittedCopies {
  /** What was submitted. */
  readonly request: VideoRequest;
  readonly followed: readonly FollowedJob[];
  /** What stopped the remaining copies from being submitted; the earlier ones keep running. */
  readonly errors: readonly SoraError[];
}

/**
 * Submits the copies of a request one after the other, and stops at the first refusal. The first Ctrl-C waits for the
 * response to the current create, so that its job is known.
 */
export async function submitCopies(order: CopiesOrder, deps: CopiesDeps): Promise<SubmittedCopies> {
  const { request, price, count, mostNew, again, savesFile, wanted, deadlineMs } = order;
  const { host, output, configuration, servers, jobs, ledger } = deps;
  const server = await servers.connect(configuration, { longestCallMs: deadlineMs - host.clock.uptimeMs() });
  await keepDayCap(order, server, deps);
  const taken = new Set<string>();
  let newOnes = 0;
  const followed: FollowedJob[] = [];
  const errors: SoraError[] = [];
  const noteWait = (): void => {
    output.news('finishing the submission so that its job is not lost; press Ctrl-C again to exit immediately');
  };
  host.interrupt.addEventListener('abort', noteWait, { once: true });
  try {
    while (followed.length < count) {
      const { kind, record, job, unrecorded } = await submitBefore(deadlineMs, jobs.submitDeps(server), {
        request,
        estimate: price,
        again,
        savesFile,
        wanted: wanted[followed.length],
        taken,
        conflict: async () => (newOnes < mostNew ? null : notApproved()),
      });
      taken.add(record.key);
      if (kind === 'submitted') newOnes++;
      if (unrecorded !== undefined) errors.push(unrecorded);
      if (kind === 'attached') {
        const name = await ledger.shortId(idOrKey(record));
        const what = isDownloadPending(record)
          ? `the same request already finished as ${name}, and its video is not saved yet`
          : `the same request is already running as ${name}`;
        output.note(`${what}; attaching to it at no further cost (\`--again\` submits another)`);
        noteUnsentAddress(request, output);
      }
      if (kind === 'submitted' && job !== null) {
        await noteChanges(request, record, job, deps);
      }
      followed.push({ id: job?.id ?? idOrKey(record), server, record, known: job });
    }
  } catch (thrown) {
    const done = followed.length;
    const error = thrown instanceof Interrupt ? interrupted(done, order, thrown) : thrown;
    if (!(error instanceof SoraError) || done === 0) throw error;
    const hints = [...error.hints, ...(again ? [resumeHint(again)] : [])];
    return { request, followed, errors: [...errors, error.with({ hints })] };
  } finally {
    host.interrupt.removeEventListener('abort', noteWait);
  }
  return { request, followed, errors };
}

/**
 * Refuses all copies if the last of them would exceed the day’s cap. Existing ones are not paid again. Each is checked again
 * when it is sent, because other processes may spend meanwhile.
 */
async function keepDayCap(
  { request, price, count, again, savesFile }: CopiesOrder,
  server: Server,
  deps: CopiesDeps,
): Promise<void> {
  const { ledger } = deps;
  if ((await capsOfToday(deps)).length === 0) return;
  const standing = await underWay(ledger, { server: server.identity, request, again, savesFile });
  const missing = Math.max(0, count - standing.length);
  if (missing > 0) await refuseOverDayCap(price && price.micros * missing, deps);
}

/** Throws `cost_cap_exceeded` if a price, null if unknown, would exceed the day’s cap. */
export async function refuseOverDayCap(micros: number | null, deps: CapDeps): Promise<void> {
  for (const { scope, excess } of await capsOfToday(deps)) {
    const error = excess(await deps.ledger.spent(scope), micros);
    if (error !== null) throw error;
  }
}

/** The caps on a day, of this machine and of the team. */
async function capsOfToday({ ledger, host, configuration }: CapDeps): Promise<Cap[]> {
  if (configuration.isSimulator) return [];
  const { profile, user } = configuration;
  const spender = { atMs: host.clock.now(), profile: profile.value, user: user?.value };
  return [...dayCaps(dayCapsOf(configuration), spender), ...dayCaps(await ledger.teamCaps(), spender, true)];
}

/** Another process may save the video of a job meanwhile. */
function notApproved(): SoraError {
  return new SoraError('cost_cap_exceeded', {
    title: 'the job to attach to has ended and is saved, and the price of another one was not approved',
    hints: ['run the same command again to see and approve the price'],
  });
}

function interrupted(done: number, { count, again }: CopiesOrder, cause: Interrupt): SoraError {
  const title = `interrupted; ${done === 0 ? 'nothing was submitted' : `submitted ${done} of ${count}`}`;
  return new SoraError('interrupted', { title, hints: again && done > 0 ? [] : [resumeHint(false)], cause });
}

/** With `--again`, the same command would pay once more for what it has submitted. */
export function resumeHint(again: boolean): string {
  return `run the same command ${again ? 'without `--again`' : 'again'} to resume`;
}

/** Only a create can name a webhook URL, and an existing job has had its own. */
export function noteUnsentAddress({ callbackUrl }: VideoRequest, output: Pick<Output, 'note'>): void {
  if (callbackUrl === undefined) return;
  output.note('`--webhook` is not sent: an existing job keeps the webhook URL of its own create');
}

/** Notes what the server changed. Another name for the model is news only once: a gateway has aliases. */
export async function noteChanges(
  request: VideoRequest,
  record: JobRecord | undefined,
  job: VideoJob,
  { ledger, output }: Pick<CopiesDeps, 'ledger' | 'output'>,
): Promise<void> {
  const isEarlier = (other: JobRecord): boolean =>
    other.key !== record?.key &&
    other.baseUrl === record?.baseUrl &&
    other.request.model === request.model &&
    other.job?.model === job.model;
  const isNews = job.model === request.model || (await ledger.newest(1, isEarlier)).length === 0;
  for (const change of changesOf(isNews ? request : { ...request, model: null }, job)) output.note(change);
}

/**
 * What a server changed in a request without being asked, one sentence each.
 * A field missing from the reply is not a change, nor is a model’s snapshot name, or its provider’s name before it.
 */
function changesOf(request: VideoRequest, job: VideoJob): string[] {
  const change = (name: string, asked: string | null, given: string | null): string[] =>
    asked === null || given === null || asked === given
      ? []
      : [`the server changed the ${name}: ${given} instead of ${asked}`];
  const isSnapshot = request.model !== null && job.model !== null && bare(job.model).startsWith(bare(request.model));
  return [
    ...change('length', inSeconds(requestedLength(request)), inSeconds(job.seconds)),
    ...change('size', request.size, job.size),
    ...(isSnapshot ? [] : change('model', request.model, job.model)),
  ];
}

function bare(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1);
}

function inSeconds(seconds: number | null): string | null {
  return seconds === null ? null : `${seconds} s`;
}
