import type { SoraError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import type { SavedFile } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { OrderTable } from '../store/order-table.ts';
import { diagnosisOf } from './rest-error.ts';
import type { RestJob } from './rest-job.ts';
import type { RestDeps } from './rest-routes.ts';
import { removeSaved } from './saved-media.ts';

export interface OrderReportsOptions extends Pick<RestDeps, 'objects' | 'clean'> {
  readonly orders: OrderTable;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How an order ended for a worker. */
export interface OrderEnd {
  readonly videoId: string | null;
  readonly files: readonly SavedFile[];
  /** Null if its video is saved. */
  readonly error: SoraError | null;
  /** As the server reported it last. */
  readonly job: VideoJob | null;
}

/** The least time between two reports of progress. */
const PROGRESS_MS = 2_000;

/** Reports the progress of a worker's orders to the replicas of a service. */
export class OrderReports {
  readonly #options: OrderReportsOptions;
  /** Reports that are being written: each order's one after the other. */
  readonly #writes = new Map<string, Promise<unknown>>();
  readonly #progressAtMs = new Map<string, number>();

  constructor(options: OrderReportsOptions) {
    this.#options = options;
  }

  /** The server has accepted its job. */
  accepted(id: string, videoId: string): void {
    this.#report(id, () => ({ status: 'processing', videoId }));
  }

  /** 0 to 100. */
  progressed(id: string, progress: number): void {
    const nowMs = this.#options.now();
    if (nowMs < (this.#progressAtMs.get(id) ?? 0)) return;
    this.#progressAtMs.set(id, nowMs + PROGRESS_MS);
    this.#report(id, (job) => (job.progress === progress ? {} : { progress }));
  }

  /** False if the order was removed meanwhile; its files then are, too. */
  async ended(id: string, { videoId, files, error, job }: OrderEnd): Promise<boolean> {
    await this.#writes.get(id);
    this.#progressAtMs.delete(id);
    const { objects, clean } = this.#options;
    const diagnosis = error && diagnosisOf(error, clean);
    // The upstream chose the address of the file, so its content is not shown to clients.
    const shown = diagnosis && job?.status === 'completed' ? { ...diagnosis, causedBy: null } : diagnosis;
    const status = error === null ? 'completed' : 'failed';
    const saved = files.map(({ link: _, ...file }) => file);
    const isThere = await this.#write(id, () => ({ status, videoId, files: saved, error: shown }));
    if (!isThere) await removeSaved(files, objects);
    return isThere;
  }

  /** A lost report does not matter: the final one contains everything. */
  #report(id: string, changes: (job: RestJob) => Partial<RestJob>): void {
    const before = this.#writes.get(id) ?? Promise.resolve();
    const written = before
      .then(() => this.#write(id, (job) => (job.status === 'completed' ? {} : changes(job))))
      .catch(() => {})
      .finally(() => {
        if (this.#writes.get(id) === written) this.#writes.delete(id);
      });
    this.#writes.set(id, written);
  }

  #write(id: string, changes: (job: RestJob) => Partial<RestJob>): Promise<boolean> {
    const { orders, now } = this.#options;
    return orders.change(id, (stored) => {
      const job = stored as unknown as RestJob;
      return { ...job, ...changes(job), updatedAtMs: now() } as unknown as JsonObject;
    });
  }
}
