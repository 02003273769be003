import { createHash } from 'node:crypto';
import type PgBoss from 'pg-boss';
import { type Database, notInstalled, type Queries } from './postgres.ts';

/** The schema of pg-boss, beside that of the ledger. */
export const SCHEMA = 'sora_queue';
const KEEP_DAYS = 365;

export interface QueueNames {
  /** Of tasks that wait for workers, or run. */
  readonly ready: string;
  /** Of tasks that wait for a person. */
  readonly dead: string;
  /** Of tasks that wait for others, whose ids are their singleton keys. */
  readonly blocked: string;
}

/** Starts pg-boss with the queues and indexes of a server. Throws as `Database` does. */
export async function openBoss(database: Database, server: string, names: QueueNames): Promise<PgBoss> {
  await database.query('SELECT 1'); // connects, and creates the tables of the ledger
  // Of processes that start at the same time on a new database, one creates the schema, and the others fail once.
  const boss = await startBoss(database).catch(() => startBoss(database));
  for (const name of [names.ready, names.dead, names.blocked]) {
    await boss.createQueue(name, { name, policy: 'standard', retentionDays: KEEP_DAYS });
  }
  await database.transaction(async (queries) => {
    const { ready } = names;
    await queries.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [ready]);
    queries.send('INSERT INTO sora.server (queue, base_url) VALUES ($1, $2) ON CONFLICT DO NOTHING', [ready, server]);
    const [table, blocked] = [ready, names.blocked].map(partitionOf);
    const [last] = await queries.query('SELECT to_regclass($1) AS index', [`${SCHEMA}.${ready}_after`]);
    if (last?.index != null) return; // creating an index waits for everybody who writes, also where it exists
    queries.send(`CREATE INDEX ${ready}_next ON ${table} (priority DESC, created_on, id) WHERE state < 'active'`);
    // It has no order, so all waiting tasks are sorted for each claim. The planner prefers it until there are statistics.
    queries.send(`DROP INDEX ${table}_i5`);
    queries.send(`CREATE INDEX ${ready}_ended ON ${table} (completed_on) WHERE state = 'completed'`);
    queries.send(`CREATE INDEX ${ready}_after ON ${blocked} (singleton_key)`);
  });
  return boss;
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
export function bossDb(queries: Queries): PgBoss.Db {
  return { executeSql: async (text, values) => ({ rows: await queries.query(text, values ?? []) }) };
}

/** The table in which pg-boss keeps the tasks of one name. */
function partitionOf(name: string): string {
  return `${SCHEMA}.j${createHash('sha224').update(name).digest('hex')}`;
}
