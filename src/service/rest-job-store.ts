import { isJsonObject, parseJson } from '../domain/json.ts';
import { pageAfter } from '../domain/page.ts';
import { JournalFold } from '../platform/journal-fold.ts';
import type { Selected, Selection } from './order-desk.ts';
import { decodeRestJob, isUnfinished, type RestJob, type RestStatus } from './rest-job.ts';

export interface RestJobStoreOptions {
  /** The journal of jobs, shared by all services that use the folder. */
  readonly path: string;
  readonly pid: number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly isProcessAlive: (pid: number) => boolean;
}

/**
 * The service's jobs on disk. Each is owned by the process that accepted it. The unfinished jobs of a process that has ended
 * go to the first process that claims them in the journal.
 */
export class RestJobStore {
  readonly #fold: JournalFold;
  readonly #isProcessAlive: RestJobStoreOptions['isProcessAlive'];
  readonly #pid: number;
  readonly #jobs = new Map<string, RestJob>();
  readonly #byIdempotencyKey = new Map<string, string>();
  readonly #removed = new Set<string>();
  /** This process: its pid, which can be reused, and a random number. */
  readonly owner: string;

  constructor({ path, pid, randomBytes, isProcessAlive }: RestJobStoreOptions) {
    this.#fold = new JournalFold(path, {
      apply: (text) => this.#apply(text),
      forget: () => {
        this.#jobs.clear();
        this.#byIdempotencyKey.clear();
        this.#removed.clear();
      },
    });
    this.#pid = pid;
    this.#isProcessAlive = isProcessAlive;
    this.owner = `${pid}.${Buffer.from(randomBytes(8)).toString('hex')}`;
  }

  find(id: string): RestJob | undefined {
    this.#fold.refresh();
    return this.#jobs.get(id);
  }

  findByIdempotencyKey(key: string): RestJob | undefined {
    this.#fold.refresh();
    return this.#jobs.get(this.#byIdempotencyKey.get(key) ?? '');
  }

  newest(limit: number, { after, search }: Selection): Selected | undefined {
    this.#fold.refresh();
    const text = search.toLowerCase();
    const isWanted = ({ asked }: RestJob): boolean => asked.prompt.toLowerCase().includes(text);
    const all = [...this.#jobs.values()].reverse();
    const page = pageAfter(all, { after, limit }, isWanted);
    return page && { ...page, total: all.filter(isWanted).length };
  }

  count(): Record<RestStatus, number> {
    this.#fold.refresh();
    const count = { pending: 0, processing: 0, completed: 0, failed: 0 };
    for (const { status } of this.#jobs.values()) count[status] += 1;
    return count;
  }

  /** Stores a new job and returns it, or the one that already has its idempotency key. */
  async add(job: RestJob): Promise<RestJob> {
    await this.put(job);
    return (job.idempotencyKey === null ? undefined : this.findByIdempotencyKey(job.idempotencyKey)) ?? job;
  }

  /** Stores the current state of a job; resolves when it is on disk. */
  put(job: RestJob): Promise<void> {
    return this.#fold.append({ job });
  }

  remove(id: string): Promise<void> {
    return this.#fold.append({ removed: id });
  }

  /** Takes over the unfinished jobs of processes that have ended, and returns them. */
  async claimAbandoned(): Promise<RestJob[]> {
    this.#fold.refresh();
    const abandoned = [...this.#jobs.values()].filter((job) => isUnfinished(job) && !this.#isOwnerAlive(job));
    for (const { id, owner } of abandoned) await this.#fold.append({ claimed: id, by: this.owner, from: owner });
    return abandoned.flatMap(({ id }) => {
      const job = this.#jobs.get(id);
      return job?.owner === this.owner ? job : []; // another process may have claimed it first
    });
  }

  /** Our own pid from an earlier run was reused: in a container every start has the same one. */
  #isOwnerAlive({ owner }: RestJob): boolean {
    if (owner === this.owner) return true;
    const pid = Number.parseInt(owner, 10);
    return pid !== this.#pid && this.#isProcessAlive(pid);
  }

  /**
   * A line has a job in its current state, a deleted job, or a process that takes a job over. Skips unreadable lines: one bad
   * byte must not lose all jobs.
   */
  #apply(text: string): void {
    const line = parseJson(text);
    if (!isJsonObject(line)) return;
    const { removed, claimed, by, from } = line;
    const job = decodeRestJob(line.job);
    if (job !== null) this.#keep(job);
    if (typeof removed === 'string') this.#drop(removed);
    const abandoned = typeof claimed === 'string' ? this.#jobs.get(claimed) : undefined;
    if (abandoned !== undefined && abandoned.owner === from && typeof by === 'string') {
      this.#jobs.set(abandoned.id, { ...abandoned, owner: by });
    }
  }

  /** When two jobs with one idempotency key are added at the same time, the first line wins. */
  #keep(job: RestJob): void {
    const { id, idempotencyKey } = job;
    if (this.#removed.has(id)) return; // its owner had not read the deletion yet
    if (idempotencyKey !== null) {
      if ((this.#byIdempotencyKey.get(idempotencyKey) ?? id) !== id) return;
      this.#byIdempotencyKey.set(idempotencyKey, id);
    }
    this.#jobs.set(id, job);
  }

  /** Frees the idempotency key, so that the same order can be sent again. */
  #drop(id: string): void {
    const { idempotencyKey = null } = this.#jobs.get(id) ?? {};
    if (idempotencyKey !== null) this.#byIdempotencyKey.delete(idempotencyKey);
    this.#jobs.delete(id);
    this.#removed.add(id);
  }
}
