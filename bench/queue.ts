// `npm run bench:queue`: what the ledger and the queue of a team can do on this machine, on a temporary PostgreSQL: rows queued a
// second, submissions reserved a second, and how long taking a row lasts while many wait. `queue.ts [--depth N]`.
import { parseArgs } from 'node:util';
import type { IntentEvent } from '../src/domain/record.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { JobQueue } from '../src/store/job-queue.ts';
import { PostgresLedger } from '../src/store/postgres-ledger.ts';
import { intent } from '../test/store/ledger-events.ts';
import { startPostgres } from '../test/support/postgres.ts';

const { values } = parseArgs({ options: { depth: { type: 'string', default: '1000000' } } });
const depth = Number(values.depth);
const [SAMPLES, CLAIMED, AT_ONCE] = [200, 500, 50_000];
const NO_LIMITS = { maxRunning: null, maxPerMinute: null };
const payload = { version: 1, row: { line: 1, prompt: 'a lighthouse at dusk, in the rain'.repeat(10) } };

const postgres = await startPostgres({ isDurable: true });
const url = postgres.createDatabase();
const open = (): PostgresLedger => new PostgresLedger({ url, env: {}, homeDir: null, clock });
const ledger = open();
const queue = new JobQueue(ledger.database, 'https://video.example/v1');
const report = (text: string): boolean => process.stdout.write(`${text}\n`);

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = clock.uptimeMs();
  await work();
  return (clock.uptimeMs() - startedMs) / 1000;
}

/** The median time to take one row, in milliseconds. */
async function takeMs(): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < SAMPLES; at++) {
    const startedMs = performance.now();
    const tasks = await queue.take('bench', 1, NO_LIMITS);
    times.push(performance.now() - startedMs);
    if (tasks.length === 0) throw new Error('the queue is empty');
  }
  return times.sort((a, b) => a - b)[SAMPLES / 2] ?? 0;
}

const tasks = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({ name: `task ${from + at}`, payload }));

await queue.add(tasks(0, CLAIMED), 0);
const shallowMs = await takeMs();
let seconds = 0;
for (let from = CLAIMED; from < depth; from += AT_ONCE) {
  seconds += await secondsOf(() => queue.add(tasks(from, Math.min(AT_ONCE, depth - from)), 0));
}
report(`queued ${depth - CLAIMED} rows, ${Math.round((depth - CLAIMED) / seconds)} a second`);
const deepMs = await takeMs();
report(`taking a row: ${shallowMs.toFixed(1)} ms of ${CLAIMED} waiting, ${deepMs.toFixed(1)} ms of ${depth}`);

const reserve = (own: PostgresLedger, changes: Partial<IntentEvent>) =>
  own.reserve({ intent: intent(`k${Math.random()}`, changes), same: null, scopes: [] }, () => null);
for (const processes of [1, 4]) {
  const ledgers = Array.from({ length: processes }, open);
  const each = 300;
  const took = await secondsOf(() =>
    Promise.all(
      ledgers.flatMap((own) =>
        [1, 2].map(async () => {
          for (let at = 0; at < each; at++) await reserve(own, {});
        }),
      ),
    ),
  );
  report(
    `reserved with ${processes} processes: ${Math.round((2 * each * processes) / took)} paid submissions a second`,
  );
}
await postgres.stop();
