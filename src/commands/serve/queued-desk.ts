import type { Context } from '../../app/context.ts';
import { sharedFolderFault } from '../../app/shared-folder.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import { RowEncoder } from '../../batch/row-payload.ts';
import { pathIn } from '../../jobs/destination.ts';
import { targetOf } from '../../jobs/save-target.ts';
import { QueuedOrders } from '../../service/queued-orders.ts';
import type { RestJob } from '../../service/rest-job.ts';
import type { Upstream } from '../../service/upstream.ts';
import { firstFrame } from '../../service/video-order.ts';
import type { JobQueue } from '../../store/job-queue.ts';
import type { OrderTable } from '../../store/order-table.ts';
import type { NewTask } from '../../store/queue-tasks.ts';

/** Of a finished video; a thumbnail is optional, as not every server has it. */
const VARIANTS = ['video', 'thumbnail'] as const;

/** What the orders of all replicas of a service count in, in the ledger. */
export const QUEUE_SESSION = 'serve';

/** The queue of a service, once it is certain that orders can be stored, and saved where all replicas find them. */
export interface OpenQueue {
  readonly queue: JobQueue;
  readonly orders: OrderTable;
  /** Where workers save: absolute, or an address of object storage. */
  readonly folder: string;
}

/** Throws `usage` without a shared ledger, `ledger_unreachable`, and `cannot_write` where videos cannot be saved. */
export async function openQueue(
  baseUrl: string,
  output: string,
  deps: Pick<Context, 'host' | 'jobQueue' | 'objects' | 'orderTable' | 'output'>,
): Promise<OpenQueue> {
  const queue = await deps.jobQueue(baseUrl);
  const folder = pathIn(deps.host.cwd, output);
  const fault = sharedFolderFault(folder);
  if (fault !== null) throw fault;
  await targetOf(folder, deps.objects).check({ kind: 'folder', path: folder }, VARIANTS, false);
  if ((await queue.state()).workers.length === 0) {
    deps.output.note('no worker takes orders yet; run `sora worker` with the same profile, on any machine');
  }
  return { queue, orders: await deps.orderTable(queue), folder };
}

export function createQueuedDesk(
  { queue, orders, folder }: OpenQueue,
  upstream: Upstream,
  { objects }: Pick<Context, 'objects'>,
): QueuedOrders {
  const { session, maxCostMicros } = upstream.budget.options;
  const taskOf = async (job: RestJob, image: Uint8Array | null): Promise<NewTask> => {
    const frame = image === null ? null : (firstFrame(image)?.reference ?? null);
    const row: BatchRow = {
      line: 1,
      id: job.id,
      ref: { batch: session, key: job.id },
      askedSeconds: null,
      request: { ...job.request, image: frame },
      from: null,
      file: null,
      facts: null,
      estimate: job.estimate,
      destination: { kind: 'file', path: pathIn(folder, `${job.id}.mp4`) },
      variants: VARIANTS,
    };
    const encoder = new RowEncoder((digest, read) => queue.files.store(digest, read));
    const own = { maxCostMicros, force: true, sidecar: false, order: job.id };
    return { name: job.id, ...(await encoder.encode(row, own)) };
  };
  return new QueuedOrders({ upstream, queue, orders, objects, taskOf });
}
