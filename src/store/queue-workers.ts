import type { ProcessFate, ProcessIdentity } from '../platform/process-identity.ts';
import type { Database, Queries } from './postgres.ts';
import { SCHEMA } from './queue-boss.ts';

/** A worker that was not seen for this long is lost, and its tasks are delivered again. */
const LOST_AFTER_S = 60;

/** The workers of a queue, and what they have taken. Throws as `Database` does. */
export class QueueWorkers {
  readonly #database: Database;
  readonly #queue: string;

  constructor(database: Database, queue: string) {
    this.#database = database;
    this.#queue = queue;
  }

  /** Registers a worker, or reports that it still runs. */
  async beat(worker: string, self: ProcessIdentity, concurrency: number): Promise<void> {
    const { host, boot, pid, started } = self;
    await this.#database.query(
      `INSERT INTO sora.worker (id, queue, host, boot, pid, started, concurrency) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET seen_at = now()`,
      [worker, this.#queue, host, boot, pid, started, concurrency],
    );
  }

  /** Returns tasks that were taken and not ended; they wait again at once. */
  async putBack(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#database.transaction((queries) => this.#release(queries, this.#queue, ids));
  }

  async leave(worker: string): Promise<void> {
    await this.#database.query('DELETE FROM sora.worker WHERE id = $1', [worker]);
  }

  /** Puts back the tasks of workers that have ended without doing so. Returns how many tasks. */
  async putBackLost(fateOf: (worker: ProcessIdentity) => ProcessFate): Promise<number> {
    const workers = await this.#database.query(
      `SELECT id, queue, host, boot, pid, started, seen_at < now() - $1::int * interval '1 second' AS is_silent FROM sora.worker`,
      [LOST_AFTER_S],
    );
    let tasks = 0;
    for (const { id, queue, host, boot, pid, started, is_silent: isSilent } of workers) {
      const identity = { host: String(host), boot: textOrNull(boot), pid: Number(pid), started: textOrNull(started) };
      if (isSilent !== true && fateOf(identity) !== 'dead') continue;
      tasks += await this.#database.transaction(async (queries) => {
        const claims = await queries.query('SELECT job FROM sora.claim WHERE worker = $1 FOR UPDATE', [id]);
        const jobs = claims.map(({ job }) => String(job));
        if (jobs.length > 0) await this.#release(queries, String(queue), jobs);
        await queries.query('DELETE FROM sora.worker WHERE id = $1', [id]);
        return jobs.length;
      });
    }
    return tasks;
  }

  /** Makes running tasks wait again, as if they had never started: pg-boss would count another start as a retry. */
  async #release(queries: Queries, queue: string, jobs: readonly string[]): Promise<void> {
    await queries.query(
      `UPDATE ${SCHEMA}.job SET state = 'created', started_on = NULL
        WHERE name = $1 AND id = ANY($2::uuid[]) AND state = 'active'`,
      [queue, jobs],
    );
    await queries.query('DELETE FROM sora.claim WHERE job = ANY($1::uuid[])', [jobs]);
  }
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
