// `npm run soak:batch`: kills `sora batch` with SIGKILL at random moments, restarts it each time, and counts what the server
// was paid for and what was saved. `soak-batch.ts [--rows N] [--kills N] [--seed N] [--replicas N]
// [--longest-life-ms N]`. Exits with 1 if anything was paid twice or is missing. Uses the built program; `npm run build` first.
//
// `npm run soak:replicas`: the same behind a load balancer whose replicas know only their own jobs. The list proves nothing
// there, so a row whose create was cut off stays unknown; it must not be paid again.
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
import { createSimulator, type Simulator } from '../src/simulator/simulator.ts';
import { clipOf, type Job, jobsOf, killAfter, tallyOf } from './soak-tally.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200' },
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    replicas: { type: 'string', default: '1' },
    'longest-life-ms': { type: 'string', default: '2300' },
  },
});
const { seed } = values;
const [rows, kills, replicas] = [Number(values.rows), Number(values.kills), Number(values.replicas)];
const BINARY = join(import.meta.dirname, '../bin/sora.js');
/** In parts, so that kills fall into the middle of downloads. */
const CONTENT_PARTS = 4;
const PART_MS = 60;
const MOST_LATENCY_MS = 60;
const SHORTEST_LIFE_MS = 300;
const LONGEST_LIFE_MS = Number(values['longest-life-ms']);

const random = hashedRandom(seed);
const folder = mkdtempSync(join(tmpdir(), 'sora-soak-'));
const [cwd, stateDir, clips, home] = ['work', 'server', 'work/clips', 'home'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
mkdirSync(cwd);
mkdirSync(home);
const prompts = Array.from({ length: rows }, (_, at) => `scene ${at}`);
writeFileSync(join(cwd, 'shots.txt'), prompts.join('\n'));

const simulators = Array.from({ length: replicas }, (_, replica) =>
  createSimulator({
    clock,
    stateDir: join(stateDir, String(replica)),
    randomBytes,
    speed: 2,
    render: ({ id }) => clipOf(id),
  }),
) as [Simulator, ...Simulator[]];
const server = await listen({ ...simulators[0], answer: slowly }, { host: '127.0.0.1', port: 0 });

/** Some time before and after a call is obeyed, so that kills fall there; and files that take a while to come. */
async function slowly(call: ServerCall): Promise<ServerReply> {
  await setTimeout(random() * MOST_LATENCY_MS);
  const simulator = simulators[Math.floor(random() * replicas)] ?? simulators[0];
  const reply = await simulator.answer(call);
  await setTimeout(random() * MOST_LATENCY_MS);
  if (!call.url.pathname.endsWith('/content')) return reply;
  const bytes = new Uint8Array(await new Response(reply.body).arrayBuffer());
  return { ...reply, body: ReadableStream.from(inParts(bytes)) };
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const size = Math.ceil(bytes.length / CONTENT_PARTS);
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await setTimeout(PART_MS);
  }
}

// The list of one simulator is complete, so a create missing from it may be resent.
const profile = {
  base_url: `${server.origin}/v1`,
  key_from_env: 'SOAK_KEY',
  ...(replicas === 1 ? { capabilities: { complete_list: 'yes' } } : {}),
};
writeFileSync(join(home, 'settings.json'), JSON.stringify({ profiles: { soak: profile } }), { mode: 0o600 });

function start(): ChildProcess {
  const argv = ['batch', 'shots.txt', '--profile', 'soak', '-y', '-o', 'clips'];
  const env = { ...process.env, SORA_HOME: home, SOAK_KEY: 'sk-soak-0123456789' };
  return spawn(process.execPath, [BINARY, ...argv], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function jobs(): Promise<Job[]> {
  return (await Promise.all(simulators.map((simulator) => jobsOf(simulator, server.origin)))).flat();
}

const startedMs = clock.now();
let midway = 0;
for (let kill = 0; kill < kills; kill++) {
  const lifeMs = SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
  if (await killAfter(start(), lifeMs)) midway++;
}
const made = (await jobs()).length;
const last = start();
const [said, [code]] = await Promise.all([last.stderr === null ? '' : text(last.stderr), once(last, 'exit')]);

const all = await jobs();
const { twice, missing, files, whole } = tallyOf(all, prompts, clips);
const hasAll = code === 0 && missing.length === 0 && whole === rows;
const isRight = twice.length === 0 && whole === files && (replicas > 1 || hasAll);
process.stdout.write(
  [
    `seed ${seed}, ${replicas} replica(s), Node ${process.versions.node}, ${Math.round((clock.now() - startedMs) / 1000)} s`,
    `${midway} of ${kills} kills came before the end of the run; ${made} of ${rows} jobs were made by then`,
    `last run: exit code ${code}`,
    `jobs on the server: ${all.length} for ${rows} rows; twice: ${twice.length}; missing: ${missing.length}`,
    `files: ${files}, whole and one of each job: ${whole}`,
    said
      .trimEnd()
      .split('\n')
      .find((line) => / rows: /.test(line) && !line.startsWith('plan')) ?? '',
    isRight ? 'nothing paid twice' : `WRONG; see ${folder}\n${said}`,
    '',
  ].join('\n'),
);
await server.close();
if (isRight) rmSync(folder, { recursive: true, force: true });
else process.exitCode = 1;
