import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { JobQueue, type ServerLimits } from '../../src/store/job-queue.ts';
import { PostgresLedger } from '../../src/store/postgres-ledger.ts';
import { taskId } from '../../src/store/queue-tasks.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';

const NO_LIMITS: ServerLimits = { maxRunning: null, maxPerMinute: null };
const SELF = { host: 'here', boot: 'one', pid: 1, started: '1' };

describe.skipIf(POSTGRES_BIN === undefined)(`a job queue in PostgreSQL${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  /** Two processes on one queue. */
  function createQueues(): [JobQueue, JobQueue] {
    const url = postgres.createDatabase();
    const open = (): JobQueue => {
      const { database } = new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
      return new JobQueue(database, 'https://video.example/v1');
    };
    return [open(), open()];
  }

  const tasks = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `task ${at}`, payload: { at, text: 'a “boat” 🌊' } }));

  it('starts in several processes at once on a new database', async () => {
    const url = postgres.createDatabase();
    const queues = Array.from({ length: 6 }, () => {
      const { database } = new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
      return new JobQueue(database, 'https://video.example/v1');
    });
    expect(await Promise.all(queues.map((queue) => queue.isEmpty()))).toEqual(queues.map(() => true));
  });

  it('repeats a transaction whose connection is lost between two queries', async () => {
    const url = postgres.createDatabase();
    const { database } = new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
    await database.query('SELECT 1');
    let tries = 0;
    const work = database.transaction(async (queries) => {
      const [own] = await queries.query('SELECT pg_backend_pid() AS pid');
      if (tries++ === 0) postgres.psql(url, `SELECT pg_terminate_backend(${own?.pid}, 5000)`);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate); // the connection reports its end here
      return queries.query('SELECT 1 AS one');
    });
    expect(await work).toEqual([{ one: 1 }]);
    expect(tries).toBe(2);
  });

  it('delivers each task once, to any worker', async () => {
    const [one, two] = createQueues();
    await one.add(tasks(50), 0);
    await one.add(tasks(50), 0);
    const taken = await Promise.all([one.take('a', 30, NO_LIMITS), two.take('b', 30, NO_LIMITS)]);
    expect(new Set(taken.flat().map(({ id }) => id)).size).toBe(50);
    expect(await one.take('a', 30, NO_LIMITS)).toEqual([]);
  });

  it('applies the limits of the server across all workers', async () => {
    const [one, two] = createQueues();
    await one.add(tasks(20), 0);
    const limits = { maxRunning: 5, maxPerMinute: null };
    const taken = await Promise.all([1, 2, 3].flatMap(() => [one.take('a', 2, limits), two.take('b', 2, limits)]));
    expect(taken.flat()).toHaveLength(5);
    const [first] = taken.flat();
    if (first !== undefined) await two.end(first, 'done', { outcome: 'done' });
    expect(await two.take('b', 9, limits)).toHaveLength(1);
    const perMinute = { maxRunning: null, maxPerMinute: 1 };
    const paced = await Promise.all(
      [1, 2, 3].flatMap(() => [one.take('a', 2, perMinute), two.take('b', 2, perMinute)]),
    );
    expect(paced.flat()).toHaveLength(1);
  });

  it('reassigns the tasks of a lost worker only', async () => {
    const [one, two] = createQueues();
    await one.add(tasks(3), 0);
    await one.workers.beat('a', SELF, 4);
    await one.workers.beat('b', { ...SELF, pid: 2 }, 4);
    const [lost] = await one.take('a', 1, NO_LIMITS);
    await two.take('b', 1, NO_LIMITS);
    expect(await two.workers.putBackLost(({ pid }) => (pid === 1 ? 'dead' : 'unknown'))).toBe(1);
    const again = await two.take('b', 9, NO_LIMITS);
    expect(again.find(({ id }) => id === lost?.id)).toEqual(lost); // not counted as a retry
    expect(again).toHaveLength(2);
    expect((await two.state()).workers).toMatchObject([{ name: 'here:2', running: 3 }]);
  });

  it('holds a task back until the one before it is done, even if that ends meanwhile', async () => {
    const [one, two] = createQueues();
    const chain = (at: number) => ({ name: `after ${at}`, payload: {}, after: `task ${at}` });
    await one.add([...tasks(2), chain(0), { name: 'last', payload: {}, after: 'after 0' }], 0);
    const taken = await one.take('a', 9, NO_LIMITS);
    const [first, second] = [0, 1].map((at) => taken.find(({ id }) => id === taskId(`task ${at}`)));
    if (first === undefined || second === undefined) throw new Error('two tasks were stored');
    expect(taken).toHaveLength(2);
    expect(await two.isEmpty()).toBe(false);
    await one.end(first, 'failed', { outcome: 'failed' });
    expect(await two.take('b', 9, NO_LIMITS)).toEqual([]);
    await one.revive(await one.failed());
    const [again] = await two.take('b', 9, NO_LIMITS);
    if (again !== undefined) await two.end(again, 'done', { outcome: 'done' });
    expect(again?.id).toBe(first.id);
    expect(await two.take('b', 9, NO_LIMITS)).toMatchObject([{ id: taskId('after 0') }]);
    await Promise.all([one.end(second, 'done', { outcome: 'done' }), two.add([chain(1)], 0)]);
    expect(await two.take('b', 9, NO_LIMITS)).toMatchObject([{ id: taskId('after 1') }]);
    expect(await one.state()).toMatchObject({ waiting: 0, blocked: 1, running: 2 });
  });

  it('stores every text, including what JSON in PostgreSQL cannot hold', async () => {
    const [one, two] = createQueues();
    const texts = { nul: 'a\0b', half: '\ud800', escaped: '\\u0000', '\0': ['\ude00'] };
    const ends = ['failed', 'retry', 'done'] as const;
    await one.add(
      ends.map((name) => ({ name, payload: texts })),
      0,
    );
    for (const [at, task] of (await two.take('b', 3, NO_LIMITS)).entries()) {
      expect(task.payload).toEqual(texts);
      await two.end(task, ends[at] ?? 'failed', texts);
    }
    expect(await one.failed()).toMatchObject([{ payload: texts, result: texts }]);
    const { tasks: ended } = await one.endedSince(null);
    expect(ended.map(({ payload, result }) => [payload, result])).toEqual([
      [texts, texts],
      [texts, texts],
    ]);
  });

  it('retries a task later, and keeps a failed one until it is revived', async () => {
    const [one] = createQueues();
    await one.add(tasks(2), 0);
    const [first, second] = await one.take('a', 2, NO_LIMITS);
    if (first === undefined || second === undefined) throw new Error('two tasks were stored');
    await one.end(first, 'retry', { outcome: 'running' });
    await one.end(second, 'failed', { outcome: 'failed', error: { message: 'no' } });
    expect(await one.state()).toMatchObject({ waiting: 0, delayed: 1, running: 0, failed: 1 });
    const buried = await one.failed();
    expect(buried).toMatchObject([
      { id: second.id, payload: { at: expect.any(Number) }, result: { outcome: 'failed' } },
    ]);
    await one.revive(buried);
    expect(await one.state()).toMatchObject({ waiting: 1, failed: 0 });
    expect(await one.take('a', 9, NO_LIMITS)).toMatchObject([{ id: second.id, deliveries: 0 }]);
  });
});
