import type { VideosClient } from '../client/port.ts';
import type { Transport } from '../client/transport.ts';
import { SoraError } from '../domain/errors.ts';
import type { PriceRow } from '../domain/pricing.ts';
import { isOfServer, type JobRecord } from '../domain/record.ts';
import type { ServerCapabilities } from '../domain/request-gate.ts';
import { cancelJob } from '../jobs/cancel.ts';
import type { SubmitDeps } from '../jobs/submit.ts';
import type { Budget } from './budget.ts';
import { isUnfinished, type RestJob } from './rest-job.ts';

/** The server that jobs are submitted to. */
export interface Upstream extends SubmitDeps {
  /** Below the clients. */
  readonly transport: Transport;
  /** Never retries; waiting has its own retries. */
  readonly singleShot: VideosClient;
  readonly capabilities: ServerCapabilities;
  readonly prices: readonly PriceRow[];
  readonly budget: Budget;
  readonly maxCostPerDayMicros: number | null;
}

/** The latest submission of a job; undefined when it has never been sent. */
export async function submittedOrder({ ledger }: Upstream, jobId: string): Promise<JobRecord | undefined> {
  return (await ledger.list({ by: 'row', value: jobId })).at(-1);
}

/** Throws `video_not_found` for a job of another server, which another run of the service may have used. */
export function requireOwn({ id, server }: RestJob, upstream: Pick<Upstream, 'server'>): void {
  if (isOfServer(server, upstream.server)) return;
  throw new SoraError('video_not_found', { title: `job \`${id}\` belongs to another server`, hints: [] });
}

/** Cancels a video that is not finished, and deletes any other. Throws `cannot_cancel`, and the client's errors. */
export async function removeVideo(upstream: Upstream, job: RestJob, videoId: string): Promise<void> {
  const { client, clock, ledger } = upstream;
  try {
    const outcome = isUnfinished(job) ? await cancelJob(upstream, videoId) : null;
    if (outcome?.kind === 'running')
      throw outcome.refusal?.retryable ? outcome.refusal : new SoraError('cannot_cancel', { facts: { id: videoId } });
    if (outcome === null || outcome.kind === 'ended') await client.remove(videoId);
  } catch (error) {
    if (!(error instanceof SoraError && error.code === 'video_not_found')) throw error;
  }
  const record = await submittedOrder(upstream, job.id);
  if (record !== undefined) await ledger.tryAppend({ event: 'removed', key: record.key, atMs: clock.now() });
}
