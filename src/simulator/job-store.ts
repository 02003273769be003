import { isJsonObject, parseJson } from '../domain/json.ts';
import { JournalFold } from '../platform/journal-fold.ts';
import { decodeSimulatedJob, type SimulatedJob } from './job.ts';

interface Entry {
  readonly job: SimulatedJob;
  /** Index in the order of creation. */
  readonly position: number;
  deleted: boolean;
}

export interface JobQuery {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** Return only what follows this id, in that order. */
  readonly after: string | null;
}

export interface JobPage {
  readonly jobs: readonly SimulatedJob[];
  readonly hasMore: boolean;
}

/**
 * Jobs in a journal file that any number of processes share; conflicts are resolved by the order of its lines. `refresh`
 * updates the copy in memory by reading what was appended since.
 */
export class JobStore {
  readonly #fold: JournalFold;
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #byIdempotencyKey = new Map<string, SimulatedJob>();

  constructor(path: string) {
    this.#fold = new JournalFold(path, {
      apply: (text) => this.#apply(text),
      forget: () => {
        this.#entries.length = 0;
        this.#byId.clear();
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
    const entry = typeof deleted === 'string' ? this.#byId.get(deleted) : undefined;
    if (entry) entry.deleted = true;
  }

  /** When two processes add jobs with one idempotency key at the same time, the first line wins. */
  #register(job: SimulatedJob): void {
    if (this.#byId.has(job.id)) return;
    if (job.idempotencyKey !== null) {
      if (this.#byIdempotencyKey.has(job.idempotencyKey)) return;
      this.#byIdempotencyKey.set(job.idempotencyKey, job);
    }
    const entry = { job, position: this.#entries.length, deleted: false };
    this.#entries.push(entry);
    this.#byId.set(job.id, entry);
  }

  /** Undefined for an unknown or deleted job. */
  find(id: string): SimulatedJob | undefined {
    const entry = this.#byId.get(id);
    return entry?.deleted ? undefined : entry?.job;
  }

  /** The same, also of a deleted job. */
  recall(id: string): SimulatedJob | undefined {
    return this.#byId.get(id)?.job;
  }

  /** Appends a job and returns it, or the one that already has its idempotency key (deleted or not). */
  async add(job: SimulatedJob): Promise<SimulatedJob> {
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
  *all(): Generator<SimulatedJob> {
    for (const { job, deleted } of this.#entries) if (!deleted) yield job;
  }

  /** A page of jobs in the order of creation; undefined if `after` is unknown. A deleted job can still be the cursor. */
  list({ limit, order, after }: JobQuery): JobPage | undefined {
    const step = order === 'asc' ? 1 : -1;
    let position = order === 'asc' ? 0 : this.#entries.length - 1;
    if (after !== null) {
      const cursor = this.#byId.get(after);
      if (!cursor) return undefined;
      position = cursor.position + step;
    }
    const jobs: SimulatedJob[] = [];
    for (let entry = this.#entries[position]; entry; entry = this.#entries[position]) {
      if (!entry.deleted && jobs.length === limit) return { jobs, hasMore: true };
      if (!entry.deleted) jobs.push(entry.job);
      position += step;
    }
    return { jobs, hasMore: false };
  }
}
