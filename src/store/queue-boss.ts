import { createHash } from 'node:crypto';
import type PgBoss from 'pg-boss';
import { type Database, notInstalled, type Queries, type Row, type Transaction } from './postgres.ts';

/** The schema of pg-boss, beside that of the ledger. */
export const SCHEMA = 'sora_queue';
const KEEP_DAYS = 365;

/** The names under which pg-boss keeps the tasks of a server. */
export interface QueueNames {
  /** Of tasks that wait for workers, or run. */
  readonly ready: string;
  /** Of tasks that wait for a person. */
  readonly dead: string;
  /** Of tasks that wait for others, whose ids are their singleton keys. */
  readonly blocked: string;
}

/** A transaction that pg-boss takes part in. */
export interface BossTransaction extends Transaction {
  readonly names: QueueNames;
  /** Leaves jobs that are there as they are. */
  insert(jobs: readonly PgBoss.JobInsert[]): Promise<void>;
  take(name: string, most: number): Promise<PgBoss.JobWithMetadata<unknown>[]>;
  fail(name: string, id: string, output: object): Promise<void>;
}

/** pg-boss with the queues of one server, which the first call creates. Throws as `Database` does. */
export class QueueBoss {
  /** Its base URL. */
  readonly server: string;
  readonly names: QueueNames;
  readonly #database: Database;
  #boss: Promise<PgBoss> | undefined;

  constructor(database: Database, server: string) {
    const ready = `sora_${createHash('sha256').update(server).digest('hex').slice(0, 24)}`;
    this.names = { ready, dead: `${ready}_dead`, blocked: `${ready}_blocked` };
    this.server = server;
    this.#database = database;
  }

  open(): Promise<PgBoss> {
    this.#boss ??= this.#start().catch((error: unknown) => {
      this.#boss = undefined;
      throw error;
    });
    return this.#boss;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    await this.open();
    return this.#database.query(text, values);
  }

  async transaction<T>(work: (transaction: BossTransaction) => Promise<T>): Promise<T> {
    const boss = await this.open();
    return this.#database.transaction((transaction) => {
      const db = bossDb(transaction);
      return work({
        ...transaction,
        names: this.names,
        insert: (jobs) => boss.insert([...jobs], { db }),
        take: (name, most) => boss.fetch(name, { db, batchSize: most, includeMetadata: true }),
        fail: (name, id, output) => boss.fail(name, id, output, { db }),
      });
    });
  }

  async #start(): Promise<PgBoss> {
    const database = this.#database;
    await database.query('SELECT 1'); // connects, and creates the tables of the ledger
    // Of processes that start at the same time on a new database, one creates the schema, and the others fail once.
    const boss = await startBoss(database).catch(() => startBoss(database));
    const { ready, dead, blocked } = this.names;
    for (const name of [ready, dead, blocked]) {
      await boss.createQueue(name, { name, policy: 'standard', retentionDays: KEEP_DAYS });
    }
    await database.transaction((transaction) => addServer(transaction, this.server, this.names));
    return boss;
  }
}

/** Registers a server, and creates the indexes of its queues. */
async function addServer(transaction: Transaction, server: string, { ready, blocked }: QueueNames): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [ready]);
  transaction.send('INSERT INTO sora.server (queue, base_url) VALUES ($1, $2) ON CONFLICT DO NOTHING', [ready, server]);
  const [last] = await transaction.query('SELECT to_regclass($1) AS index', [`${SCHEMA}.${ready}_after`]);
  if (last?.index != null) return; // creating an index waits for all writers, even if it exists
  const [table, blockedTable] = [partitionOf(ready), partitionOf(blocked)];
  transaction.send(`CREATE INDEX ${ready}_next ON ${table} (priority DESC, created_on, id) WHERE state < 'active'`);
  // It has no order, so all waiting tasks are sorted for each claim. The planner prefers it until there are statistics.
  transaction.send(`DROP INDEX ${table}_i5`);
  transaction.send(`CREATE INDEX ${ready}_ended ON ${table} (completed_on) WHERE state = 'completed'`);
  transaction.send(`CREATE INDEX ${ready}_after ON ${blockedTable} (singleton_key)`);
}

async function startBoss(database: Database): Promise<PgBoss> {
  const Boss = await loadBoss();
  const boss = new Boss({ db: bossDb(database), schema: SCHEMA, supervise: false, schedule: false });
  boss.on('error', () => {}); // also thrown by the call
  await boss.start();
  return boss;
}

async function loadBoss(): Promise<typeof PgBoss> {
  try {
    return (await import('pg-boss')).default;
  } catch (error) {
    throw notInstalled('a queue needs the package pg-boss, which is not installed', error);
  }
}

/** Lets pg-boss use a transaction or connection. */
function bossDb(queries: Queries): PgBoss.Db {
  return { executeSql: async (text, values) => ({ rows: await queries.query(text, values ?? []) }) };
}

/** The table in which pg-boss keeps the tasks of one name. */
function partitionOf(name: string): string {
  return `${SCHEMA}.j${createHash('sha224').update(name).digest('hex')}`;
}
