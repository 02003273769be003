// `npm run bench:queue`: the ledger and the queue of a team on this machine, with a temporary PostgreSQL: rows queued per
// second, submissions reserved per second, and the time to take a row while many wait. `queue.ts [--depth N]`. Takes rows of a
// deep and a shallow queue in turn, so that other load affects both. Exits with 1 if a goal is missed.
import { parseArgs } from 'node:util';
import type { IntentEvent } from '../src/domain/record.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { JobQueue } from '../src/store/job-queue.ts';
import { PostgresLedger } from '../src/store/postgres-ledger.ts';
import { intent } from '../test/store/ledger-events.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { report } from './goals.ts';
import { median } from './timing.ts';

const { values } = parseArgs({ options: { depth: { type: 'string', default: '1000000' }, json: { type: 'boolean' } } });
const depth = Number(values.depth);
/** Submissions that a process makes at the same time. */
const SUBMITTING = 16;
const [SAMPLES, CLAIMED, AT_ONCE] = [200, 500, 50_000];
const NO_LIMITS = { maxRunning: null, maxPerMinute: null };
const payload = { version: 1, row: { line: 1, prompt: 'a lighthouse at dusk, in the rain'.repeat(10) } };

const postgres = await startPostgres({ isDurable: true });
const url = postgres.createDatabase();
const open = (): PostgresLedger => new PostgresLedger({ url, env: {}, homeDir: null, clock });
const ledger = open();
const [shallow, deep] = ['shallow', 'deep'].map(
  (name) => new JobQueue(ledger.database, `https://${name}.example/v1`),
) as [JobQueue, JobQueue];
const say = (text: string): boolean => process.stderr.write(`${text}\n`);

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = clock.uptimeMs();
  await work();
  return (clock.uptimeMs() - startedMs) / 1000;
}

async function takeMs(queue: JobQueue): Promise<number> {
  const startedMs = performance.now();
  const tasks = await queue.take('bench', 1, NO_LIMITS);
  if (tasks.length === 0) throw new Error('the queue is empty');
  return performance.now() - startedMs;
}

/** The median times to take a row of each queue, in turn. */
async function takenMs(queues: readonly JobQueue[]): Promise<number[]> {
  const times = queues.map((): number[] => []);
  for (let at = 0; at < SAMPLES; at++) {
    for (const [which, queue] of queues.entries()) times[which]?.push(await takeMs(queue));
  }
  return times.map(median);
}

const tasks = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({ name: `task ${from + at}`, payload }));

await shallow.add(tasks(0, CLAIMED), 0);
const [emptyMs = 0] = await takenMs([shallow]);
await shallow.add(tasks(CLAIMED, CLAIMED), 0);
let seconds = 0;
for (let from = 0; from < depth; from += AT_ONCE) {
  seconds += await secondsOf(() => deep.add(tasks(from, Math.min(AT_ONCE, depth - from)), 0));
}
const [shallowMs = 0, deepMs = 0] = await takenMs([shallow, deep]);
say(`taking a row: ${emptyMs.toFixed(1)} ms of ${CLAIMED} waiting, before; then, in turn,`);
say(`${shallowMs.toFixed(1)} ms of ${CLAIMED} waiting, ${deepMs.toFixed(1)} ms of ${depth}`);

const reserve = (own: PostgresLedger, changes: Partial<IntentEvent>) =>
  own.reserve({ intent: intent(`k${Math.random()}`, changes), same: null, scopes: [] }, () => null);
for (const processes of [1, 4]) {
  const ledgers = Array.from({ length: processes }, open);
  const each = 50;
  const took = await secondsOf(() =>
    Promise.all(
      ledgers.flatMap((own) =>
        Array.from({ length: SUBMITTING }, async () => {
          for (let at = 0; at < each; at++) await reserve(own, {});
        }),
      ),
    ),
  );
  say(
    `reserved with ${processes} processes: ${Math.round((SUBMITTING * each * processes) / took)} paid submissions a second`,
  );
}
await postgres.stop();
report([
  { what: `queueing ${depth} rows`, measured: depth / seconds, unit: 'a second', goal: 5_000, atLeast: true },
  { what: `taking a row of ${depth}`, measured: deepMs / shallowMs, unit: `× one of ${CLAIMED}`, goal: 3 },
]);
