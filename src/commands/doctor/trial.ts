import type { Context } from '../../app/context.ts';
import { enforceCap } from '../../app/spending.ts';
import type { VideosClient } from '../../client/port.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { expectedModel } from '../../configuration/endpoint.ts';
import { DIALECTS } from '../../domain/dialect.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import { failureOf } from '../../domain/job-failure.ts';
import { findModel } from '../../domain/models.ts';
import { formatUsd, tallyOf } from '../../domain/money.ts';
import { type Estimate, estimate } from '../../domain/pricing.ts';
import { commandAbout } from '../../domain/shell.ts';
import { isTerminal, requestFor, type VideoRequest } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import { cancelJob } from '../../jobs/cancel.ts';
import { type Submission, submit } from '../../jobs/submit.ts';
import { confirm } from '../../output/prompt.ts';

/** Dialect `generations` has no smallest length; this one is from its own guide. */
const GUIDE_SECONDS = 5;

/** The smallest known job of the server, which the access check sends. */
export function smallestRequest(configuration: Configuration): VideoRequest {
  const { dialect } = configuration;
  const model = expectedModel(configuration);
  const known = model === null ? undefined : findModel(model);
  return {
    ...requestFor('Test video'),
    model,
    seconds: DIALECTS[dialect.value].name === 'generations' ? GUIDE_SECONDS : (known?.seconds[0] ?? null),
    size: known?.sizes[0]?.size ?? null,
  };
}

/** Its estimated cost, or null. */
export function trialEstimate(configuration: Configuration, nowMs: number): Estimate | null {
  return estimate(smallestRequest(configuration), nowMs, configuration.prices);
}

/** There is no `--max-cost` here. */
const CAP_HINTS = [
  'run `sora config set max_cost AMOUNT` to raise the cap',
  'run `sora config list` to see the caps that are set',
];
/** A job of seconds ends sooner; one that waits in a long queue does not. */
const OUTLASTING_MS = 10 * 60_000;
const LOOK_MS = 5_000;

/** How its create is sent; null for the profile's format. */
export type TrialBody = 'json' | 'multipart' | null;

/**
 * How a trial job ended. `aborted` and `deleted`: see `cancelJob`; `finished`: by itself, then it was removed;
 * `kept`: by itself, and the server keeps it; `running`: it continues and is billed; `unclear`: a call failed.
 */
type TrialEnd = 'aborted' | 'deleted' | 'finished' | 'kept' | 'running' | 'unclear';

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

export type TrialDeps = Pick<Context, 'output' | 'host' | 'servers' | 'jobs' | 'ledger' | 'isInteractive'>;

interface TrialOptions {
  /** `--yes`. */
  readonly isAgreed: boolean;
  /** Shows what the user needs to know before the prompt. */
  readonly beforeAsking?: () => Promise<void>;
}

/** Creates the smallest possible jobs, for checks that need one, and ends them. */
export class Trials {
  readonly #deps: TrialDeps;
  readonly #configuration: Configuration;
  readonly #options: TrialOptions;
  readonly #estimate: Estimate | null;

  constructor(deps: TrialDeps, configuration: Configuration, options: TrialOptions) {
    this.#deps = deps;
    this.#configuration = configuration;
    this.#options = options;
    this.#estimate = trialEstimate(configuration, deps.host.clock.now());
  }

  /** False if the profile declares that the server cannot stop a job: deleting it would only hide it. */
  get stopsJobs(): boolean {
    return !this.#configuration.missing.has('cancel');
  }

  /** The cost of this many jobs, for display: `$0.40`, `free`, `unknown`. */
  price(count: number): string {
    const micros = this.#configuration.isSimulator ? 0 : this.#micros(count);
    return micros === 0 ? 'free' : formatUsd(micros);
  }

  #micros(count: number): number | null {
    return this.#estimate && this.#estimate.micros * count;
  }

  /** Asks for approval to pay for this many jobs. Throws `cost_cap_exceeded`. */
  async consent(count: number, question: string): Promise<'agreed' | 'refused' | 'no-terminal'> {
    const { isAgreed, beforeAsking } = this.#options;
    const { isSimulator, maxCostMicros } = this.#configuration;
    if (isSimulator) return 'agreed';
    if (!isAgreed && !this.#deps.isInteractive) return 'no-terminal';
    enforceCap({ price: tallyOf(this.#micros(count)) }, maxCostMicros, { hints: CAP_HINTS });
    if (isAgreed) return 'agreed';
    await beforeAsking?.();
    const asked = `${question} It creates ${countOf(count, 'job')} (price: ${this.price(count)}).`;
    return (await confirm(asked, this.#deps.host)) ? 'agreed' : 'refused';
  }

  /** Creates a job and ends it immediately, or, with `outlasts`, waits until it ends. Throws the refusal. */
  async run(body: TrialBody, { outlasts = false } = {}): Promise<Trial> {
    const { servers, jobs, ledger } = this.#deps;
    const { job, record, doubt } = await this.#submit(body);
    const id = job?.id ?? record.job?.id ?? record.key;
    const name = await ledger.shortId(id);
    const found =
      doubt === undefined ? '' : `; the response was lost (${doubt.causedBy}), and the job was found in the list`;
    const made = `created ${name} (${job?.serverStatus ?? 'no status'}; price: ${this.price(1)})${found}`;
    const hasEnded = job !== null && isTerminal(job.status);
    const trial = { isFound: doubt !== undefined, failure: hasEnded ? failureOf(job) : null };
    try {
      const { client } = await servers.connect(this.#configuration);
      const stopped = hasEnded || this.stopsJobs ? await this.#end(client, id, hasEnded) : 'running';
      const cannotBeStopped = stopped === 'running';
      const end = cannotBeStopped && outlasts ? await this.#outlast(client, id, name) : stopped;
      if (end === 'aborted' || end === 'deleted' || end === 'finished') await jobs.recordRemoval(record);
      return { ...trial, end, cannotBeStopped, ...describeEnd(made, name, end, cannotBeStopped) };
    } catch (error) {
      if (!(error instanceof SoraError)) throw error;
      const detail = `${made}; could not delete it: ${error.causedBy ?? error.message}`;
      return { ...trial, end: 'unclear', cannotBeStopped: false, detail, remedy: toSee(name) };
    }
  }

  /** Submits one through the ledger, like every other job. */
  async #submit(body: TrialBody): Promise<Submission> {
    const { servers, jobs } = this.#deps;
    const { format, isSimulator, ...others } = this.#configuration;
    const server = await servers.connect({ ...others, isSimulator, format: { ...format, ...(body && { body }) } });
    const deps = jobs.submitDeps(server);
    // A 429 is a result too, so it is not retried here.
    const client: VideosClient = { ...deps.client, create: (...call) => server.singleShot.create(...call) };
    return submit(
      { ...deps, client },
      {
        request: smallestRequest(this.#configuration),
        estimate: this.#estimate,
        again: true,
        trial: true,
      },
    );
  }

  /** Ignores Ctrl-C: otherwise the job would continue and be billed. */
  async #end(client: VideosClient, id: string, hasEnded: boolean): Promise<TrialEnd> {
    const { clock } = this.#deps.host;
    const cancellation = hasEnded ? null : await cancelJob({ client, clock }, id);
    if (cancellation?.kind === 'stopping') return 'running';
    if (cancellation !== null && cancellation.kind !== 'ended') return cancellation.kind;
    return (await client.remove(id)) ? 'finished' : 'kept';
  }

  /** Waits until the job has ended by itself, and removes it if that is possible. */
  async #outlast(client: VideosClient, id: string, name: string): Promise<TrialEnd> {
    const { output, host } = this.#deps;
    const { clock } = host;
    output.news(`the server does not stop ${name}; waiting for it to end`);
    for (const deadlineMs = clock.uptimeMs() + OUTLASTING_MS; clock.uptimeMs() < deadlineMs; ) {
      await clock.sleep(LOOK_MS);
      if (isTerminal((await client.get(id)).status))
        return (await client.remove(id).catch(soraErrorOf)) === true ? 'finished' : 'kept';
    }
    return 'running';
  }
}

function toSee(name: string): string {
  return `run \`${commandAbout(name, 'sora status')}\` to see it`;
}

function describeEnd(
  made: string,
  name: string,
  end: TrialEnd,
  cannotBeStopped: boolean,
): Pick<Trial, 'detail' | 'remedy'> {
  const ended = cannotBeStopped ? 'could not stop it: it ran to its end' : 'it had already ended';
  switch (end) {
    case 'running':
      return {
        detail: `${made}; could not stop it: it keeps running and is billed`,
        remedy: `run \`${commandAbout(name, 'sora cancel', ' --wait')}\` to delete it when it ends`,
      };
    case 'kept':
      return { detail: `${made}; ${ended}, and the server keeps it`, remedy: toSee(name) };
    case 'finished':
      return { detail: `${made}; ${cannotBeStopped ? `${ended}, and was deleted` : 'deleted at once'}`, remedy: null };
    default:
      return { detail: `${made}; ${end} at once`, remedy: null };
  }
}
