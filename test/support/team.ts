import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunOptions, type RunResult } from './command-line.ts';
import type { Postgres } from './postgres.ts';
import { startVideosServer, type VideosScript, type VideosServer } from './videos-server.ts';

/** Three machines that share a ledger in PostgreSQL, a server and a folder. */
export interface Team {
  readonly server: VideosServer;
  readonly folder: string;
  /** The URL of the ledger. */
  readonly ledger: string;
  /** Runs `sora` on one of the machines. */
  run(machine: number, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs `sora batch --queue` with these rows on the first machine. */
  queue(rows: readonly object[], ...argv: readonly string[]): Promise<RunResult>;
}

export async function createTeam(postgres: Postgres, script: VideosScript = {}): Promise<Team> {
  const server = await startVideosServer(script);
  const machines = [1, 2, 3].map((seed) => createCommandLine({ seed }));
  const folder = join(machines[0]?.cwd ?? '', 'shared');
  mkdirSync(folder);
  const ledger = postgres.createDatabase();
  const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab', SORA_LEDGER: ledger };
  const run: Team['run'] = (machine, argv, options) =>
    machines[machine]?.run(argv, {
      http: nodeHttp,
      env,
      self: { host: `m${machine}` },
      ...options,
    }) as Promise<RunResult>;
  // The clock of a machine runs fast while its worker is idle.
  for (const at of machines.keys()) await run(at, ['config', 'set', 'request_timeout', '24h']);
  for (const at of machines.keys()) await run(at, ['config', 'set', 'timeout', '90h']);
  return {
    server,
    folder,
    ledger,
    run,
    queue(rows, ...argv) {
      writeFileSync(join(folder, 'shots.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
      return run(0, ['batch', join(folder, 'shots.jsonl'), '-o', join(folder, 'clips'), '-y', '--queue', ...argv]);
    },
  };
}
