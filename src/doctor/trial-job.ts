import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { commandAbout } from '../domain/shell.ts';
import { isTerminal } from '../domain/video.ts';
import { cancelJob } from '../jobs/cancel.ts';
import type { Submission } from '../jobs/submit.ts';
import type { Clock } from '../platform/clock.ts';

/** How its create is sent; null for the profile's format. */
export type TrialBody = 'json' | 'multipart' | null;

export type Consent = 'agreed' | 'refused' | 'no-terminal';

/** How to create the smallest possible job, for checks that need one. */
export interface TrialDeps {
  /** The cost of this many jobs, for display: `$0.40`, `free`, `unknown`. */
  price(count: number): string;
  /** Asks for approval to pay for this many jobs. Throws `cost_cap_exceeded`. */
  consent(count: number, question: string): Promise<Consent>;
  /** Submits one through the ledger, like every other job. */
  submit(body: TrialBody): Promise<Submission>;
  /** Records that the job is gone. */
  forget(submission: Submission): Promise<void>;
  client(): Promise<VideosClient>;
  /** False if the profile declares that the server cannot stop a job: deleting it would only hide it. */
  readonly stopsJobs: boolean;
  readonly clock: Clock;
  /** Reports progress. */
  readonly news: (text: string) => void;
}

/**
 * How a trial job ended. `aborted` and `deleted`: see `cancelJob`; `finished`: by itself, then it was removed;
 * `kept`: by itself, and the server keeps it; `running`: it continues and is billed; `unclear`: a call failed.
 */
export type TrialEnd = 'aborted' | 'deleted' | 'finished' | 'kept' | 'running' | 'unclear';

export interface Trial {
  readonly end: TrialEnd;
  /** Whether the server kept running the job after it was asked to stop it. */
  readonly cannotBeStopped: boolean;
  /** Whether the create was not answered, and the job was found in the list. */
  readonly isFound: boolean;
  /** What was created, and how it ended. */
  readonly detail: string;
  /** What is left to do; null for nothing. */
  readonly remedy: string | null;
  /** Why the job failed, if its first response reports that. */
  readonly failure: SoraError | null;
}

/** A job of seconds ends sooner; one that waits in a long queue does not. */
const OUTLASTING_MS = 10 * 60_000;
const LOOK_MS = 5_000;

/** Creates a job and ends it immediately, or, with `outlasts`, waits until it ends. Throws the refusal. */
export async function tryJob(deps: TrialDeps, body: TrialBody, { outlasts = false } = {}): Promise<Trial> {
  const submission = await deps.submit(body);
  const { job, record } = submission;
  const id = job?.id ?? record.job?.id ?? record.key;
  const { doubt } = submission;
  const found =
    doubt === undefined ? '' : `; the response was lost (${doubt.causedBy}), and the job was found in the list`;
  const made = `created ${id} (${job?.serverStatus ?? 'no status'}, ${deps.price(1)})${found}`;
  const hasEnded = job !== null && isTerminal(job.status);
  const trial = { isFound: doubt !== undefined, failure: hasEnded ? failureOf(job) : null };
  try {
    const client = await deps.client();
    const stopped = hasEnded || deps.stopsJobs ? await endJob(client, deps.clock, id, hasEnded) : 'running';
    const cannotBeStopped = stopped === 'running';
    const end = cannotBeStopped && outlasts ? await outlast(client, deps, id) : stopped;
    if (end === 'aborted' || end === 'deleted' || end === 'finished') await deps.forget(submission);
    return { ...trial, end, cannotBeStopped, ...describeEnd(made, id, end, cannotBeStopped) };
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    const detail = `${made}; could not delete it: ${error.causedBy ?? error.message}`;
    return { ...trial, end: 'unclear', cannotBeStopped: false, detail, remedy: toSee(id) };
  }
}

/** Ignores Ctrl-C: otherwise the job would continue and be billed. */
async function endJob(client: VideosClient, clock: Clock, id: string, hasEnded: boolean): Promise<TrialEnd> {
  const cancellation = hasEnded ? null : await cancelJob({ client, clock, signal: new AbortController().signal }, id);
  if (cancellation?.kind === 'stopping') return 'running';
  if (cancellation !== null && cancellation.kind !== 'ended') return cancellation.kind;
  return (await client.remove(id)) ? 'finished' : 'kept';
}

/** Waits until the job has ended by itself, and removes it if that is possible. */
async function outlast(client: VideosClient, { clock, news }: TrialDeps, id: string): Promise<TrialEnd> {
  news(`the server does not stop ${id}; waiting for it to end`);
  for (const deadlineMs = clock.uptimeMs() + OUTLASTING_MS; clock.uptimeMs() < deadlineMs; ) {
    await clock.sleep(LOOK_MS);
    if (isTerminal((await client.get(id)).status)) return (await isRemoved(client, id)) ? 'finished' : 'kept';
  }
  return 'running';
}

async function isRemoved(client: VideosClient, id: string): Promise<boolean> {
  try {
    return await client.remove(id);
  } catch (error) {
    if (error instanceof SoraError) return false;
    throw error;
  }
}

function toSee(id: string): string {
  return `run \`${commandAbout(id, 'sora status')}\` to see it`;
}

function describeEnd(
  made: string,
  id: string,
  end: TrialEnd,
  cannotBeStopped: boolean,
): Pick<Trial, 'detail' | 'remedy'> {
  const ended = cannotBeStopped ? 'could not stop it: it ran to its end' : 'it had already ended';
  switch (end) {
    case 'running':
      return {
        detail: `${made}; could not stop it: it keeps running and is billed`,
        remedy: `run \`${commandAbout(id, 'sora cancel', ' --wait')}\` to delete it when it ends`,
      };
    case 'kept':
      return {
        detail: `${made}; ${ended}, and the server keeps it`,
        remedy: toSee(id),
      };
    case 'finished':
      return { detail: `${made}; ${cannotBeStopped ? `${ended}, and was deleted` : 'deleted at once'}`, remedy: null };
    default:
      return { detail: `${made}; ${end} at once`, remedy: null };
  }
}
