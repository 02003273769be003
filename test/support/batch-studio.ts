import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandLine, RunOptions, RunResult } from './command-line.ts';
import type { ReceivedRequest, ScriptedReply } from './scripted-server.ts';
import { SORA_2, setUp } from './set-up.ts';
import type { ServedJob, VideosScript, VideosServer } from './videos-server.ts';

export interface Studio {
  readonly sora: CommandLine;
  readonly server: VideosServer;
  /** Runs `sora batch shots.txt`, or another manifest at the start of `argv`. */
  batch(argv?: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** A server, and a folder with a manifest `shots.txt` of these prompts. */
export async function createStudio(script: VideosScript = {}, prompts = 'a boat\na cat\na dog\n'): Promise<Studio> {
  const { sora, server, runWith } = await setUp(script);
  writeFileSync(join(sora.cwd, 'shots.txt'), prompts);
  return {
    sora,
    server,
    batch(argv = [], options = {}) {
      const [manifest = '', ...rest] = argv[0]?.startsWith('shots') ? argv : ['shots.txt', ...argv];
      return runWith(options, 'batch', manifest, '--base-url', server.url, '-y', ...SORA_2, ...rest);
    },
  };
}

export function promptOf({ body }: ReceivedRequest): string {
  return JSON.parse(body.toString()).prompt;
}

/** The lines of `batch --json`. */
export function linesOf({ stdout }: RunResult): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The summary, which `batch --json` prints last. */
export function summaryOf(run: RunResult): Record<string, unknown> {
  return Object(linesOf(run).at(-1)?.summary);
}

export function clipsIn({ cwd }: CommandLine): string[] {
  return readdirSync(cwd).filter((name) => name.endsWith('.mp4'));
}

/** The results file of a manifest. */
export function resultsIn({ cwd }: CommandLine, manifest = 'shots.txt'): Record<string, unknown>[] {
  return readFileSync(join(cwd, `${manifest}.results.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The reply for a job that failed for this reason. */
export function failedReply(job: ServedJob, code: string): ScriptedReply {
  return { body: { ...job, status: 'failed', error: { code, message: 'oh' } } };
}
