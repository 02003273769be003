// What the soaks share: a slow simulator with a distinct file for each job, runs of `sora`, kills, and a count of paid jobs and
// saved files.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { ServerCall, ServerReply } from '../src/http-server/handler.ts';
import { systemClock as clock } from '../src/platform/clock.ts';
import { createSimulator, type Simulator } from '../src/simulator/simulator.ts';

const BINARY = join(import.meta.dirname, '../bin/sora.js');
const MOST_LATENCY_MS = 60;

const HEAD = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');

export interface Job {
  readonly id: string;
  readonly prompt: string;
}

export interface Tally {
  /** Jobs with the same prompt as an earlier one. */
  readonly twice: readonly Job[];
  /** Prompts without a job. */
  readonly missing: readonly string[];
  readonly files: number;
  /** Files with the content of a job, each counted once. */
  readonly whole: number;
  /** The counts, for people. */
  readonly lines: readonly string[];
}

/** A simulator whose jobs are finished soon, each with its own file. */
export function startSimulator(stateDir: string): Simulator {
  return createSimulator({ clock, stateDir, randomBytes, speed: 2, render: ({ id }) => clipOf(id) });
}

/** Waits before and after a call is answered, so that kills fall there. */
export async function answerSlowly(simulator: Simulator, call: ServerCall, random: () => number): Promise<ServerReply> {
  await setTimeout(random() * MOST_LATENCY_MS);
  const reply = await simulator.answer(call);
  await setTimeout(random() * MOST_LATENCY_MS);
  return reply;
}

/** Creates a home folder whose profile `soak` is the server at `origin`. */
export function createHome(home: string, origin: string, { hasCompleteList }: { hasCompleteList: boolean }): void {
  const capabilities = hasCompleteList ? { complete_list: 'yes' } : {};
  const profile = { base_url: `${origin}/v1`, key_from_env: 'SOAK_KEY', capabilities };
  mkdirSync(home);
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ profiles: { soak: profile } }), { mode: 0o600 });
}

/** Writes a manifest of distinct prompts, and returns them. */
export function writeManifest(path: string, rows: number): string[] {
  const prompts = Array.from({ length: rows }, (_, at) => `scene ${at}`);
  writeFileSync(path, prompts.join('\n'));
  return prompts;
}

export function startSora(
  argv: readonly string[],
  { cwd, home, env = {} }: { cwd: string; home: string; env?: NodeJS.ProcessEnv },
): ChildProcess {
  const ownEnv = { ...process.env, SORA_HOME: home, SOAK_KEY: 'sk-soak-0123456789', ...env };
  const args = [BINARY, ...argv, '--profile', 'soak'];
  return spawn(process.execPath, args, { cwd, env: ownEnv, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Waits for the end of a process; its messages and exit code. */
export async function finish(child: ChildProcess): Promise<{ readonly said: string; readonly code: number }> {
  const [said, [code]] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'exit')]);
  return { said, code };
}

/** The file of a job, different from that of any other job. */
function clipOf(id: string): Buffer {
  return Buffer.concat([HEAD, Buffer.alloc(200_000, createHash('sha512').update(id).digest())]);
}

/** All jobs of a simulator. */
export async function jobsOf(simulator: Simulator, origin: string): Promise<Job[]> {
  const found: Job[] = [];
  for (let after = ''; ; after = `&after=${found.at(-1)?.id}`) {
    const url = new URL(`${origin}/v1/videos?limit=100${after}`);
    const { body } = await simulator.answer({ method: 'GET', url, headers: {}, body: Buffer.of() });
    const { data, has_more: hasMore } = JSON.parse(String(body)) as { data: Job[]; has_more: boolean };
    found.push(...data);
    if (!hasMore) return found;
  }
}

/** Kills a process after some time. Resolves to whether it was still running. */
export async function killAfter(child: ChildProcess, lifeMs: number): Promise<boolean> {
  const ended = once(child, 'exit');
  await Promise.race([ended, setTimeout(lifeMs)]);
  child.kill('SIGKILL');
  const [, signal] = await ended;
  return signal === 'SIGKILL';
}

export function tallyOf(jobs: readonly Job[], prompts: readonly string[], clips: string): Tally {
  const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const wanted = new Set(jobs.map(({ id }) => hashOf(clipOf(id))));
  const names = readdirSync(clips).filter((name) => !name.startsWith('.')); // a killed process may leave a temporary file
  const hashes = names.map((name) => hashOf(readFileSync(join(clips, name))));
  const twice = jobs.filter(({ prompt }, at) => jobs.findIndex((other) => other.prompt === prompt) !== at);
  const missing = prompts.filter((prompt) => !jobs.some((job) => job.prompt === prompt));
  const whole = new Set(hashes.filter((hash) => wanted.has(hash))).size;
  const lines = [
    `jobs on the server: ${jobs.length} for ${prompts.length} rows; twice: ${twice.length}; missing: ${missing.length}`,
    `files: ${names.length}, whole and one of each job: ${whole}`,
  ];
  return { twice, missing, files: names.length, whole, lines };
}
