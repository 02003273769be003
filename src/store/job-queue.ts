import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type PgBoss from 'pg-boss';
import { parseJson } from '../domain/json.ts';
import { GroupCommit } from './group-commit.ts';
import type { Database, Queries, Row, Transaction } from './postgres.ts';
import { bossDb, openBoss, type QueueNames, SCHEMA } from './queue-boss.ts';
import { QueueFiles, useFiles } from './queue-files.ts';
import { QueueWorkers } from './queue-workers.ts';

const INSERTED_AT_ONCE = 1_000;
/** A task must be stored after the one that it waits for, so only tasks without any are stored in parallel. */
const PARALLEL_INSERTS = 3;
const FIRST_RETRY_S = 15;
/** pg-boss gives up a running task after this time; workers that end are noticed earlier. */
const EXPIRE_HOURS = 23;
/** Waiting tasks do not expire. */
const FOREVER = new Date(Date.UTC(9_000, 0));

export const PRIORITIES = { high: 10, normal: 0, low: -10 } as const;

export interface NewTask {
  /** Tasks with the same name are the same task, which is stored once. */
  readonly name: string;
  readonly payload: object;
  /** The name of the task that must be done first; left out for none. */
  readonly after?: string;
  /** The files that it needs, as `files` of the queue stores them. */
  readonly files?: readonly string[];
}

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

/** How a task ended. */
interface End {
  readonly task: Task;
  readonly result: object;
  readonly how: 'complete' | 'retry' | 'bury';
}

/** Waiting work for one server, on pg-boss in the database of the ledger. Throws as `Database` does. */
export class JobQueue {
  readonly name: string;
  /** What its tasks need besides their payloads. */
  readonly files: QueueFiles;
  /** The processes that take its tasks. */
  readonly workers: QueueWorkers;
  readonly #database: Database;
  readonly #server: string;
  readonly #names: QueueNames;
  readonly #ends = new GroupCommit((ends: readonly End[]) => this.#endAll(ends));
  #boss: Promise<PgBoss> | undefined;

  constructor(database: Database, server: string) {
    this.#database = database;
    this.#server = server;
    this.files = new QueueFiles(database);
    this.name = `sora_${createHash('sha256').update(server).digest('hex').slice(0, 24)}`;
    this.workers = new QueueWorkers(database, this.name);
    this.#names = { ready: this.name, dead: `${this.name}_dead`, blocked: `${this.name}_blocked` };
  }

  /** Connects, and creates what is missing, as every other call does: for errors before anything is announced. */
  async open(): Promise<void> {
    await this.#open();
  }

  /** Stores tasks that neither wait nor run; one that has ended waits again. List a task after the one that it waits for. */
  async add(tasks: readonly NewTask[], priority: number): Promise<void> {
    const boss = await this.#open();
    const insert = pLimit(tasks.some(({ after }) => after !== undefined) ? 1 : PARALLEL_INSERTS);
    const parts = Array.from({ length: Math.ceil(tasks.length / INSERTED_AT_ONCE) }, (_, at) => at * INSERTED_AT_ONCE);
    await insert.map(parts, (at) => {
      const part = tasks.slice(at, at + INSERTED_AT_ONCE);
      return this.#database.transaction((queries) => this.#insert(boss, queries, part, priority));
    });
  }

  /** Does some work and, in the same transaction, stores the task that it returns (null for none) ahead of others. */
  async addWith<T>(
    work: (queries: Queries) => Promise<{ readonly task: NewTask | null; readonly result: T }>,
  ): Promise<T> {
    const boss = await this.#open();
    return this.#database.transaction(async (queries) => {
      const { task, result } = await work(queries);
      if (task !== null) await this.#insert(boss, queries, [task], PRIORITIES.high);
      return result;
    });
  }

  /** Removes a task, unless a worker has it. */
  async withdraw(queries: Queries, name: string): Promise<void> {
    await queries.query(`DELETE FROM ${SCHEMA}.job WHERE id = $1 AND (name = $2 AND state <> 'active' OR name = $3)`, [
      taskId(name),
      this.name,
      this.#names.dead,
    ]);
    await queries.query('DELETE FROM sora.file_use WHERE task = $1', [taskId(name)]);
  }

  async #insert(boss: PgBoss, queries: Transaction, tasks: readonly NewTask[], priority: number): Promise<void> {
    const added = tasks.map((task) => ({ ...task, id: taskId(task.name) }));
    const jobs = added.map(({ id, payload }) => this.#jobOf(id, payload, priority));
    await this.#insertJobs(boss, queries, jobs);
    await this.#block(queries, added);
    const uses = added.flatMap(({ id, files = [] }) => files.map((digest) => ({ task: id, digest })));
    useFiles(queries, uses);
  }

  /** Stores jobs, replacing those that have ended or are waiting elsewhere. */
  async #insertJobs(boss: PgBoss, queries: Transaction, jobs: readonly PgBoss.JobInsert[]): Promise<void> {
    const ids = jobs.map(({ id }) => id);
    for (const name of [this.#names.dead, this.#names.blocked]) this.#remove(queries, name, ids, 'created');
    const db = bossDb(queries);
    const inserted: unknown = await boss.insert([...jobs], { db }); // their ids, unlike what the type says
    const isNew = new Set(Array.isArray(inserted) ? inserted : []);
    const known = jobs.filter(({ id }) => !isNew.has(id));
    if (known.length === 0) return;
    this.#remove(
      queries,
      this.name,
      known.map(({ id }) => id),
      'completed',
    );
    await boss.insert(known, { db });
  }

  /** Blocks tasks that no worker has taken while the tasks before them are not done. */
  async #block(queries: Queries, tasks: readonly { readonly id: string; readonly after?: string }[]): Promise<void> {
    const following = tasks.flatMap(({ id, after }) => (after === undefined ? [] : [{ id, after: taskId(after) }]));
    if (following.length === 0) return;
    // Locked, so that none of them ends before this transaction does.
    const open = await queries.query(
      `SELECT id FROM ${SCHEMA}.job WHERE name = ANY($1) AND id = ANY($2::uuid[]) AND state < 'completed'
        ORDER BY id FOR SHARE`,
      [[this.name, this.#names.blocked, this.#names.dead], following.map(({ after }) => after)],
    );
    const isOpen = new Set(open.map(({ id }) => String(id)));
    const blocked = following.filter(({ after }) => isOpen.has(after));
    await queries.query(
      `UPDATE ${SCHEMA}.job SET name = $1, singleton_key = f.after
        FROM unnest($3::uuid[], $4::text[]) f (id, after) WHERE name = $2 AND job.id = f.id AND state = 'created'`,
      [this.#names.blocked, this.name, blocked.map(({ id }) => id), blocked.map(({ after }) => after)],
    );
  }

  #jobOf(id: string, data: object, priority: number) {
    return {
      id,
      name: this.name,
      data: pack(data),
      priority,
      retryLimit: 1_000, // the worker decides when to stop
      retryDelay: FIRST_RETRY_S,
      retryBackoff: true,
      expireInSeconds: EXPIRE_HOURS * 3_600,
      keepUntil: FOREVER,
    };
  }

  /** Removes tasks of one name, in this state or a later one. */
  #remove(
    transaction: Transaction,
    name: string,
    ids: readonly (string | undefined)[],
    state: 'created' | 'completed',
  ): void {
    transaction.send(
      `DELETE FROM ${SCHEMA}.job WHERE name = $1 AND id = ANY($2::uuid[]) AND state >= $3::${SCHEMA}.job_state`,
      [name, ids, state],
    );
  }

  /** Takes up to `most` tasks, those of the highest priority first, within the limits of the server. */
  async take(worker: string, most: number, { maxRunning, maxPerMinute }: ServerLimits): Promise<Task[]> {
    const boss = await this.#open();
    return this.#database.transaction(async (queries) => {
      let allowed = most;
      if (maxRunning !== null || maxPerMinute !== null) {
        queries.send('SELECT 1 FROM sora.server WHERE queue = $1 FOR UPDATE', [this.name]);
        // Another statement, which sees what others did before they released the lock.
        const [state] = await queries.query(
          `SELECT extract(epoch FROM clock_timestamp() - next_at) AS since_s,
              (SELECT count(*) FROM sora.claim WHERE queue = $1) AS running
            FROM sora.server WHERE queue = $1`,
          [this.name],
        );
        if (maxRunning !== null) allowed = Math.min(allowed, maxRunning - Number(state?.running ?? 0));
        if (maxPerMinute !== null) allowed = Math.min(allowed, Number(state?.since_s ?? 0) >= 0 ? 1 : 0);
      }
      if (allowed <= 0) return [];
      const jobs = await boss.fetch(this.name, { db: bossDb(queries), batchSize: allowed, includeMetadata: true });
      if (jobs.length === 0) return [];
      queries.send(
        `INSERT INTO sora.claim (job, queue, worker) SELECT job, $2, $3 FROM unnest($1::uuid[]) job
          ON CONFLICT (job) DO UPDATE SET worker = excluded.worker, at = now()`,
        [jobs.map(({ id }) => id), this.name, worker],
      );
      if (maxPerMinute !== null) {
        queries.send(
          "UPDATE sora.server SET next_at = clock_timestamp() + $2::float8 * interval '1 second' WHERE queue = $1",
          [this.name, 60 / maxPerMinute],
        );
      }
      return jobs.map(({ id, data, retryCount }) => ({ id, payload: unpack(data), deliveries: retryCount }));
    });
  }

  /** The task is over. */
  complete(task: Task, result: object): Promise<void> {
    return this.#ends.add({ task, result, how: 'complete' });
  }

  /** The task is tried again later, each time after a longer wait. */
  retry(task: Task, result: object): Promise<void> {
    return this.#ends.add({ task, result, how: 'retry' });
  }

  /** The task is over, and a person is to decide what becomes of it. */
  bury(task: Task, result: object): Promise<void> {
    return this.#ends.add({ task, result, how: 'bury' });
  }

  async #endAll(ends: readonly End[]): Promise<readonly undefined[]> {
    const boss = await this.#open();
    const idsOf = (...hows: readonly End['how'][]) =>
      ends.filter(({ how }) => hows.includes(how)).map(({ task }) => task.id);
    const [done, over] = [idsOf('complete'), idsOf('complete', 'bury')];
    await this.#database.transaction(async (transaction) => {
      const db = bossDb(transaction);
      transaction.send('DELETE FROM sora.claim WHERE job = ANY($1::uuid[])', [ends.map(({ task }) => task.id)]);
      if (over.length > 0) {
        const outputs = ends.filter(({ how }) => how !== 'retry').map(({ result }) => JSON.stringify(pack(result)));
        // As pg-boss completes a job, with a result for each.
        transaction.send(
          `UPDATE ${SCHEMA}.job SET completed_on = now(), state = 'completed', output = e.output::jsonb
            FROM unnest($2::uuid[], $3::text[]) e (id, output) WHERE name = $1 AND job.id = e.id AND state = 'active'`,
          [this.name, over, outputs],
        );
      }
      if (done.length > 0) {
        // Tasks that waited for these can start; they keep their place in the order.
        transaction.send(
          `UPDATE ${SCHEMA}.job SET name = $1, singleton_key = NULL WHERE name = $2 AND singleton_key = ANY($3)`,
          [this.name, this.#names.blocked, done],
        );
        transaction.send('DELETE FROM sora.file_use WHERE task = ANY($1::uuid[])', [done]);
      }
      const buried = ends.filter(({ how }) => how === 'bury');
      const dead = buried.map(({ task, result }) => ({
        id: task.id,
        name: this.#names.dead,
        data: pack({ task: task.payload, result }),
        keepUntil: FOREVER,
      }));
      if (dead.length > 0) await boss.insert(dead, { db });
      for (const { task, result, how } of ends)
        if (how === 'retry') await boss.fail(this.name, task.id, pack(result), { db });
    });
    return ends.map(() => undefined);
  }

  /** Tasks that have ended since a moment of the database's clock (null for all), and the moment to ask from next. */
  async endedSince(since: string | null): Promise<{ readonly tasks: readonly EndedTask[]; readonly next: string }> {
    const [clock] = await this.#query("SELECT (now() - interval '10 seconds')::text AS next");
    const rows = await this.#query(
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
    return (await this.#query(job, [this.name])).length === 0;
  }

  /** Tasks that wait for a person, newest first. */
  async buried(): Promise<EndedTask[]> {
    const rows = await this.#query(
      `SELECT id, data FROM ${SCHEMA}.job WHERE name = $1 AND state = 'created' ORDER BY created_on DESC`,
      [this.#names.dead],
    );
    return rows.map(({ id, data }) => {
      const { task, result } = Object(unpack(data));
      return { id: String(id), payload: task, result };
    });
  }

  /** Makes buried tasks wait again, with all their retries. */
  async revive(tasks: readonly EndedTask[]): Promise<void> {
    const boss = await this.#open();
    const jobs = tasks.map(({ id, payload }) => this.#jobOf(id, Object(payload), PRIORITIES.normal));
    if (jobs.length === 0) return;
    await this.#database.transaction((queries) => this.#insertJobs(boss, queries, jobs));
  }

  async state(): Promise<QueueState> {
    const [row] = await this.#query(
      `SELECT
          count(*) FILTER (WHERE name = $1 AND state < 'active' AND start_after <= now()) AS waiting,
          count(*) FILTER (WHERE name = $1 AND state < 'active' AND start_after > now()) AS delayed,
          count(*) FILTER (WHERE name = $3 AND state = 'created') AS blocked,
          count(*) FILTER (WHERE name = $1 AND state = 'active') AS running,
          count(*) FILTER (WHERE name = $2 AND state = 'created') AS failed,
          count(*) FILTER (WHERE name = $1 AND state = 'completed' AND completed_on > now() - interval '1 minute') AS done,
          extract(epoch FROM now() - min(created_on) FILTER (WHERE name = $1 AND state < 'active')) * 1000 AS oldest_ms
        FROM ${SCHEMA}.job WHERE name IN ($1, $2, $3)`,
      [this.name, this.#names.dead, this.#names.blocked],
    );
    const workers = await this.#query(
      `SELECT host, pid, concurrency, (SELECT count(*) FROM sora.claim WHERE worker = id) AS running
        FROM sora.worker WHERE queue = $1 ORDER BY started_at`,
      [this.name],
    );
    return {
      server: this.#server,
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
    await (await this.#open()).maintain();
    await this.files.tidy();
  }

  async #query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    await this.#open();
    return this.#database.query(text, values);
  }

  #open(): Promise<PgBoss> {
    this.#boss ??= openBoss(this.#database, this.#server, this.#names).catch((error: unknown) => {
      this.#boss = undefined;
      throw error;
    });
    return this.#boss;
  }
}

/** As a text within its JSON: PostgreSQL's JSON has no null characters and no halves of surrogate pairs. */
function pack(value: object): { readonly json: string } {
  return { json: JSON.stringify(value) };
}

function unpack(stored: unknown): unknown {
  return parseJson(String(Object(stored).json));
}

/** The servers that have a queue. */
export async function queuedServers(database: Database): Promise<string[]> {
  const rows = await database.query('SELECT base_url FROM sora.server ORDER BY base_url');
  return rows.map(({ base_url: url }) => String(url));
}

/** The id of a task of this name: pg-boss wants UUIDs. */
export function taskId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
