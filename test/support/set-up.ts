import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunOptions, type RunResult } from './command-line.ts';
import type { FakeClock } from './fake-clock.ts';
import { startVideosServer, type VideosScript, type VideosServer } from './videos-server.ts';

/** A request with a known price: servers other than OpenAI’s get no default length and size. */
export const SORA_2 = ['-m', 'sora-2', '-d', '4', '-r', '720p'] as const;

const KEY = 'sk-lab-0123456789abcdef';

export interface Bench {
  readonly sora: CommandLine;
  readonly server: VideosServer;
  /** Runs `sora` against the server. */
  run(...argv: readonly string[]): Promise<RunResult>;
  runWith(options: RunOptions, ...argv: readonly string[]): Promise<RunResult>;
  /** `sora create` with a fixed prompt, for $0.40 unless `argv` changes it. */
  create(argv?: readonly string[], options?: RunOptions): Promise<RunResult>;
}

export interface BenchOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: FakeClock;
}

/** A command line with a server on loopback and its key in the environment, using real sockets. */
export async function setUp(script: VideosScript = {}, { env, clock }: BenchOptions = {}): Promise<Bench> {
  const sora = createCommandLine({ clock });
  const server = await startVideosServer(script);
  const runWith: Bench['runWith'] = (options, ...argv) =>
    sora.run(argv, {
      http: nodeHttp,
      ...options,
      env: { SORA_BASE_URL: server.url, SORA_API_KEY: KEY, ...env, ...options.env },
    });
  return {
    sora,
    server,
    runWith,
    run: (...argv) => runWith({}, ...argv),
    create: (argv = [], options = {}) =>
      runWith(options, 'create', 'a paper boat', ...(argv.includes('--size') ? SORA_2.slice(0, 4) : SORA_2), ...argv),
  };
}
