/**
 * `npm run soak:hostile [SEED]`: runs the built program 300 times against a server whose replies break clients, chosen by a
 * seed and sometimes cut, and reports the longest time and the largest memory. Each run must end within its deadline, below
 * 300 MB and without a stack trace, and no create may be sent twice.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';
import { hashedRandom } from '../src/simulator/conditions.ts';
import { HOSTILE_REPLIES, type HostileReply, startHostileServer } from '../test/support/hostile-server.ts';

const CALLS = 300;
const PARALLEL = 6;
/** The setting `request_timeout` of the calls. */
const CALL_SECONDS = 1;
/** A command makes a few calls in sequence, with pauses between them. */
const MAX_SECONDS = 30;
/** Replies may have 64 MiB; Node 26 keeps several of them until it collects garbage, Node 20 fewer. */
const MAX_RSS_MB = 512;

const COMMANDS: readonly (readonly string[])[] = [
  ['create', 'a boat', '--yes', '--timeout', '5s'],
  ['status', 'video_1'],
  ['status', 'video_1', '--watch', '--timeout', '3s'],
  ['list'],
  ['download', 'video_1', '-o', 'clip.mp4', '--force'],
  ['cancel', 'video_1'],
  ['delete', 'video_1', '--yes'],
  ['doctor'],
];

interface Result {
  readonly name: string;
  readonly code: number | null;
  readonly seconds: number;
  readonly rssMb: number;
  readonly stderr: string;
  readonly posts: number;
}

/** The same seed makes the same calls. */
const random = hashedRandom(process.argv[2] ?? '1');
function draw(count: number): number {
  return Math.floor(random() * count);
}

/** A reply of any kind, sometimes broken off after a moment. */
function drawReply(): [string, HostileReply] {
  const kinds = Object.entries(HOSTILE_REPLIES);
  const [name, reply] = kinds[draw(kinds.length)] ?? ['silence', () => {}];
  if (draw(4) > 0) return [name, reply];
  const cutMs = draw(50);
  return [
    `${name}, cut after ${cutMs} ms`,
    (socket) => {
      reply(socket);
      setTimeout(() => socket.destroy(), cutMs);
    },
  ];
}

async function call(name: string, argv: readonly string[], reply: HostileReply): Promise<Result> {
  const server = await startHostileServer(() => reply);
  const home = mkdtempSync(join(tmpdir(), 'sora-soak-'));
  const env = {
    PATH: process.env.PATH,
    SORA_HOME: home,
    OPENAI_API_KEY: 'sk-test-0123456789abcdef',
    OPENAI_BASE_URL: server.url,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(REPORT_MEMORY)}`,
  };
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ request_timeout: `${CALL_SECONDS}s` }));
  const startedMs = performance.now();
  const { code, stderr } = await run(argv, env, home);
  const seconds = (performance.now() - startedMs) / 1000;
  server.close();
  rmSync(home, { recursive: true, force: true });
  const rssMb = Number(/maxrss=(\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024;
  const posts = server.requests.filter((request) => request.startsWith('POST')).length;
  return { name: `${argv[0]}: ${name}`, code, seconds, rssMb, stderr, posts };
}

const REPORT_MEMORY = "process.on('exit',()=>process.stderr.write('\\nmaxrss='+process.resourceUsage().maxRSS+'\\n'))";

async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<{ code: number | null; stderr: string }> {
  const program = join(import.meta.dirname, '../bin/sora.js');
  const child = spawn(process.execPath, [program, ...argv], {
    env,
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: MAX_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { code, stderr };
}

function faultsOf({ code, seconds, rssMb, stderr, posts }: Result): string[] {
  return [
    ...(code === null || seconds >= MAX_SECONDS ? ['did not end'] : []),
    ...(rssMb < MAX_RSS_MB ? [] : [`used ${rssMb.toFixed(0)} MB`]),
    ...(/^\s+at .+:\d+:\d+/m.test(stderr) ? ['printed a stack trace'] : []),
    ...(posts > 1 ? [`sent ${posts} creates`] : []),
    ...(code !== null && ![0, 1, 4, 5, 7, 8].includes(code) ? [`ended with code ${code}`] : []),
  ];
}

const orders = Array.from({ length: CALLS }, () => {
  const [name, reply] = drawReply();
  return { name, reply, argv: COMMANDS[draw(COMMANDS.length)] ?? ['list'] };
});
const results = await pLimit(PARALLEL).map(orders, ({ name, argv, reply }) => call(name, argv, reply));
const slowest = results.reduce((a, b) => (b.seconds > a.seconds ? b : a));
const largest = results.reduce((a, b) => (b.rssMb > a.rssMb ? b : a));
const failed = results.filter((result) => faultsOf(result).length > 0);
for (const result of failed)
  process.stdout.write(`${result.name}: ${faultsOf(result).join(', ')}\n${result.stderr.slice(0, 500)}\n`);
process.stdout.write(`${results.length} calls, ${failed.length} failed\n`);
process.stdout.write(`slowest: ${slowest.seconds.toFixed(1)} s (${slowest.name})\n`);
process.stdout.write(`largest: ${largest.rssMb.toFixed(0)} MB (${largest.name})\n`);
process.exitCode = failed.length > 0 ? 1 : 0;
