import { type Page, pageAfter } from '../domain/page.ts';
import { JournalFold } from '../platform/journal-fold.ts';
import { decodeSimulatedJob, type SimulatedJob } from './job.ts';

export interface JobQuery {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** Return only what follows this id, in that order. */
  readonly after: string | null;
}

interface Jobs {
  /** Oldest first, deleted ones included. */
  readonly all: Map<string, SimulatedJob>;
  readonly deleted: Set<string>;
  readonly byIdempotencyKey: Map<string, SimulatedJob>;
}

/**
 * Jobs in a journal file that any number of processes share; conflicts are resolved by the order of its lines.
 */
export class JobStore {
  readonly #fold: JournalFold<Jobs>;

  constructor(path: string) {
    const begin = (): Jobs => ({ all: new Map(), deleted: new Set(), byIdempotencyKey: new Map() });
    this.#fold = new JournalFold(path, begin, (jobs, { created, deleted }) => {
      const job = decodeSimulatedJob(created);
      if (job !== null) register(job, jobs);
      if (typeof deleted === 'string' && jobs.all.has(deleted)) jobs.deleted.add(deleted);
    });
  }

  /** By id, oldest first, deleted ones included. */
  get known(): ReadonlyMap<string, SimulatedJob> {
    return this.#fold.state.all;
  }

  /** Undefined for an unknown or deleted job. */
  find(id: string): SimulatedJob | undefined {
    const { all, deleted } = this.#fold.state;
    return deleted.has(id) ? undefined : all.get(id);
  }

  /** Appends a job and returns it, or the one that already has its idempotency key (deleted or not). */
  async add(job: SimulatedJob): Promise<SimulatedJob> {
    return holderOfKey(job, this.#fold.state) ?? holderOfKey(job, await this.#fold.append({ created: job })) ?? job;
  }

  /** Appends jobs without an idempotency key in one write. */
  async addAll(jobs: readonly SimulatedJob[]): Promise<void> {
    if (jobs.length > 0) await this.#fold.append(...jobs.map((job) => ({ created: job })));
  }

  /** Appends a tombstone, which deletes the job for every process. */
  async remove(id: string): Promise<void> {
    await this.#fold.append({ deleted: id });
  }

  /** All jobs except deleted ones, oldest first. */
  all(): SimulatedJob[] {
    const { all, deleted } = this.#fold.state;
    return [...all.values()].filter(({ id }) => !deleted.has(id));
  }

  /** A page of jobs in the order of creation; undefined if `after` is unknown. A deleted job can still be the cursor. */
  list(query: JobQuery): Page<SimulatedJob> | undefined {
    const { all, deleted } = this.#fold.state;
    const jobs = [...all.values()];
    if (query.order === 'desc') jobs.reverse();
    return pageAfter(jobs, query, ({ id }) => !deleted.has(id));
  }
}

/** When two processes add jobs with one idempotency key at the same time, the first line wins. */
function register(job: SimulatedJob, { all, byIdempotencyKey }: Jobs): void {
  if (all.has(job.id)) return;
  if (job.idempotencyKey !== null) {
    if (byIdempotencyKey.has(job.idempotencyKey)) return;
    byIdempotencyKey.set(job.idempotencyKey, job);
  }
  all.set(job.id, job);
}

function holderOfKey({ idempotencyKey }: SimulatedJob, { byIdempotencyKey }: Jobs): SimulatedJob | undefined {
  return idempotencyKey === null ? undefined : byIdempotencyKey.get(idempotencyKey);
}
