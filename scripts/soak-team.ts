// `npm run soak:team`: several workers on one queue, each with its own home, killed with SIGKILL at random moments, while
// the database may crash too. Counts what the server was paid for and what was saved. `soak-team.ts [--rows N] [--workers N]
// [--kills N] [--crashes N] [--seed N]`. Exits with 1 if anything was paid twice or is missing. Needs PostgreSQL; `npm run build` first.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServerCall, ServerReply } from '../src/http-server/handler.ts';
import { listen } from '../src/http-server/server.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { hashedRandom } from '../src/simulator/conditions.ts';
import { createSimulator } from '../src/simulator/simulator.ts';
import { POSTGRES_BIN, startPostgres } from '../test/support/postgres.ts';
import { clipOf, jobsOf, killAfter, tallyOf } from './soak-tally.ts';

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
const BINARY = join(import.meta.dirname, '../bin/sora.js');
const MOST_LATENCY_MS = 60;
const [SHORTEST_LIFE_MS, LONGEST_LIFE_MS] = [800, 2_500];

if (POSTGRES_BIN === undefined) throw new Error('PostgreSQL is not installed');
const random = hashedRandom(values.seed);
const folder = mkdtempSync(join(tmpdir(), 'sora-soak-'));
const clips = join(folder, 'clips');
mkdirSync(clips);
const postgres = await startPostgres({ isDurable: true });
const ledger = postgres.createDatabase();
const simulator = createSimulator({
  clock,
  stateDir: join(folder, 'server'),
  randomBytes,
  speed: 2,
  render: ({ id }) => clipOf(id),
});
const server = await listen({ ...simulator, answer: slowly }, { host: '127.0.0.1', port: 0 });

async function slowly(call: ServerCall): Promise<ServerReply> {
  await setTimeout(random() * MOST_LATENCY_MS);
  const reply = await simulator.answer(call);
  await setTimeout(random() * MOST_LATENCY_MS);
  return reply;
}

const profile = {
  base_url: `${server.origin}/v1`,
  key_from_env: 'SOAK_KEY',
  capabilities: { complete_list: 'yes' },
};
for (let machine = 0; machine < workers; machine++) {
  const home = join(folder, `home-${machine}`);
  mkdirSync(home);
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ profiles: { soak: profile } }), { mode: 0o600 });
}
const prompts = Array.from({ length: rows }, (_, at) => `scene ${at}`);
writeFileSync(join(folder, 'shots.txt'), prompts.join('\n'));

function start(machine: number, ...argv: readonly string[]): ChildProcess {
  const env = {
    ...process.env,
    SORA_HOME: join(folder, `home-${machine}`),
    SOAK_KEY: 'sk-soak-0123456789',
    SORA_LEDGER: ledger,
  };
  const args = [BINARY, ...argv, '--profile', 'soak'];
  return spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function finish(child: ChildProcess): Promise<{ readonly said: string; readonly code: number }> {
  const [said, [code]] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'exit')]);
  return { said, code };
}

const startedMs = clock.now();
const queued = await finish(start(0, 'batch', 'shots.txt', '-y', '-o', clips, '--queue', '--detach'));
process.stdout.write(queued.said);
let [killsLeft, midway] = [kills, 0];

/** A machine whose worker is killed and started again, until the kills are used up; then it works through the rest. */
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
    if (last.code === 0 || tries > 20) return last; // it may have started while the database was away
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

const all = await jobsOf(simulator, server.origin);
const { twice, missing, files, whole } = tallyOf(all, prompts, clips);
const failed = await finish(start(0, 'queue', 'failed'));
const isRight = twice.length === 0 && missing.length === 0 && whole === rows && files === rows;
process.stdout.write(
  [
    `seed ${values.seed}, ${workers} workers, Node ${process.versions.node}, ${Math.round((clock.now() - startedMs) / 1000)} s`,
    `${midway} of ${kills} kills came while a worker ran; the database crashed ${crashed} times`,
    `exit codes: ${ends.map(({ code }) => code).join(', ')}`,
    `jobs on the server: ${all.length} for ${rows} rows; twice: ${twice.length}; missing: ${missing.length}`,
    `files: ${files}, whole and one of each job: ${whole}`,
    isRight ? 'nothing paid twice' : `WRONG; see ${folder}\n${ends.map(({ said }) => said).join('\n')}\n${failed.said}`,
    '',
  ].join('\n'),
);
await server.close();
await postgres.stop();
if (isRight) rmSync(folder, { recursive: true, force: true });
else process.exitCode = 1;
