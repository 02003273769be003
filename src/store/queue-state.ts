import type { Database } from './postgres.ts';
import { type QueueBoss, SCHEMA } from './queue-boss.ts';

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

/** The numbers of tasks, and the workers that take them. */
export async function readQueueState(boss: QueueBoss): Promise<QueueState> {
  const { ready, dead, blocked } = boss.names;
  const [row] = await boss.query(
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
  const workers = await boss.query(
    `SELECT host, pid, concurrency, (SELECT count(*) FROM sora.claim WHERE worker = id) AS running
      FROM sora.worker WHERE queue = $1 ORDER BY started_at`,
    [ready],
  );
  return {
    server: boss.server,
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

/** The servers that have a queue. */
export async function queuedServers(database: Database): Promise<string[]> {
  const rows = await database.query('SELECT base_url FROM sora.server ORDER BY base_url');
  return rows.map(({ base_url: url }) => String(url));
}
