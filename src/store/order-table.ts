import { isJsonObject, type JsonObject, parseJson } from '../domain/json.ts';
import type { Page } from '../domain/page.ts';
import type { JobQueue } from './job-queue.ts';
import type { SpentScope } from './ledger.ts';
import type { Database, Queries, Row } from './postgres.ts';
import { plain, readSpent } from './postgres-submissions.ts';
import type { NewTask } from './queue-tasks.ts';

/** An order to store. */
export interface NewStoredOrder {
  readonly id: string;
  /** Orders with the same key are one order. */
  readonly idempotencyKey: string | null;
  readonly prompt: string;
  /** The estimate; null if unknown. */
  readonly micros: number | null;
  /** Has a `status`. */
  readonly job: JsonObject;
  readonly task: NewTask;
}

/** Decides whether an order is accepted, in the transaction that stores it. */
export interface Admission {
  /** What the orders of the service count in; null if it does not matter what they cost. */
  readonly scope: SpentScope | null;
  /** Throws to refuse it; gets what other orders have cost or will cost. */
  admit(spentMicros: number): void;
}

export interface OrderPage extends Page<JsonObject> {
  readonly total: number;
}

/**
 * The orders of a server’s REST service, beside the ledger and the queue, where all replicas of the service and all workers
 * reach them. Throws as `Database` does.
 */
export class OrderTable {
  readonly #database: Database;
  readonly #queue: JobQueue;

  constructor(database: Database, queue: JobQueue) {
    this.#database = database;
    this.#queue = queue;
  }

  /** Stores an order and its task in one transaction. Returns its job, or the one that has its idempotency key. */
  add(order: NewStoredOrder, { scope, admit }: Admission): Promise<JsonObject> {
    const { id, idempotencyKey, prompt, micros, job, task } = order;
    return this.#queue.addWith(async (queries) => {
      // The orders of a capped service are counted one after the other.
      if (scope !== null) await queries.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [this.#name]);
      const added = await queries.query(
        `INSERT INTO sora.service_order (id, queue, idempotency_key, status, prompt, micros, job)
          VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id`,
        [id, this.#name, idempotencyKey, job.status, searchable(prompt), micros, JSON.stringify(job)],
      );
      if (added.length > 0) {
        admit(scope === null ? 0 : await this.#spent(queries, scope, id));
        return { task, result: job };
      }
      const [known] = await queries.query(
        'SELECT job FROM sora.service_order WHERE id = $1 OR (queue = $2 AND idempotency_key = $3)',
        [id, this.#name, idempotencyKey],
      );
      return { task: null, result: jobOf(known) ?? job };
    });
  }

  /** What the orders in a scope cost, and those that wait will cost. */
  spent(scope: SpentScope): Promise<number> {
    return this.#spent(this.#database, scope, '');
  }

  async #spent(queries: Queries, scope: SpentScope, except: string): Promise<number> {
    const { micros } = await readSpent(queries, scope);
    const [waiting] = await queries.query(
      `SELECT coalesce(sum(micros), 0) AS micros FROM sora.service_order o
        WHERE queue = $1 AND status = 'pending' AND id <> $2
          AND NOT EXISTS (SELECT 1 FROM sora.submission s WHERE s.row_key = o.id)`,
      [this.#name, except],
    );
    return micros + Number(waiting?.micros);
  }

  async find(id: string): Promise<JsonObject | undefined> {
    return jobOf(await this.#row(id));
  }

  async #row(id: string): Promise<Row | undefined> {
    const text = 'SELECT seq, job FROM sora.service_order WHERE id = $1 AND queue = $2';
    return (await this.#database.query(text, [plain(id), this.#name]))[0];
  }

  /** Newest first; undefined if there is no order `after`. */
  async newest(
    limit: number,
    { after, search }: { readonly after: string | null; readonly search: string },
  ): Promise<OrderPage | undefined> {
    const last = after === null ? null : await this.#row(after);
    if (last === undefined) return undefined;
    const wanted = `queue = $1 AND ($2 = '' OR strpos(prompt, $2) > 0)`;
    const text = searchable(search);
    const [rows, [counted]] = await Promise.all([
      this.#database.query(
        `SELECT job FROM sora.service_order WHERE ${wanted} AND ($3::bigint IS NULL OR seq < $3) ORDER BY seq DESC LIMIT $4`,
        [this.#name, text, last?.seq ?? null, limit + 1],
      ),
      this.#database.query(`SELECT count(*) AS total FROM sora.service_order WHERE ${wanted}`, [this.#name, text]),
    ]);
    const items = rows
      .slice(0, limit)
      .map(jobOf)
      .filter((job) => job !== undefined);
    return { items, hasMore: rows.length > limit, total: Number(counted?.total) };
  }

  /** How many orders there are in each status. Fails at once while the database is unreachable. */
  async count(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.queryNow(
      'SELECT status, count(*) AS orders FROM sora.service_order WHERE queue = $1 GROUP BY status',
      [this.#name],
    );
    return new Map(rows.map(({ status, orders }) => [String(status), Number(orders)]));
  }

  /** Changes the job of an order, which keeps a `status`. False if the order is gone. */
  change(id: string, update: (job: JsonObject) => JsonObject): Promise<boolean> {
    return this.#database.transaction(async (queries) => {
      const [row] = await queries.query('SELECT job FROM sora.service_order WHERE id = $1 FOR UPDATE', [id]);
      const known = jobOf(row);
      if (known === undefined) return false;
      const job = update(known);
      await queries.query('UPDATE sora.service_order SET job = $2, status = $3 WHERE id = $1', [
        id,
        JSON.stringify(job),
        job.status,
      ]);
      return true;
    });
  }

  /** Marks an order as being removed, so that nothing is sent for it, or clears the mark. */
  async setLeaving(id: string, isLeaving: boolean): Promise<void> {
    await this.#database.query('UPDATE sora.service_order SET is_leaving = $2 WHERE id = $1', [id, isLeaving]);
  }

  /** Whether an order is there and not being removed. */
  async isWanted(id: string): Promise<boolean> {
    const rows = await this.#database.query('SELECT 1 FROM sora.service_order WHERE id = $1 AND NOT is_leaving', [id]);
    return rows.length > 0;
  }

  /** Removes an order and its task, and returns its job; a worker that has it notices. */
  remove(id: string): Promise<JsonObject | undefined> {
    return this.#database.transaction(async (queries) => {
      const rows = await queries.query('DELETE FROM sora.service_order WHERE id = $1 RETURNING job', [id]);
      await this.#queue.withdraw(queries, id);
      return jobOf(rows[0]);
    });
  }

  get #name(): string {
    return this.#queue.name;
  }
}

function jobOf(row: Row | undefined): JsonObject | undefined {
  const job = typeof row?.job === 'string' ? parseJson(row.job) : undefined;
  return isJsonObject(job) ? job : undefined;
}

function searchable(text: string): string {
  return plain(text.toLowerCase());
}
