import { createHash } from 'node:crypto';
import { parseJson } from '../domain/json.ts';
import { type BossTransaction, SCHEMA } from './queue-boss.ts';

const FIRST_RETRY_S = 15;
/** pg-boss gives up a running task after this time; workers that end are noticed earlier. */
const EXPIRE_HOURS = 23;
/** Waiting tasks do not expire. */
const FOREVER = new Date(Date.UTC(9_000, 0));

export interface NewTask {
  /** Tasks with the same name are the same task, which is stored once. */
  readonly name: string;
  readonly payload: object;
  /** The name of the task that must be done first; left out for none. */
  readonly after?: string;
  /** The files that it needs, as `files` of the queue stores them. */
  readonly files?: readonly string[];
}

/** Stores tasks that neither wait nor run; one that has ended waits again. */
export async function storeTasks(
  transaction: BossTransaction,
  tasks: readonly NewTask[],
  priority: number,
): Promise<void> {
  const added = tasks.map((task) => ({ ...task, id: taskId(task.name) }));
  await storeAgain(transaction, added, priority);
  await block(transaction, added);
  const uses = added.flatMap(({ id, files = [] }) => files.map((digest) => ({ id, digest })));
  if (uses.length === 0) return;
  transaction.send(
    'INSERT INTO sora.file_use (task, digest) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING',
    [uses.map(({ id }) => id), uses.map(({ digest }) => digest)],
  );
}

/** Stores tasks by their ids, replacing those that have ended or wait under another name. */
export async function storeAgain(
  transaction: BossTransaction,
  tasks: readonly { readonly id: string; readonly payload: unknown }[],
  priority: number,
): Promise<void> {
  const { ready, dead, blocked } = transaction.names;
  const jobs = tasks.map(({ id, payload }) => ({
    id,
    name: ready,
    data: pack(payload),
    priority,
    retryLimit: 1_000, // the worker decides when to stop
    retryDelay: FIRST_RETRY_S,
    retryBackoff: true,
    expireInSeconds: EXPIRE_HOURS * 3_600,
    keepUntil: FOREVER,
  }));
  for (const name of [dead, blocked]) remove(transaction, name, jobs, 'created');
  remove(transaction, ready, jobs, 'completed');
  await transaction.insert(jobs);
}

/** Stores tasks that have failed, with their results, for a person to decide about. */
export async function storeFailed(
  transaction: BossTransaction,
  ends: readonly { readonly task: { readonly id: string; readonly payload: unknown }; readonly result: object }[],
): Promise<void> {
  const jobs = ends.map(({ task: { id, payload }, result }) => {
    return { id, name: transaction.names.dead, data: pack({ task: payload, result }), keepUntil: FOREVER };
  });
  if (jobs.length > 0) await transaction.insert(jobs);
}

/** Blocks tasks that no worker has taken while the tasks before them are not done. */
async function block(
  transaction: BossTransaction,
  tasks: readonly { readonly id: string; readonly after?: string }[],
): Promise<void> {
  const { ready, dead, blocked } = transaction.names;
  const following = tasks.flatMap(({ id, after }) => (after === undefined ? [] : [{ id, after: taskId(after) }]));
  if (following.length === 0) return;
  // Locked, so that none of them ends before this transaction does.
  const open = await transaction.query(
    `SELECT id FROM ${SCHEMA}.job WHERE name = ANY($1) AND id = ANY($2::uuid[]) AND state < 'completed'
      ORDER BY id FOR SHARE`,
    [[ready, blocked, dead], following.map(({ after }) => after)],
  );
  const isOpen = new Set(open.map(({ id }) => String(id)));
  const held = following.filter(({ after }) => isOpen.has(after));
  await transaction.query(
    `UPDATE ${SCHEMA}.job SET name = $1, singleton_key = f.after
      FROM unnest($3::uuid[], $4::text[]) f (id, after) WHERE name = $2 AND job.id = f.id AND state = 'created'`,
    [blocked, ready, held.map(({ id }) => id), held.map(({ after }) => after)],
  );
}

/** Removes tasks of one name, in this state or a later one. */
function remove(
  transaction: BossTransaction,
  name: string,
  tasks: readonly { readonly id: string }[],
  state: 'created' | 'completed',
): void {
  transaction.send(
    `DELETE FROM ${SCHEMA}.job WHERE name = $1 AND id = ANY($2::uuid[]) AND state >= $3::${SCHEMA}.job_state`,
    [name, tasks.map(({ id }) => id), state],
  );
}

/** As a text within its JSON: PostgreSQL's JSON has no null characters and no halves of surrogate pairs. */
export function pack(value: unknown): { readonly json: string } {
  return { json: JSON.stringify(value) };
}

export function unpack(stored: unknown): unknown {
  return parseJson(String(Object(stored).json));
}

/** The id of a task of this name: pg-boss wants UUIDs. */
export function taskId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
