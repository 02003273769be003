import type { Context } from '../../app/context.ts';
import { enforceCap } from '../../app/spending.ts';
import type { VideosClient } from '../../client/port.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { expectedModel } from '../../configuration/endpoint.ts';
import type { TrialDeps } from '../../doctor/trial-job.ts';
import { DIALECTS } from '../../domain/dialect.ts';
import { findModel } from '../../domain/models.ts';
import { formatUsd } from '../../domain/money.ts';
import { type Estimate, estimate } from '../../domain/pricing.ts';
import { requestFor, type VideoRequest } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import { submit } from '../../jobs/submit.ts';
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

/** There is no `--max-cost` here. */
const CAP_HINTS = [
  'run `sora config set max_cost AMOUNT` to raise the cap',
  'run `sora config list` to see the caps that are set',
];

export type TrialRunDeps = Pick<Context, 'output' | 'host' | 'servers' | 'jobs' | 'isInteractive'>;

export interface TrialOptions {
  /** `--yes`. */
  readonly isAgreed: boolean;
  /** Shows what the user needs to know before the prompt. */
  readonly beforeAsking?: () => Promise<void>;
}

/** Its estimated cost, or null. */
export function trialEstimate(configuration: Configuration, nowMs: number): Estimate | null {
  return estimate(smallestRequest(configuration), nowMs, configuration.prices);
}

/** How that job is created, paid for and deleted. */
export function createTrialDeps(
  { host, output, servers, jobs, isInteractive }: TrialRunDeps,
  configuration: Configuration,
  { isAgreed, beforeAsking }: TrialOptions,
): TrialDeps {
  const { isSimulator, format } = configuration;
  const request = smallestRequest(configuration);
  const single = trialEstimate(configuration, host.clock.now());
  const microsOf = (count: number): number | null => (single === null ? null : single.micros * count);
  const price = (count: number): string => (isSimulator ? 'free' : formatUsd(microsOf(count)));
  return {
    price,
    clock: host.clock,
    news: (text) => output.news(text),
    stopsJobs: !configuration.lacks.has('cancel'),
    client: async () => (await servers.connect(configuration)).client,
    async consent(count, question) {
      if (isSimulator) return 'agreed';
      if (!isAgreed && !isInteractive) return 'no-terminal';
      enforceCap({ micros: microsOf(count) }, configuration.maxCostMicros, { hints: CAP_HINTS });
      if (isAgreed) return 'agreed';
      await beforeAsking?.();
      const what = countOf(count, 'job');
      return (await confirm(`${question} It creates ${what} (price: ${price(count)}).`, host)) ? 'agreed' : 'refused';
    },
    async submit(body) {
      const server = await servers.connect({ ...configuration, format: { ...format, ...(body && { body }) } });
      const { client, singleShot } = server;
      // A 429 is a result too, so it is not retried here.
      const impatient: VideosClient = { ...client, create: (...call) => singleShot.create(...call) };
      return submit(jobs.submitDeps({ ...server, client: impatient }), {
        server: server.identity,
        request,
        estimate: single,
        free: isSimulator,
        again: true,
        trial: true,
      });
    },
    forget: ({ record }) => jobs.recordRemoval(record),
  };
}
