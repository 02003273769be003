import { SoraError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import type { JobRecord } from '../domain/record.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import type { JobQueue, QueueState } from '../store/job-queue.ts';
import type { OrderTable } from '../store/order-table.ts';
import type { NewTask } from '../store/queue-tasks.ts';
import type { NewOrder, OrderDesk, Selected, Selection } from './order-desk.ts';
import { decodeRestJob, REST_STATUSES, type RestJob, type RestStatus } from './rest-job.ts';
import { removeSaved } from './saved-media.ts';
import { removeVideo, submittedOrder, type Upstream } from './upstream.ts';

export interface QueuedOrdersOptions {
  readonly upstream: Upstream;
  readonly queue: Pick<JobQueue, 'state'>;
  readonly orders: OrderTable;
  readonly objects: ObjectStore;
  /** The work that an order is for a worker. */
  readonly taskOf: (job: RestJob, image: Uint8Array | null) => Promise<NewTask>;
}

/** How long a removal waits for a create that is being sent. */
const ANSWER_MS = 30_000;
const ANSWER_POLL_MS = 500;

/** Orders that wait in a queue for workers, shared by all replicas of a service. */
export class QueuedOrders implements OrderDesk {
  readonly openSubmissions = 0;
  readonly #options: QueuedOrdersOptions;

  constructor(options: QueuedOrdersOptions) {
    this.#options = options;
  }

  async accept({ job, image, approvedMicros }: NewOrder): Promise<RestJob> {
    const { upstream, orders, taskOf } = this.#options;
    const { budget, server } = upstream;
    const { session, maxCostMicros } = budget.options;
    const order: RestJob = { ...job, owner: 'queue' };
    const micros = job.estimate?.micros ?? null;
    const stored = await orders.add(
      {
        id: job.id,
        idempotencyKey: job.idempotencyKey,
        prompt: job.asked.prompt,
        micros,
        job: order as unknown as JsonObject,
        task: await taskOf(order, image),
      },
      {
        scope: maxCostMicros === null ? null : { by: 'batch', value: session, profile: server.profile, user: null },
        admit: (spentMicros) => budget.check(micros, approvedMicros, spentMicros),
      },
    );
    return decodeRestJob(stored) ?? order;
  }

  async find(id: string): Promise<RestJob | undefined> {
    return decodeRestJob(await this.#options.orders.find(id)) ?? undefined;
  }

  async newest(limit: number, selection: Selection): Promise<Selected | undefined> {
    const page = await this.#options.orders.newest(limit, selection);
    return page && { ...page, items: page.items.flatMap((job) => decodeRestJob(job) ?? []) };
  }

  count(): Promise<Record<RestStatus, number>> {
    return countOrders(this.#options.orders);
  }

  queueState(): Promise<QueueState> {
    return this.#options.queue.state();
  }

  progressOf({ status, progress }: RestJob): number | null {
    return status === 'completed' ? 100 : (progress ?? null);
  }

  /** From here on nothing is sent for it, so its record shows what there is to delete. */
  async remove(id: string): Promise<void> {
    const { orders, objects, upstream } = this.#options;
    await orders.setLeaving(id, true);
    try {
      const job = await this.find(id);
      const videoId = (await this.#answered(id))?.job?.id;
      if (job !== undefined && videoId !== undefined) await removeVideo(upstream, job, videoId);
    } catch (error) {
      await orders.setLeaving(id, false);
      throw error;
    }
    const removed = decodeRestJob(await orders.remove(id)); // a worker may have saved it meanwhile
    await removeSaved(removed?.files ?? [], objects);
  }

  async #answered(id: string): Promise<JobRecord | undefined> {
    const { clock, signal } = this.#options.upstream;
    for (let waitedMs = 0; ; waitedMs += ANSWER_POLL_MS) {
      const record = await submittedOrder(this.#options.upstream, id);
      if (record?.answer !== 'pending') return record;
      if (waitedMs >= ANSWER_MS) {
        const title = 'the create of this video has not been answered yet';
        throw new SoraError('cannot_cancel', { title, hints: ['send the call again in a minute'] });
      }
      await clock.sleep(ANSWER_POLL_MS, signal);
    }
  }
}

/** How many orders of the server there are in each status. */
export async function countOrders(orders: OrderTable): Promise<Record<RestStatus, number>> {
  const count = await orders.count();
  const entries = REST_STATUSES.map((status) => [status, count.get(status) ?? 0]);
  return Object.fromEntries(entries) as Record<RestStatus, number>;
}
