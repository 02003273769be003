import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Host, InputStream, OutputStream } from '../../src/platform/host.ts';
import type { Http } from '../../src/platform/http.ts';
import { ownProcess, type ProcessIdentity } from '../../src/platform/process-identity.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface RunOptions {
  /** Added to SORA_HOME, which `undefined` removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Standard input; empty and not a terminal by default. */
  readonly stdin?: string | PassThrough;
  /** Handles requests that are not for the simulator; by default they fail the test. */
  readonly http?: Http;
  readonly interrupt?: AbortSignal;
  /** The system's player; none by default. */
  readonly openFile?: Host['openFile'];
  readonly stdoutIsTerminal?: boolean;
  readonly columns?: number;
  /** The identity of the process; each run has a new one by default. */
  readonly self?: Partial<ProcessIdentity>;
  /** Called with everything written to standard output and standard error. */
  readonly onOutput?: (text: string) => void;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface CommandLine {
  readonly cwd: string;
  /** SORA_HOME. */
  readonly home: string;
  readonly clock: FakeClock;
  /** Runs `sora` with these arguments; runs share the folders and the clock, like processes on one machine. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Replaces ids, ports and folders in the output of a run by names, for snapshots. */
  plain(text: string): string;
}

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const OWN_PROCESS = ownProcess();
const { runCli, Interrupt } =
  process.env.SORA_TESTED === 'built' ? loadBuiltProgram() : await import('../../src/sora.ts');

/** The reason of an abort in `RunOptions.interrupt`. */
export { Interrupt };

/** The shipped program, loaded like in `bin/sora.js`. */
function loadBuiltProgram(): typeof import('../../src/sora.ts') {
  const { loadProgram }: typeof import('../../src/launch.ts') = createRequire(import.meta.url)(join(DIST, 'launch.js'));
  return loadProgram({ ...process, env: { SORA_HOME: join(ROOT, 'node_modules/.cache/sora') } });
}

/** `sora` in this process, with its own folders, a clock that advances only during sleeps, and no network. */
export function createCommandLine({
  clock = createFakeClock(),
  seed,
}: {
  readonly clock?: FakeClock | undefined;
  /** The seed of its random bytes. */
  readonly seed?: number;
} = {}): CommandLine {
  const folder = createTemporaryFolder();
  const [cwd, home] = [join(folder, 'work'), join(folder, 'home')];
  mkdirSync(cwd);
  const randomBytes = createSeededRandom(seed);
  let runs = 0;
  return {
    cwd,
    home,
    clock,
    async run(argv, options = {}) {
      const { pid = 1_000_000_000 + runs++ } = options.self ?? {};
      const stdout = collect(options.stdoutIsTerminal ?? false, options.columns ?? 80, options.onOutput);
      const stderr = collect(false, 80, options.onOutput);
      const stdin: InputStream =
        options.stdin instanceof PassThrough ? options.stdin : new PassThrough().end(options.stdin);
      const host: Host = {
        version: '0.0.0-test',
        programDir: DIST,
        argv,
        env: defined({ SORA_HOME: home, ...options.env }),
        cwd,
        homeDir: folder,
        platform: process.platform,
        nodeVersion: process.versions.node,
        pid,
        self: { ...OWN_PROCESS, ...options.self, pid },
        stdin,
        stdout: stdout.stream,
        stderr: stderr.stream,
        http: options.http ?? refuseNetwork,
        clock,
        randomBytes,
        interrupt: options.interrupt ?? new AbortController().signal,
        isInForeground: () => true,
        openFile: options.openFile ?? refuseToOpen,
      };
      const code = await runCli(host);
      const [out, err] = [stdout.text(), stderr.text()];
      return { code, stdout: out, stderr: err, json: () => JSON.parse(out) };
    },
    plain: (text) =>
      text
        .replaceAll(folder, '')
        .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
        .replace(/\b(video|sub|req)_\w{8,}/g, '$1_ID')
        .replace(/-[0-9a-f]{8}\.(mp4|webp|jpg)/g, '-ID.$1'),
  };
}

const refuseNetwork: Http = async ({ method, url }) => {
  throw new Error(`the test has no network: ${method} ${url}`);
};

const refuseToOpen: Host['openFile'] = async () => {
  throw new Error('there is no display');
};

function collect(
  isTTY: boolean,
  columns: number,
  onOutput?: RunOptions['onOutput'],
): { stream: OutputStream; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    onOutput?.(chunk.toString('utf8'));
  });
  return { stream: Object.assign(stream, { isTTY, columns }), text: () => Buffer.concat(chunks).toString('utf8') };
}

function defined(env: Host['env']): Host['env'] {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}
