import type { Page } from '../domain/page.ts';
import type { RestJob } from './rest-job.ts';
import type { JobEvent, MeasuredJobs } from './service-metrics.ts';

/** A new order. */
export interface NewOrder {
  readonly job: Omit<RestJob, 'owner' | 'image'>;
  /** Its first frame; null for none. */
  readonly image: Uint8Array | null;
  /** The most that the client agrees to pay, in micro-dollars; null if it did not say. */
  readonly approvedMicros: number | null;
}

/** Which jobs a page has: those after a job, or from the newest. */
export interface Selection {
  readonly after: string | null;
  /** Only jobs whose prompt contains this text, in any case. */
  readonly search: string;
}

export interface Selected extends Page<RestJob> {
  /** Of all pages. */
  readonly total: number;
}

/** Stores the orders of a service and produces their videos. What concerns this process is left out where workers do that. */
export interface OrderDesk extends MeasuredJobs {
  /** Calls `observe` for everything that happens to jobs in this process from now on. */
  onEvent?(observe: (event: JobEvent) => void): void;
  /**
   * Stores an order that is within the caps, and starts it. Returns its job, or the one that already has its idempotency
   * key. Throws `cost_cap_exceeded`.
   */
  accept(order: NewOrder): Promise<RestJob>;
  find(id: string): Promise<RestJob | undefined>;
  /** Newest first; undefined if there is no job `after`. */
  newest(limit: number, selection: Selection): Promise<Selected | undefined>;
  /** 0 to 100, as last reported by the server; null if it reports none. */
  progressOf(job: RestJob): number | null;
  /**
   * Cancels an unfinished job, and deletes its video on the server and its files here. Throws `cannot_cancel` when the
   * server keeps running it, and the client's errors.
   */
  remove(id: string): Promise<void>;
  /** Resumes what an earlier run of the service left unfinished. */
  resume?(): Promise<void>;
  /** Waits until open creates are answered, so that no job is lost. The jobs keep running on their server. */
  stop?(): Promise<void>;
}
