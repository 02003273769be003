import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { pricedFrom, resolveDerivedRequest, type SourceFacts } from '../domain/request.ts';
import { isTerminal, type RequestSource } from '../domain/video.ts';
import type { OrderDesk } from './order-desk.ts';
import type { RestJob } from './rest-job.ts';
import type { Upstream } from './upstream.ts';
import type { Order, ResolvedOrder } from './video-order.ts';

/** Fields of an order for a new video that an order from an existing video must not have: its source determines them. */
const DECIDED_BY_SOURCE = [
  'resolution',
  'aspectRatio',
  'model',
  'image',
  'lastFrame',
  'references',
  'characters',
] as const;

/**
 * Resolves an order for a video from an existing one, after reading that from the server. Throws `invalid_request` with all
 * errors, `video_not_found`, `content_not_ready` for a source that is not finished, and the client's errors.
 */
export async function resolveDerivedOrder(
  order: Order & { readonly source: NonNullable<Order['source']> },
  { desk, upstream }: { readonly desk: OrderDesk; readonly upstream: Upstream },
): Promise<ResolvedOrder> {
  const { prompt, duration, source: named } = order;
  const video = { kind: 'id', id: sourceIdOf(await desk.find(named.id), named.id, upstream) } as const;
  const source: RequestSource = { operation: named.operation, video };
  const faults = DECIDED_BY_SOURCE.filter((field) => (order[field] ?? null) !== null).map(
    (field) => `\`${field}\` is determined by the source`,
  );
  if (named.operation !== 'extend' && (duration ?? null) !== null) faults.push('only an extension has a `duration`');
  const resolve = (facts: SourceFacts) => {
    const resolved = resolveDerivedRequest(
      { prompt, duration: duration?.toString(), source, facts },
      upstream.capabilities,
    );
    const violations = [...faults, ...(resolved.ok ? [] : resolved.violations)];
    if (resolved.ok && violations.length === 0) return resolved.value;
    throw new SoraError('invalid_request', { violations, hints: [] });
  };
  resolve({ model: null, seconds: null, size: null }); // before the server is asked
  const facts = await readSource(video.id, upstream);
  const { request, notes } = resolve(facts);
  return { request, notes, priced: pricedFrom(request, facts) };
}

/** The server's id of a source: of a job of this service, or as it is. */
function sourceIdOf(job: RestJob | undefined, id: string, { identity }: Upstream): string {
  if (job === undefined) return id;
  if (job.server.baseUrl !== identity.baseUrl) {
    throw new SoraError('video_not_found', { title: `job \`${id}\` belongs to another server`, hints: [] });
  }
  if (job.videoId === null) throw new SoraError('content_not_ready', { hints: [] });
  return job.videoId;
}

async function readSource(id: string, { submitDeps }: Upstream): Promise<SourceFacts> {
  const job = await submitDeps.client.get(id);
  if (job.status === 'completed') return { model: job.model, seconds: job.seconds, size: job.size };
  if (!isTerminal(job.status)) throw new SoraError('content_not_ready', { hints: [] });
  const causedBy = failureOf(job)?.message ?? job.status;
  throw new SoraError('video_not_found', { title: `\`${id}\` has no video`, causedBy, hints: [] });
}
