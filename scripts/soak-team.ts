// `npm run soak:team`: several workers on one queue, each with its own home, killed with SIGKILL at random moments, while the
// database may crash too. Counts paid jobs and saved files. `soak-team.ts [--rows N] [--workers N] [--kills N] [--crashes N]
// [--seed N]`. Exits with 1 if anything was paid twice or is missing. Needs PostgreSQL; `npm run build` first.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { listen } from '../src/http-server/server.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { hashedRandom } from '../src/simulator/conditions.ts';
import { POSTGRES_BIN, startPostgres } from '../test/support/postgres.ts';
import {
  answerSlowly,
  createHome,
  finish,
  jobsOf,
  killAfter,
  startSimulator,
  startSora,
  tallyOf,
  writeManifest,
} from './soak-tally.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200' },
    workers: { type: 'string', default: '4' },
    kills: { type: 'string', default: '40' },
    crashes: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [rows, workers, kills, crashes] = [values.rows, values.workers, values.kills, values.crashes].map(Number) as [
  number,
  number,
  number,
  number,
];
const [SHORTEST_LIFE_MS, LONGEST_LIFE_MS] = [800, 2_500];

if (POSTGRES_BIN === undefined) throw new Error('PostgreSQL is not installed');
const random = hashedRandom(values.seed);
const folder = mkdtempSync(join(tmpdir(), 'sora-soak-'));
const clips = join(folder, 'clips');
mkdirSync(clips);
const postgres = await startPostgres({ isDurable: true });
const ledger = postgres.createDatabase();
const simulator = startSimulator(join(folder, 'server'));
const server = await listen(
  { ...simulator, answer: (call) => answerSlowly(simulator, call, random) },
  { host: '127.0.0.1', port: 0 },
);
const homeOf = (machine: number): string => join(folder, `home-${machine}`);
for (let machine = 0; machine < workers; machine++) {
  createHome(homeOf(machine), server.origin, { hasCompleteList: true });
}
const prompts = writeManifest(join(folder, 'shots.txt'), rows);

function start(machine: number, ...argv: readonly string[]): ChildProcess {
  return startSora(argv, { cwd: folder, home: homeOf(machine), env: { SORA_LEDGER: ledger } });
}

const startedMs = clock.now();
const queued = await finish(start(0, 'batch', 'shots.txt', '-y', '-o', clips, '--queue', '--detach'));
process.stdout.write(queued.said);
let [killsLeft, midway] = [kills, 0];

/** Kills and restarts a machine's worker until no kills are left; then the worker finishes the queue. */
async function runMachine(machine: number): Promise<{ readonly said: string; readonly code: number }> {
  while (killsLeft > 0) {
    killsLeft--;
    const child = start(machine, 'worker', '--drain', '--concurrency', '4');
    child.stderr?.resume();
    const lifeMs = SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
    if (await killAfter(child, lifeMs)) midway++;
  }
  for (let tries = 0; ; tries++) {
    const last = await finish(start(machine, 'worker', '--drain', '--concurrency', '4'));
    if (last.code === 0 || tries > 20) return last; // it may have started while the database was down
    await setTimeout(500);
  }
}

let isRunning = true;
async function crashDatabase(): Promise<number> {
  let done = 0;
  for (; done < crashes && isRunning; done++) {
    await setTimeout(1_500 + random() * 1_500);
    await postgres.kill();
    await setTimeout(500 + random() * 1_000);
    await postgres.start();
  }
  return done;
}

const crashing = crashDatabase();
const ends = await Promise.all(Array.from({ length: workers }, (_, machine) => runMachine(machine)));
isRunning = false;
const crashed = await crashing;

const { twice, missing, files, whole, lines } = tallyOf(await jobsOf(simulator, server.origin), prompts, clips);
const failed = await finish(start(0, 'queue', 'failed'));
const isRight = twice.length === 0 && missing.length === 0 && whole === rows && files === rows;
process.stdout.write(
  [
    `seed ${values.seed}, ${workers} workers, Node ${process.versions.node}, ${Math.round((clock.now() - startedMs) / 1000)} s`,
    `${midway} of ${kills} kills came while a worker was running; the database crashed ${crashed} times`,
    `exit codes: ${ends.map(({ code }) => code).join(', ')}`,
    ...lines,
    isRight ? 'nothing paid twice' : `WRONG; see ${folder}\n${ends.map(({ said }) => said).join('\n')}\n${failed.said}`,
    '',
  ].join('\n'),
);
await server.close();
await postgres.stop();
if (isRight) rmSync(folder, { recursive: true, force: true });
else process.exitCode = 1;
