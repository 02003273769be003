import { isJsonObject, parseJson } from '../domain/json.ts';
import { type Page, pageAfter } from '../domain/page.ts';
import { JournalFold } from '../platform/journal-fold.ts';
import { decodeSimulatedJob, type SimulatedJob } from './job.ts';

export interface JobQuery {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** Return only what follows this id, in that order. */
  readonly after: string | null;
}

/**
 * Jobs in a journal file that any number of processes share; conflicts are resolved by the order of its lines.
 */
export class JobStore {
  readonly #fold: JournalFold;
  /** Oldest first. */
  readonly #jobs = new Map<string, SimulatedJob>();
  readonly #deleted = new Set<string>();
  readonly #byIdempotencyKey = new Map<string, SimulatedJob>();

  constructor(path: string) {
    this.#fold = new JournalFold(path, {
      apply: (text) => this.#apply(text),
      forget: () => {
        this.#jobs.clear();
        this.#deleted.clear();
        this.#byIdempotencyKey.clear();
      },
    });
  }

  /** Reads what this and other processes have appended since the last refresh. */
  refresh(): void {
    this.#fold.refresh();
  }

  /** Skips unreadable lines: one bad byte must not lose all jobs. */
  #apply(text: string): void {
    const event = parseJson(text);
    if (!isJsonObject(event)) return;
    const { created, deleted } = event;
    const job = decodeSimulatedJob(created);
    if (job !== null) this.#register(job);
    if (typeof deleted === 'string' && this.#jobs.has(deleted)) this.#deleted.add(deleted);
  }

  /** When two processes add jobs with one idempotency key at the same time, the first line wins. */
  #register(job: SimulatedJob): void {
    if (this.#jobs.has(job.id)) return;
    if (job.idempotencyKey !== null) {
      if (this.#byIdempotencyKey.has(job.idempotencyKey)) return;
      this.#byIdempotencyKey.set(job.idempotencyKey, job);
    }
    this.#jobs.set(job.id, job);
  }

  /** Undefined for an unknown or deleted job. */
  find(id: string): SimulatedJob | undefined {
    this.#fold.refresh();
    return this.#deleted.has(id) ? undefined : this.#jobs.get(id);
  }

  /** The same, also of a deleted job, as of the last refresh. */
  recall(id: string): SimulatedJob | undefined {
    return this.#jobs.get(id);
  }

  /** Appends a job and returns it, or the one that already has its idempotency key (deleted or not). */
  async add(job: SimulatedJob): Promise<SimulatedJob> {
    this.#fold.refresh();
    const holder = this.#holderOfKey(job);
    if (holder) return holder;
    await this.#fold.append({ created: job });
    return this.#holderOfKey(job) ?? job;
  }

  /** Appends jobs without an idempotency key in one write. */
  async addAll(jobs: readonly SimulatedJob[]): Promise<void> {
    if (jobs.length > 0) await this.#fold.append(...jobs.map((job) => ({ created: job })));
  }

  #holderOfKey({ idempotencyKey }: SimulatedJob): SimulatedJob | undefined {
    return idempotencyKey === null ? undefined : this.#byIdempotencyKey.get(idempotencyKey);
  }

  /** Appends a tombstone, which deletes the job for every process. */
  async remove(id: string): Promise<void> {
    await this.#fold.append({ deleted: id });
  }

  /** All jobs except deleted ones, oldest first. */
  all(): SimulatedJob[] {
    this.#fold.refresh();
    return [...this.#jobs.values()].filter(({ id }) => !this.#deleted.has(id));
  }

  /** A page of jobs in the order of creation; undefined if `after` is unknown. A deleted job can still be the cursor. */
  list(query: JobQuery): Page<SimulatedJob> | undefined {
    this.#fold.refresh();
    const jobs = [...this.#jobs.values()];
    if (query.order === 'desc') jobs.reverse();
    return pageAfter(jobs, query, ({ id }) => !this.#deleted.has(id));
  }
}
