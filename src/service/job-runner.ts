import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isOfServer } from '../domain/record.ts';
import { replaceFile } from '../platform/files.ts';
import { JobRun, type JobRunOptions } from './job-run.ts';
import type { NewOrder, OrderDesk, Selected, Selection } from './order-desk.ts';
import type { RestJob, RestStatus } from './rest-job.ts';
import type { JobEvent } from './service-metrics.ts';
import { removeVideo } from './upstream.ts';

/** Stores the service's jobs, and runs each in the background of this process. */
export class JobRunner implements OrderDesk {
  readonly #options: JobRunOptions;
  readonly #runs = new Map<string, JobRun>();
  #observe: (event: JobEvent) => void = () => {};

  constructor(options: JobRunOptions) {
    this.#options = options;
  }

  onEvent(observe: (event: JobEvent) => void): void {
    this.#observe = observe;
  }

  get openSubmissions(): number {
    return [...this.#runs.values()].filter(({ isSubmitting }) => isSubmitting).length;
  }

  progressOf({ id, status }: RestJob): number | null {
    return status === 'completed' ? 100 : (this.#runs.get(id)?.progress ?? null);
  }

  async find(id: string): Promise<RestJob | undefined> {
    return this.#options.jobs.find(id);
  }

  async newest(limit: number, selection: Selection): Promise<Selected | undefined> {
    return this.#options.jobs.newest(limit, selection);
  }

  async count(): Promise<Record<RestStatus, number>> {
    return this.#options.jobs.count();
  }

  async accept({ job, image, approvedMicros }: NewOrder): Promise<RestJob> {
    const { jobs, upstream } = this.#options;
    const { id, idempotencyKey } = job;
    const known = idempotencyKey === null ? undefined : jobs.findByIdempotencyKey(idempotencyKey);
    if (known !== undefined) return known;
    await upstream.budget.admit(id, job.estimate?.micros ?? null, approvedMicros);
    try {
      const stored = image === null ? {} : { image: await this.#keepImage(id, image) };
      const kept = await jobs.add({ ...job, ...stored, owner: jobs.owner });
      if (kept.id === id) {
        this.start(kept);
        return kept;
      }
      upstream.budget.release(id); // another order with the key was stored meanwhile
      if (stored.image) await rm(stored.image.path, { force: true });
      return kept;
    } catch (error) {
      upstream.budget.release(id);
      throw error;
    }
  }

  /** Stores the first frame of an order, so that a restart during the submission has it. */
  async #keepImage(jobId: string, bytes: Uint8Array): Promise<NonNullable<RestJob['image']>> {
    const path = join(this.#options.filesDir, `${jobId}.first-frame`);
    await replaceFile(path, bytes);
    return { path };
  }

  /** Starts processing a stored job. */
  start(job: RestJob): void {
    const { budget } = this.#options.upstream;
    if (job.videoId === null) budget.reserve(job.id, job.estimate?.micros ?? null);
    const run = new JobRun(job, this.#options, (event) => this.#observe(event));
    this.#runs.set(job.id, run);
    void run.ended.then(() => this.#runs.delete(job.id));
  }

  /** Those that belong to this server; a run of the service with the server of the others may start at any time. */
  async resume(): Promise<void> {
    const { jobs, upstream, log } = this.#options;
    for (const job of await jobs.claimAbandoned(({ server }) => isOfServer(server, upstream.server))) {
      log('info', 'Video job resumed', { id: job.id, status: job.status, profile: job.server.profile });
      this.start(job);
    }
  }

  async remove(id: string): Promise<void> {
    const { jobs, upstream } = this.#options;
    const run = this.#runs.get(id);
    await run?.submitted; // until then it is unknown what there is to delete
    const job = jobs.find(id);
    if (job === undefined) return;
    if (job.videoId !== null) await removeVideo(upstream, job, job.videoId);
    run?.stop();
    await run?.ended;
    const { files, image } = jobs.find(id) ?? job; // a thumbnail may have been saved meanwhile
    await jobs.remove(id);
    const paths = [...files, ...(image === undefined ? [] : [image])].map(({ path }) => path);
    await Promise.all(paths.map((path) => rm(path, { force: true })));
  }

  async stop(): Promise<void> {
    const runs = [...this.#runs.values()];
    await Promise.all(runs.map(({ submitted }) => submitted));
    for (const run of runs) run.stop();
    await Promise.all(runs.map(({ ended }) => ended));
  }
}
