import { isJsonObject, parseJson } from '../domain/json.ts';
import { Journal, JournalFold } from '../platform/journal.ts';
import { decodeJob, type SimulatedJob } from './job.ts';

interface Entry {
  readonly job: SimulatedJob;
  /** Its place in the order of creation. */
  readonly position: number;
  deleted: boolean;
}

export interface ListQuery {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** Only what follows this id, in the order asked for. */
  readonly after: string | null;
}

export interface JobPage {
  readonly jobs: readonly SimulatedJob[];
  readonly hasMore: boolean;
}

/**
 * The jobs of a journal file, shared by any number of processes: the file's
 * order decides. Memory holds a copy that `refresh` brings up to date by reading
 * only what was added since.
 */
export class JobStore {
  readonly #journal: Journal;
  readonly #fold: JournalFold;
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #byIdempotencyKey = new Map<string, SimulatedJob>();

  constructor(path: string) {
    this.#journal = new Journal(path);
    this.#fold = new JournalFold(this.#journal, { apply: (text) => this.#apply(text), forget: () => this.#forget() });
  }

  /** Reads what this and other processes have appended since the last look. */
  refresh(): void {
    this.#fold.refresh();
  }

  #forget(): void {
    this.#entries.length = 0;
    this.#byId.clear();
    this.#byIdempotencyKey.clear();
  }

  /** A line that makes no sense is passed over: one bad byte must not cost all jobs. */
  #apply(text: string): void {
    const event = parseJson(text);
    if (!isJsonObject(event)) return;
    const { created, deleted } = event;
    const job = decodeJob(created);
    if (job !== null) this.#register(job);
    const entry = typeof deleted === 'string' ? this.#byId.get(deleted) : undefined;
    if (entry) entry.deleted = true;
  }

  /** Of two jobs with one idempotency key, written at the same time by two processes, the first in the file is the job. */
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

  /** The job of this id, unless it was deleted. */
  find(id: string): SimulatedJob | undefined {
    const entry = this.#byId.get(id);
    return entry?.deleted ? undefined : entry?.job;
  }

  /** Whether an id was ever given, to a deleted job too. */
  isTaken(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Appends a job and returns it, or the one that already holds its idempotency key (deleted or not). */
  async add(job: SimulatedJob): Promise<SimulatedJob> {
    const holder = this.#holderOfKey(job);
    if (holder) return holder;
    await this.#journal.append(JSON.stringify({ created: job }));
    this.refresh();
    return this.#holderOfKey(job) ?? job;
  }

  #holderOfKey({ idempotencyKey }: SimulatedJob): SimulatedJob | undefined {
    return idempotencyKey === null ? undefined : this.#byIdempotencyKey.get(idempotencyKey);
  }

  /** Writes a tombstone: every process that shares the file loses the job. */
  async remove(id: string): Promise<void> {
    await this.#journal.append(JSON.stringify({ deleted: id }));
    this.refresh();
  }

  /** All jobs that were not deleted, oldest first. */
  *all(): Generator<SimulatedJob> {
    for (const { job, deleted } of this.#entries) if (!deleted) yield job;
  }

  /** A page of jobs by creation; undefined when `after` was never a job's id. A deleted `after` still marks its place. */
  list({ limit, order, after }: ListQuery): JobPage | undefined {
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
