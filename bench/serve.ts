// `npm run bench:serve`: the load that `sora serve` can handle on loopback, for a minute each (`--quick`: ten seconds). `--json`
// prints JSON. Exits with 1 if a goal is missed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { type Row, report } from './goals.ts';

const ROOT = join(import.meta.dirname, '..');
const SECONDS = process.argv.includes('--quick') ? 10 : 60;
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 32;
/** One create and this many status requests, like a client that waits for its video. */
const CREATES_PER_SECOND = 500;
const LOOKS_PER_CREATE = 4;
const SLOW_CLIENTS = 200;
const MEGABYTE = 1_000_000;
const TICKS_PER_SECOND = 100;
const OF_CPU = 'a second of its CPU';
const GROWTH = '× that at the start';

const home = mkdtempSync(join(tmpdir(), 'sora-bench-serve-'));
const server = spawn(process.execPath, [join(ROOT, 'bin/sora.js'), 'serve', '--port', '0', '--json', '--quiet'], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, SORA_HOME: home },
});
/** undici needs less CPU than `node:http`, which leaves more for the server. */
const agent = new Agent({ connections: CONNECTIONS });

try {
  const [announced] = await once(server.stdout, 'data');
  const { base_url: baseUrl }: { base_url: string } = JSON.parse(String(announced));
  const rows = [
    ...(await status(baseUrl)),
    ...(await mixed(baseUrl)),
    ...(await slowClients(baseUrl)),
    ...(await hostile(baseUrl)),
  ];
  report(rows);
} finally {
  await agent.destroy();
  server.kill();
  await once(server, 'close');
  rmSync(home, { recursive: true, force: true });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function call(method: 'GET' | 'POST', url: string, json?: object): Promise<Answer> {
  const { origin, pathname: path } = new URL(url);
  const body = json === undefined ? null : JSON.stringify(json);
  const headers = body === null ? {} : { 'content-type': 'application/json' };
  const reply = await agent.request({ origin, path, method, headers, body });
  return { status: reply.statusCode, body: await reply.body.text() };
}

async function createVideo(baseUrl: string, fields: object = {}): Promise<string> {
  const { status: code, body } = await call('POST', `${baseUrl}/videos`, {
    prompt: 'A paper boat sails into a storm drain',
    ...fields,
  });
  if (code !== 200) throw new Error(`a create was answered with ${code}: ${body}`);
  return JSON.parse(body).id;
}

async function look(baseUrl: string, id: string): Promise<void> {
  const { status: code, body } = await call('GET', `${baseUrl}/videos/${id}`);
  if (code !== 200) throw new Error(`a look was answered with ${code}: ${body}`);
}

interface Rate {
  readonly perSecond: number;
  /** Per second of CPU time of the server's process, whatever else the machine did. */
  readonly perCpuSecond: number;
}

/** Repeats an action over all connections until the time is over. */
async function rateOf(seconds: number, act: () => Promise<unknown>): Promise<Rate> {
  const startedMs = performance.now();
  const startedCpuSeconds = cpuSeconds();
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - startedMs < seconds * 1000) {
      await act();
      done++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return {
    perSecond: (done * 1000) / (performance.now() - startedMs),
    perCpuSecond: done / (cpuSeconds() - startedCpuSeconds),
  };
}

/** Performs an action at a rate per second, over all connections, until the time is over. */
async function pace(perSecond: number, seconds: number, act: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  let begun = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const elapsedMs = performance.now() - startedMs;
      if (elapsedMs >= seconds * 1000) return;
      if (begun * 1000 >= perSecond * elapsedMs) await sleep(1);
      else {
        begun++;
        await act();
      }
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

/** The CPU time of the server's process so far. */
function cpuSeconds(): number {
  const [, facts = ''] = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ');
  const [userTicks = 0, systemTicks = 0] = facts.split(' ').slice(11, 13).map(Number);
  return (userTicks + systemTicks) / TICKS_PER_SECOND;
}

async function status(baseUrl: string): Promise<Row[]> {
  const id = await createVideo(baseUrl);
  await rateOf(WARM_UP_SECONDS, () => look(baseUrl, id));
  const memory = watchMemory();
  const { perSecond, perCpuSecond } = await rateOf(SECONDS, () => look(baseUrl, id));
  return [
    { what: 'status requests', measured: perSecond, unit: 'a second', goal: 2_000, atLeast: true },
    { what: 'status requests', measured: perCpuSecond, unit: OF_CPU, goal: 2_000, atLeast: true },
    { what: 'status requests: memory at the end', measured: memory.stop(), unit: GROWTH, goal: 1.2 },
  ];
}

/** Creates and status requests together, as sent by clients that wait for their videos. */
async function mixed(baseUrl: string): Promise<Row[]> {
  const visit = async (): Promise<void> => {
    const id = await createVideo(baseUrl);
    for (let looks = 0; looks < LOOKS_PER_CREATE; looks++) await look(baseUrl, id);
  };
  await rateOf(WARM_UP_SECONDS, visit);
  const memory = watchMemory();
  await pace(CREATES_PER_SECOND, SECONDS, visit); // each job is kept, so a faster server takes more memory in a minute
  const grown = memory.stop();
  const { perSecond, perCpuSecond } = await rateOf(SECONDS, visit);
  const what = 'creates, with four status requests for each';
  const looksPerSecond = LOOKS_PER_CREATE * perSecond;
  return [
    { what, measured: perSecond, unit: 'a second', goal: CREATES_PER_SECOND, atLeast: true },
    { what: 'these status requests', measured: looksPerSecond, unit: 'a second', goal: 2_000, atLeast: true },
    { what, measured: perCpuSecond, unit: OF_CPU, goal: CREATES_PER_SECOND, atLeast: true },
    {
      what: `${CREATES_PER_SECOND} such creates a second: memory at the end`,
      measured: grown,
      unit: GROWTH,
      goal: 1.2,
    },
  ];
}

/** Clients that request a video and do not read it, beside other clients. */
async function slowClients(baseUrl: string): Promise<Row[]> {
  const id = await createVideo(baseUrl, { model: 'sora-2-pro', seconds: '20', size: '1920x1080' });
  await sleep(4_000);
  const before = residentMegabytes();
  const slow = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => openRaw(baseUrl)));
  for (const socket of slow) {
    socket.pause();
    socket.write(`GET /v1/videos/${id}/content HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  }
  await sleep(2_000); // the video is rendered
  const { perCpuSecond: measured } = await rateOf(Math.min(SECONDS, 10), () => look(baseUrl, id));
  const grown = residentMegabytes() - before;
  for (const socket of slow) socket.destroy();
  const what = `status requests beside ${SLOW_CLIENTS} clients that do not read`;
  return [
    { what, measured, unit: OF_CPU, goal: 2_000, atLeast: true },
    { what: 'these clients: memory', measured: grown, unit: 'MB more', goal: 100 },
  ];
}

/** Many malformed requests at a time; the others must still be answered. */
async function hostile(baseUrl: string): Promise<Row[]> {
  const id = await createVideo(baseUrl);
  const half = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => openRaw(baseUrl)));
  for (const socket of half) socket.write('POST /v1/videos HTTP/1.1\r\nhost: localhost\r\nx-never: ');
  const nonsense = [
    '\0\0\0\0',
    'GET / HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`,
    'GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n',
  ];
  const shout = async (): Promise<void> => {
    for (const line of nonsense) {
      const socket = await openRaw(baseUrl);
      socket.on('data', () => {});
      socket.end(line);
      await once(socket, 'close');
    }
  };
  const large = Buffer.alloc(26 << 20);
  const [{ perSecond: measured }] = await Promise.all([
    rateOf(10, () => look(baseUrl, id)),
    ...Array.from({ length: 25 }, shout),
    upload(baseUrl, large),
    upload(baseUrl, large),
  ]);
  const answers = await Promise.all(half.map((socket) => text(socket)));
  const refused = answers.filter((answer) => answer.startsWith('HTTP/1.1 408 ')).length;
  const what = 'status requests beside malformed, oversized and unfinished requests';
  const ofAll = { unit: `of ${SLOW_CLIENTS}`, goal: SLOW_CLIENTS, atLeast: true } as const;
  return [
    { what, measured, unit: 'a second', goal: 500, atLeast: true },
    { what: 'unfinished requests that were refused in time', measured: refused, ...ofAll },
  ];
}

async function upload(baseUrl: string, bytes: Buffer): Promise<void> {
  const refused = await new Promise<number | undefined>((resolve, reject) => {
    const outgoing = request(
      `${baseUrl}/videos`,
      { method: 'POST', headers: { 'content-length': bytes.length } },
      (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(bytes);
  });
  if (refused !== 413) throw new Error(`an upload that is too large was answered with ${refused}`);
}

async function openRaw(baseUrl: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(baseUrl).port) });
  socket.on('error', () => {}); // a reset is an answer too
  await once(socket, 'connect');
  return socket;
}

/** Memory of the server's process, from /proc on Linux. */
function residentMegabytes(): number {
  const facts = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(facts)?.[1]) * 1024) / MEGABYTE;
}

/** Compares the peaks of the last and the first fifth of the time: the heap of a busy program goes up and down. */
function watchMemory(): { stop(): number } {
  const samples = [residentMegabytes()];
  const timer = setInterval(() => samples.push(residentMegabytes()), 250);
  return {
    stop() {
      clearInterval(timer);
      const fifth = Math.ceil(samples.length / 5);
      const shown = samples.filter((_, at) => at % fifth === 0).map(Math.round);
      process.stderr.write(`memory: ${shown.join(', ')} MB\n`);
      return Math.max(...samples.slice(-fifth)) / Math.max(...samples.slice(0, fifth));
    },
  };
}
