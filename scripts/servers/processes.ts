// Runs servers as processes on loopback, which end with this one.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';

export interface Started {
  readonly origin: string;
  /** Its output so far. */
  output(): string;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 5_000;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) end(child, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** Starts a command on a free port and waits until it gives any reply to `probe`. */
export async function startServer(
  command: (port: number) => readonly [string, ...string[]],
  { probe = '/', env = {}, cwd }: { probe?: string; env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<Started> {
  const port = await freePort();
  const [name, ...argv] = command(port);
  const child = spawn(name, argv, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed = `${printed}${chunk}`.slice(-100_000);
    });
  }
  const stop = async (): Promise<void> => {
    const hasExited = child.exitCode !== null || child.signalCode !== null;
    const exit = hasExited ? null : once(child, 'exit');
    end(child, 'SIGTERM');
    if (exit !== null && (await Promise.race([exit, setTimeout(STOP_LIMIT_MS, 'late')])) === 'late')
      end(child, 'SIGKILL');
    running.delete(child);
  };
  const origin = `http://127.0.0.1:${port}`;
  const lastMs = Date.now() + START_LIMIT_MS;
  while (!(await answers(`${origin}${probe}`))) {
    const hasExited = child.exitCode !== null || child.signalCode !== null;
    if (hasExited || Date.now() > lastMs) {
      await stop();
      throw new Error(`${name} did not start:\n${printed.slice(-2_000)}`);
    }
    await setTimeout(200);
  }
  return { origin, output: () => printed, stop };
}

/** Signals a whole group of processes: some servers are scripts that start another process. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await reply.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Listens on any free port of loopback, and returns the port. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // a server on TCP has no other kind of address
}
