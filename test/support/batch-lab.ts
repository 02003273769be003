import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Http } from '../../src/platform/http.ts';
import { renderHere } from '../../src/simulator/asset-cache.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { type CommandLine, createCommandLine, type RunOptions, type RunResult } from './command-line.ts';
import { httpFromHandler, respond } from './request-handler.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface LabCall {
  readonly method: string;
  /** Below the base URL. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The reply of the server. */
  answer(): Promise<Response>;
}

/** What a test does to a call instead of the server; null lets it through. */
export type Interference = (call: LabCall) => Promise<Response> | null;

export interface BatchLab {
  readonly sora: CommandLine;
  /** `sora batch shots.txt` with these arguments, on a paid server that has batches. */
  batch(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs any other command. */
  ask(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The calls that arrived: `POST /batches`. */
  readonly calls: readonly string[];
  /** The forms of the uploads. */
  readonly uploads: readonly string[];
  interfere(how: Interference | null): void;
  /** All prompts and batches that the server has created. */
  made(): Promise<{ readonly prompts: readonly string[]; readonly batches: number }>;
}

/** Never replies: the calling process is as good as killed. */
export function forever(): Promise<Response> {
  return new Promise(() => {});
}

/** A folder with a manifest `shots.txt`, and a server with the Batch API. */
export function createBatchLab(prompts = 'a boat\na cat\na dog\n'): BatchLab {
  const sora = createCommandLine();
  writeFileSync(join(sora.cwd, 'shots.txt'), prompts);
  const simulator = createSimulator({
    stateDir: createTemporaryFolder(),
    clock: sora.clock,
    randomBytes: createSeededRandom(7),
    render: (spec, variant) => renderHere({ ...spec, width: 64, height: 64, seconds: 0.1 }, variant),
  });
  const calls: string[] = [];
  const uploads: string[] = [];
  let interference: Interference | null = null;
  const http: Http = httpFromHandler(async (request) => {
    const { method } = request;
    const { pathname, searchParams: query } = new URL(request.url);
    const path = pathname.replace('/v1', '');
    calls.push(`${method} ${path}`);
    if (path === '/files') uploads.push(await request.clone().text());
    const answer = (): Promise<Response> => respond(simulator, request);
    return (await interference?.({ method, path, query, answer })) ?? answer();
  });
  const env = { SORA_BASE_URL: 'http://lab.example/v1', SORA_API_KEY: 'key-of-the-lab' };
  const ask: BatchLab['ask'] = (argv, options = {}) => sora.run(argv, { http, env, ...options });
  const read = async (path: string): Promise<Record<string, unknown>[]> =>
    Object(await (await respond(simulator, new Request(`http://lab.example/v1${path}`))).json()).data;
  return {
    sora,
    calls,
    uploads,
    interfere(how) {
      interference = how;
    },
    ask,
    batch: (argv, options) => ask(['batch', 'shots.txt', '-m', 'sora-2', '-d', '4', '-r', '720p', ...argv], options),
    async made() {
      const videos = await read('/videos?limit=100');
      return { prompts: videos.map(({ prompt }) => String(prompt)).sort(), batches: (await read('/batches')).length };
    },
  };
}
