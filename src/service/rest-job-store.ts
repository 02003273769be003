import { pageAfter } from '../domain/page.ts';
import { type JournalEntry, JournalFold } from '../platform/journal-fold.ts';
import type { Selected, Selection } from './order-desk.ts';
import { decodeRestJob, isUnfinished, type RestJob, type RestStatus } from './rest-job.ts';

export interface RestJobStoreOptions {
  /** The journal of jobs, shared by all services that use the folder. */
  readonly path: string;
  readonly pid: number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly isProcessAlive: (pid: number) => boolean;
}

interface Jobs {
  /** Oldest first. */
  readonly all: Map<string, RestJob>;
  readonly byIdempotencyKey: Map<string, string>;
  readonly removed: Set<string>;
}

/**
 * The service's jobs on disk. Each is owned by the process that accepted it. The unfinished jobs of a process that has ended
 * go to the first process that claims them in the journal.
 */
export class RestJobStore {
  readonly #fold: JournalFold<Jobs>;
  readonly #isProcessAlive: RestJobStoreOptions['isProcessAlive'];
  readonly #pid: number;
  /** This process: its pid, which can be reused, and a random number. */
  readonly owner: string;

  constructor({ path, pid, randomBytes, isProcessAlive }: RestJobStoreOptions) {
    const begin = (): Jobs => ({ all: new Map(), byIdempotencyKey: new Map(), removed: new Set() });
    this.#fold = new JournalFold(path, begin, applyLine);
    this.#pid = pid;
    this.#isProcessAlive = isProcessAlive;
    this.owner = `${pid}.${Buffer.from(randomBytes(8)).toString('hex')}`;
  }

  find(id: string): RestJob | undefined {
    return this.#fold.state.all.get(id);
  }

  findByIdempotencyKey(key: string): RestJob | undefined {
    const { all, byIdempotencyKey } = this.#fold.state;
    return all.get(byIdempotencyKey.get(key) ?? '');
  }

  newest(limit: number, { after, search }: Selection): Selected | undefined {
    const text = search.toLowerCase();
    const isWanted = ({ asked }: RestJob): boolean => asked.prompt.toLowerCase().includes(text);
    const all = [...this.#fold.state.all.values()].reverse();
    const page = pageAfter(all, { after, limit }, isWanted);
    return page && { ...page, total: all.filter(isWanted).length };
  }

  count(): Record<RestStatus, number> {
    const count = { pending: 0, processing: 0, completed: 0, failed: 0 };
    for (const { status } of this.#fold.state.all.values()) count[status] += 1;
    return count;
  }

  /** Stores a new job and returns it, or the one that already has its idempotency key. */
  async add(job: RestJob): Promise<RestJob> {
    await this.put(job);
    return (job.idempotencyKey === null ? undefined : this.findByIdempotencyKey(job.idempotencyKey)) ?? job;
  }

  /** Stores the current state of a job; resolves when it is on disk. */
  async put(job: RestJob): Promise<void> {
    await this.#fold.append({ job });
  }

  async remove(id: string): Promise<void> {
    await this.#fold.append({ removed: id });
  }

  /** Takes over the wanted ones of the unfinished jobs of processes that have ended, and returns them. */
  async claimAbandoned(isWanted: (job: RestJob) => boolean): Promise<RestJob[]> {
    const abandoned = [...this.#fold.state.all.values()].filter(
      (job) => isUnfinished(job) && !this.#isOwnerAlive(job) && isWanted(job),
    );
    for (const { id, owner } of abandoned) await this.#fold.append({ claimed: id, by: this.owner, from: owner });
    const { all } = this.#fold.state;
    return abandoned.flatMap(({ id }) => {
      const job = all.get(id);
      return job?.owner === this.owner ? job : []; // another process may have claimed it first
    });
  }

  /** Our own pid from an earlier run was reused: in a container every start has the same one. */
  #isOwnerAlive({ owner }: RestJob): boolean {
    if (owner === this.owner) return true;
    const pid = Number.parseInt(owner, 10);
    return pid !== this.#pid && this.#isProcessAlive(pid);
  }
}

/** A line has a job in its current state, a deleted job, or a process that takes a job over. */
function applyLine(jobs: Jobs, line: JournalEntry): void {
  const { removed, claimed, by, from } = line;
  const job = decodeRestJob(line.job);
  if (job !== null) keep(job, jobs);
  if (typeof removed === 'string') drop(removed, jobs);
  const abandoned = typeof claimed === 'string' ? jobs.all.get(claimed) : undefined;
  if (abandoned !== undefined && abandoned.owner === from && typeof by === 'string') {
    jobs.all.set(abandoned.id, { ...abandoned, owner: by });
  }
}

/** When two jobs with one idempotency key are added at the same time, the first line wins. */
function keep(job: RestJob, { all, byIdempotencyKey, removed }: Jobs): void {
  const { id, idempotencyKey } = job;
  if (removed.has(id)) return; // its owner had not read the deletion yet
  if (idempotencyKey !== null) {
    if ((byIdempotencyKey.get(idempotencyKey) ?? id) !== id) return;
    byIdempotencyKey.set(idempotencyKey, id);
  }
  all.set(id, job);
}

/** Frees the idempotency key, so that the same order can be sent again. */
function drop(id: string, { all, byIdempotencyKey, removed }: Jobs): void {
  const { idempotencyKey = null } = all.get(id) ?? {};
  if (idempotencyKey !== null) byIdempotencyKey.delete(idempotencyKey);
  all.delete(id);
  removed.add(id);
}
