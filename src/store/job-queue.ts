import pLimit from 'p-limit';
import { GroupCommit } from './group-commit.ts';
import type { Database, Queries } from './postgres.ts';
import { QueueBoss, SCHEMA } from './queue-boss.ts';
import { QueueFiles } from './queue-files.ts';
import { type NewTask, pack, storeAgain, storeFailed, storeTasks, taskId, unpack } from './queue-tasks.ts';
import { QueueWorkers } from './queue-workers.ts';

const STORED_AT_ONCE = 1_000;
/** A task must be stored after the one that it waits for, so only tasks without any are stored in parallel. */
const PARALLEL_STORES = 3;

export const PRIORITIES = { high: 10, normal: 0, low: -10 } as const;

export interface Task {
  readonly id: string;
  readonly payload: unknown;
  /** How often it was delivered before. */
  readonly deliveries: number;
}

export interface EndedTask {
  readonly id: string;
  readonly payload: unknown;
  readonly result: unknown;
}

/** What becomes of a task: it is over, it is tried again after a longer wait each time, or a person decides. */
export type TaskEnd = 'done' | 'retry' | 'failed';

/** Limits of one server that hold over all its workers; null for none. */
export interface ServerLimits {
  /** Tasks that run at a time. */
  readonly maxRunning: number | null;
  readonly maxPerMinute: number | null;
}

export interface QueueState {
  /** The server's base URL. */
  readonly server: string;
  readonly waiting: number;
  readonly delayed: number;
  /** Tasks that wait for another one, which may have failed. */
  readonly blocked: number;
  readonly running: number;
  readonly failed: number;
  readonly doneLastMinute: number;
  /** Since the oldest waiting task was stored, in milliseconds; null without one. */
  readonly oldestMs: number | null;
  readonly workers: readonly { readonly name: string; readonly running: number; readonly concurrency: number }[];
}

interface Ended {
  readonly task: Task;
  readonly end: TaskEnd;
  readonly result: object;
}

/** Waiting work for one server, on pg-boss in the database of the ledger. Throws as `Database` does. */
export class JobQueue {
  readonly name: string;
  /** What its tasks need besides their payloads. */
  readonly files: QueueFiles;
  /** The processes that take its tasks. */
  readonly workers: QueueWorkers;
  readonly #boss: QueueBoss;
  readonly #ends = new GroupCommit((ends: readonly Ended[]) => this.#endAll(ends));

  constructor(database: Database, server: string) {
    this.#boss = new QueueBoss(database, server);
    this.name = this.#boss.names.ready;
    this.files = new QueueFiles(database);
    this.workers = new QueueWorkers(database, this.name);
  }

  /** Connects, and creates what is missing, as every other call does: for errors before anything is announced. */
  async open(): Promise<void> {
    await this.#boss.open();
  }

  /**
   * Stores tasks that neither wait nor run, and returns their number; one that has ended waits again. List a task after
   * the one that it waits for.
   */
  async add(tasks: readonly NewTask[], priority: number): Promise<number> {
    const { ready, blocked } = this.#boss.names;
    const store = pLimit(tasks.some(({ after }) => after !== undefined) ? 1 : PARALLEL_STORES);
    const starts = Array.from({ length: Math.ceil(tasks.length / STORED_AT_ONCE) }, (_, at) => at * STORED_AT_ONCE);
    const counts = await store.map(starts, (at) => {
      const part = tasks.slice(at, at + STORED_AT_ONCE);
      return this.#boss.transaction(async (transaction) => {
        const open = await transaction.query(
          `SELECT id FROM ${SCHEMA}.job WHERE name = ANY($1) AND id = ANY($2::uuid[]) AND state < 'completed'`,
          [[ready, blocked], part.map(({ name }) => taskId(name))],
        );
        await storeTasks(transaction, part, priority);
        return part.length - open.length;
      });
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Does some work and, in the same transaction, stores the task that it returns (null for none) ahead of others. */
  addWith<T>(work: (queries: Queries) => Promise<{ readonly task: NewTask | null; readonly result: T }>): Promise<T> {
    return this.#boss.transaction(async (transaction) => {
      const { task, result } = await work(transaction);
      if (task !== null) await storeTasks(transaction, [task], PRIORITIES.high);
      return result;
    });
  }

  /** Removes a task, unless a worker has it. */
  async withdraw(queries: Queries, name: string): Promise<void> {
    const { ready, dead } = this.#boss.names;
    await queries.query(`DELETE FROM ${SCHEMA}.job WHERE id = $1 AND (name = $2 AND state <> 'active' OR name = $3)`, [
      taskId(name),
      ready,
      dead,
    ]);
    await queries.query('DELETE FROM sora.file_use WHERE task = $1', [taskId(name)]);
  }

  /** Takes up to `most` tasks, those of the highest priority first, within the limits of the server. */
  take(worker: string, most: number, { maxRunning, maxPerMinute }: ServerLimits): Promise<Task[]> {
    return this.#boss.transaction(async (transaction) => {
      let allowed = most;
      if (maxRunning !== null || maxPerMinute !== null) {
        transaction.send('SELECT 1 FROM sora.server WHERE queue = $1 FOR UPDATE', [this.name]);
        // Another statement, which sees what others did before they released the lock.
        const [state] = await transaction.query(
          `SELECT extract(epoch FROM clock_timestamp() - next_at) AS since_s,
              (SELECT count(*) FROM sora.claim WHERE queue = $1) AS running
            FROM sora.server WHERE queue = $1`,
          [this.name],
        );
        if (maxRunning !== null) allowed = Math.min(allowed, maxRunning - Number(state?.running ?? 0));
        if (maxPerMinute !== null) allowed = Math.min(allowed, Number(state?.since_s ?? 0) >= 0 ? 1 : 0);
      }
      if (allowed <= 0) return [];
      const jobs = await transaction.take(this.name, allowed);
      if (jobs.length === 0) return [];
      transaction.send(
        `INSERT INTO sora.claim (job, queue, worker) SELECT job, $2, $3 FROM unnest($1::uuid[]) job
          ON CONFLICT (job) DO UPDATE SET worker = excluded.worker, at = now()`,
        [jobs.map(({ id }) => id), this.name, worker],
      );
      if (maxPerMinute !== null) {
        transaction.send(
          "UPDATE sora.server SET next_at = clock_timestamp() + $2::float8 * interval '1 second' WHERE queue = $1",
          [this.name, 60 / maxPerMinute],
        );
      }
      return jobs.map(({ id, data, retryCount }) => ({ id, payload: unpack(data), deliveries: retryCount }));
    });
  }

  /** Records how a task ended. */
  end(task: Task, end: TaskEnd, result: object): Promise<void> {
    return this.#ends.add({ task, end, result });
  }

  async #endAll(ends: readonly Ended[]): Promise<readonly undefined[]> {
    const { ready, blocked } = this.#boss.names;
    const idsOf = (some: readonly Ended[]): string[] => some.map(({ task }) => task.id);
    const over = ends.filter(({ end }) => end !== 'retry');
    const done = idsOf(ends.filter(({ end }) => end === 'done'));
    await this.#boss.transaction(async (transaction) => {
      transaction.send('DELETE FROM sora.claim WHERE job = ANY($1::uuid[])', [idsOf(ends)]);
      if (over.length > 0) {
        // As pg-boss completes a job, with a result for each.
        transaction.send(
          `UPDATE ${SCHEMA}.job SET completed_on = now(), state = 'completed', output = e.output::jsonb
            FROM unnest($2::uuid[], $3::text[]) e (id, output) WHERE name = $1 AND job.id = e.id AND state = 'active'`,
          [ready, idsOf(over), over.map(({ result }) => JSON.stringify(pack(result)))],
        );
      }
      if (done.length > 0) {
        // Tasks that waited for these can start; they keep their place in the order.
        transaction.send(
          `UPDATE ${SCHEMA}.job SET name = $1, singleton_key = NULL WHERE name = $2 AND singleton_key = ANY($3)`,
          [ready, blocked, done],
        );
        transaction.send('DELETE FROM sora.file_use WHERE task = ANY($1::uuid[])', [done]);
      }
      await storeFailed(
        transaction,
        ends.filter(({ end }) => end === 'failed'),
      );
      for (const { task, end, result } of ends)
        if (end === 'retry') await transaction.fail(ready, task.id, pack(result));
    });
    return ends.map(() => undefined);
  }

  /** Tasks that have ended since a moment of the database's clock (null for all), and the moment to ask from next. */
  async endedSince(since: string | null): Promise<{ readonly tasks: readonly EndedTask[]; readonly next: string }> {
    const [clock] = await this.#boss.query("SELECT (now() - interval '10 seconds')::text AS next");
    const rows = await this.#boss.query(
      `SELECT id, data, output FROM ${SCHEMA}.job
        WHERE name = $1 AND state = 'completed' AND completed_on >= coalesce($2::timestamptz, '-infinity')`,
      [this.name, since],
    );
    return {
      tasks: rows.map(({ id, data, output }) => ({ id: String(id), payload: unpack(data), result: unpack(output) })),
      next: String(clock?.next),
    };
  }

  /** Whether nothing waits or runs. */
  async isEmpty(): Promise<boolean> {
    const job = `SELECT 1 FROM ${SCHEMA}.job WHERE name = $1 AND state < 'completed' LIMIT 1`;
    return (await this.#boss.query(job, [this.name])).length === 0;
  }

  /** Tasks that wait for a person, newest first. */
  async failed(): Promise<EndedTask[]> {
    const rows = await this.#boss.query(
      `SELECT id, data FROM ${SCHEMA}.job WHERE name = $1 AND state = 'created' ORDER BY created_on DESC`,
      [this.#boss.names.dead],
    );
    return rows.map(({ id, data }) => {
      const { task, result } = Object(unpack(data));
      return { id: String(id), payload: task, result };
    });
  }

  /** Makes failed tasks wait again, with all their retries. */
  async revive(tasks: readonly EndedTask[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.#boss.transaction((transaction) => storeAgain(transaction, tasks, PRIORITIES.normal));
  }

  async state(): Promise<QueueState> {
    const { ready, dead, blocked } = this.#boss.names;
    const [row] = await this.#boss.query(
      `SELECT
          count(*) FILTER (WHERE name = $1 AND state < 'active' AND start_after <= now()) AS waiting,
          count(*) FILTER (WHERE name = $1 AND state < 'active' AND start_after > now()) AS delayed,
          count(*) FILTER (WHERE name = $3 AND state = 'created') AS blocked,
          count(*) FILTER (WHERE name = $1 AND state = 'active') AS running,
          count(*) FILTER (WHERE name = $2 AND state = 'created') AS failed,
          count(*) FILTER (WHERE name = $1 AND state = 'completed' AND completed_on > now() - interval '1 minute') AS done,
          extract(epoch FROM now() - min(created_on) FILTER (WHERE name = $1 AND state < 'active')) * 1000 AS oldest_ms
        FROM ${SCHEMA}.job WHERE name IN ($1, $2, $3)`,
      [ready, dead, blocked],
    );
    const workers = await this.#boss.query(
      `SELECT host, pid, concurrency, (SELECT count(*) FROM sora.claim WHERE worker = id) AS running
        FROM sora.worker WHERE queue = $1 ORDER BY started_at`,
      [ready],
    );
    return {
      server: this.#boss.server,
      waiting: Number(row?.waiting),
      delayed: Number(row?.delayed),
      blocked: Number(row?.blocked),
      running: Number(row?.running),
      failed: Number(row?.failed),
      doneLastMinute: Number(row?.done),
      oldestMs: row?.oldest_ms == null ? null : Math.round(Number(row.oldest_ms)),
      workers: workers.map(({ host, pid, running, concurrency }) => ({
        name: `${host}:${pid}`,
        running: Number(running),
        concurrency: Number(concurrency),
      })),
    };
  }

  /** Moves what ended long ago out of the way. */
  async tidy(): Promise<void> {
    await (await this.#boss.open()).maintain();
    await this.files.tidy();
  }
}

/** The servers that have a queue. */
export async function queuedServers(database: Database): Promise<string[]> {
  const rows = await database.query('SELECT base_url FROM sora.server ORDER BY base_url');
  return rows.map(({ base_url: url }) => String(url));
}
