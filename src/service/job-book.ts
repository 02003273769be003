import { isJsonObject, parseJson } from '../domain/json.ts';
import { Journal, JournalFold } from '../platform/journal.ts';
import { decodeRestJob, isUnfinished, type RestJob } from './rest-job.ts';

export interface JobBookOptions {
  /** A journal of jobs, shared by all services that use the folder. */
  readonly path: string;
  readonly pid: number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly isProcessAlive: (pid: number) => boolean;
}

/** What a line of the journal may hold: a job as it stands now, its end, or a process that takes it over. */
type Line =
  | { readonly job: RestJob }
  | { readonly removed: string }
  | { readonly claimed: string; readonly by: string; readonly from: string };

/**
 * The service's jobs on the disk. Each belongs to the process that took it in; a
 * process that has ended leaves its unfinished jobs to whoever claims them first
 * in the file.
 */
export class JobBook {
  readonly #journal: Journal;
  readonly #fold: JournalFold;
  readonly #isProcessAlive: JobBookOptions['isProcessAlive'];
  readonly #pid: number;
  readonly #jobs = new Map<string, RestJob>();
  readonly #byIdempotencyKey = new Map<string, string>();
  readonly #removed = new Set<string>();
  /** This process: its id, which another may get after it, and a number of its own. */
  readonly owner: string;

  constructor({ path, pid, randomBytes, isProcessAlive }: JobBookOptions) {
    this.#journal = new Journal(path);
    this.#fold = new JournalFold(this.#journal, {
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

  /** Newest first, from behind the job `after`; undefined when there is no such job. */
  newest(
    limit: number,
    after: string | null,
  ): { readonly jobs: readonly RestJob[]; readonly hasMore: boolean } | undefined {
    this.#fold.refresh();
    const all = [...this.#jobs.values()].reverse();
    const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    if (after !== null && start === 0) return undefined;
    return { jobs: all.slice(start, start + limit), hasMore: all.length > start + limit };
  }

  /** Takes in a new job and returns it, or the one that already holds its idempotency key. */
  async add(job: RestJob): Promise<RestJob> {
    await this.put(job);
    return (job.idempotencyKey === null ? undefined : this.findByIdempotencyKey(job.idempotencyKey)) ?? job;
  }

  /** Keeps a job as it is now; resolves when it is on the disk. */
  async put(job: RestJob): Promise<void> {
    await this.#append({ job });
  }

  async remove(id: string): Promise<void> {
    await this.#append({ removed: id });
  }

  /** The unfinished jobs that a process which is no more has left, now this one's. */
  async claimAbandoned(): Promise<RestJob[]> {
    this.#fold.refresh();
    const abandoned = [...this.#jobs.values()].filter((job) => isUnfinished(job) && !this.#isOwnerAlive(job));
    for (const { id, owner } of abandoned) await this.#append({ claimed: id, by: this.owner, from: owner });
    return abandoned.flatMap(({ id }) => {
      const job = this.#jobs.get(id);
      return job?.owner === this.owner ? job : []; // another process may have been first
    });
  }

  /** A process id that is our own was given anew: in a container each start has the same. */
  #isOwnerAlive({ owner }: RestJob): boolean {
    if (owner === this.owner) return true;
    const pid = Number.parseInt(owner, 10);
    return pid !== this.#pid && this.#isProcessAlive(pid);
  }

  async #append(line: Line): Promise<void> {
    await this.#journal.append(JSON.stringify(line));
    this.#fold.refresh();
  }

  /** A line that makes no sense is passed over: one bad byte must not cost all jobs. */
  #apply(text: string): void {
    const line = parseJson(text);
    if (!isJsonObject(line)) return;
    const { removed, claimed, by, from } = line;
    const job = decodeRestJob(line.job);
    if (job !== null) this.#keep(job);
    if (typeof removed === 'string') this.#drop(removed);
    const heir = typeof claimed === 'string' ? this.#jobs.get(claimed) : undefined;
    if (heir !== undefined && heir.owner === from && typeof by === 'string') {
      this.#jobs.set(heir.id, { ...heir, owner: by });
    }
  }

  /** Of two jobs with one idempotency key, written at the same time, the first in the file is the job. */
  #keep(job: RestJob): void {
    const { id, idempotencyKey } = job;
    if (this.#removed.has(id)) return; // the process that worked on it did not know yet
    if (idempotencyKey !== null) {
      if ((this.#byIdempotencyKey.get(idempotencyKey) ?? id) !== id) return;
      this.#byIdempotencyKey.set(idempotencyKey, id);
    }
    this.#jobs.set(id, job);
  }

  /** Its idempotency key is free again: who sends it now orders a new video. */
  #drop(id: string): void {
    const { idempotencyKey = null } = this.#jobs.get(id) ?? {};
    if (idempotencyKey !== null) this.#byIdempotencyKey.delete(idempotencyKey);
    this.#jobs.delete(id);
    this.#removed.add(id);
  }
}
