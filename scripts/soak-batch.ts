// `npm run soak:batch`: kills `sora batch` with SIGKILL at random moments, restarts it each time, and counts paid jobs and
// saved files. `soak-batch.ts [--rows N] [--kills N] [--seed N] [--replicas N] [--longest-life-ms N]`. Exits with 1 if
// anything was paid twice or is missing. Uses the built program; `npm run build` first.
//
// `npm run soak:replicas`: the same behind a load balancer whose replicas know only their own jobs. The list proves nothing
// there, so a row whose create was cut off stays unknown; it must not be paid again.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServerCall, ServerReply } from '../src/http-server/handler.ts';
import { listen } from '../src/http-server/server.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { hashedRandom } from '../src/simulator/conditions.ts';
import type { Simulator } from '../src/simulator/simulator.ts';
import {
  answerSlowly,
  createHome,
  finish,
  type Job,
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
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    replicas: { type: 'string', default: '1' },
    'longest-life-ms': { type: 'string', default: '2300' },
  },
});
const { seed } = values;
const [rows, kills, replicas] = [Number(values.rows), Number(values.kills), Number(values.replicas)];
/** In parts, so that kills fall into the middle of downloads. */
const CONTENT_PARTS = 4;
const PART_MS = 60;
const SHORTEST_LIFE_MS = 300;
const LONGEST_LIFE_MS = Number(values['longest-life-ms']);

const random = hashedRandom(seed);
const folder = mkdtempSync(join(tmpdir(), 'sora-soak-'));
const [cwd, home] = [join(folder, 'work'), join(folder, 'home')];
mkdirSync(cwd);
const prompts = writeManifest(join(cwd, 'shots.txt'), rows);
const simulators = Array.from({ length: replicas }, (_, replica) =>
  startSimulator(join(folder, 'server', String(replica))),
) as [Simulator, ...Simulator[]];
const server = await listen({ ...simulators[0], answer: slowly }, { host: '127.0.0.1', port: 0 });

/** A replica answers slowly, and files take a while to arrive. */
async function slowly(call: ServerCall): Promise<ServerReply> {
  const reply = await answerSlowly(simulators[Math.floor(random() * replicas)] ?? simulators[0], call, random);
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
createHome(home, server.origin, { hasCompleteList: replicas === 1 });

function start(): ChildProcess {
  return startSora(['batch', 'shots.txt', '-y', '-o', 'clips'], { cwd, home });
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
const { said, code } = await finish(start());

const { twice, missing, files, whole, lines } = tallyOf(await jobs(), prompts, join(cwd, 'clips'));
const hasAll = code === 0 && missing.length === 0 && whole === rows;
const isRight = twice.length === 0 && whole === files && (replicas > 1 || hasAll);
process.stdout.write(
  [
    `seed ${seed}, ${replicas} replica(s), Node ${process.versions.node}, ${Math.round((clock.now() - startedMs) / 1000)} s`,
    `${midway} of ${kills} kills came before the end of the run; ${made} of ${rows} jobs existed by then`,
    `last run: exit code ${code}`,
    ...lines,
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
