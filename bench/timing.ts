import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');

/** Node 20 reads all certificates of `NODE_EXTRA_CA_CERTS` at each start, which would improve every ratio to it. */
const ENV = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };

/** Starts `bench/server.ts` in its own process. */
export async function startServer(...options: readonly string[]): Promise<{ readonly baseUrl: string; stop(): void }> {
  const server = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'bench/server.ts'), ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(server.stdout, 'data');
  return { baseUrl: String(line).trim(), stop: () => void server.kill() };
}

export interface Command {
  readonly name: string;
  readonly file: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command and discards its output; returns milliseconds of wall time. Throws if it fails. */
export function timeProcess({ name, file, argv, env = {} }: Command): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedNs = process.hrtime.bigint();
    const child = spawn(file, argv, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...ENV, ...env } });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Number(process.hrtime.bigint() - startedNs) / 1e6);
      else reject(new Error(`${name} ended with ${code}: ${errors}`));
    });
  });
}

/** Times commands in turn (A B C A B C …), so that a change of the machine affects all; the runs of each, in order. */
export async function timeInTurn(commands: readonly Command[], rounds: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(commands.map(({ name }) => [name, []]));
  for (const command of commands) await timeProcess(command); // warms the caches, not counted
  for (let round = 0; round < rounds; round++) {
    for (const command of commands) times.get(command.name)?.push(await timeProcess(command));
  }
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median of the ratios of consecutive runs. */
export function ratio(times: ReadonlyMap<string, readonly number[]>, name: string, base: string): number {
  const bases = times.get(base) ?? [];
  return median((times.get(name) ?? []).map((time, at) => time / (bases[at] ?? Number.NaN)));
}

const REPORT_PEAK = `data:text/javascript,${encodeURIComponent(
  'process.on("exit", () => process.stderr.write("peak " + process.resourceUsage().maxRSS))',
)}`;

export interface Measured {
  readonly ms: number;
  /** The maximum resident memory, as the process itself reports it at its end. */
  readonly peakMegabytes: number;
}

/** Runs a Node command once. */
export function measureProcess({ name, file, argv, env = {} }: Command): Measured {
  const startedNs = process.hrtime.bigint();
  const { status, stderr } = spawnSync(file, ['--import', REPORT_PEAK, ...argv], {
    encoding: 'utf8',
    env: { ...ENV, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 1 << 30,
  });
  const ms = Number(process.hrtime.bigint() - startedNs) / 1e6;
  const [, kibibytes] = /peak (\d+)/.exec(stderr) ?? [];
  if (status !== 0 || kibibytes === undefined) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return { ms, peakMegabytes: (Number(kibibytes) * 1024) / 1e6 };
}
