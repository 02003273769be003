// What the soaks share: files that tell their jobs apart, kills, and the count of what was paid for and what was saved.
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Simulator } from '../src/simulator/simulator.ts';

const HEAD = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');

export interface Job {
  readonly id: string;
  readonly prompt: string;
}

export interface Tally {
  /** Jobs whose prompt an earlier one has too. */
  readonly twice: readonly Job[];
  /** Prompts without a job. */
  readonly missing: readonly string[];
  readonly files: number;
  /** Files that are those of a job, each counted once. */
  readonly whole: number;
}

/** The bytes of a job, which are no other’s. */
export function clipOf(id: string): Buffer {
  return Buffer.concat([HEAD, Buffer.alloc(200_000, createHash('sha512').update(id).digest())]);
}

/** All jobs of a simulator. */
export async function jobsOf(simulator: Simulator, origin: string): Promise<Job[]> {
  const found: Job[] = [];
  for (let after = ''; ; after = `&after=${found.at(-1)?.id}`) {
    const reply = await simulator.handle(new Request(`${origin}/v1/videos?limit=100${after}`));
    const { data, has_more: hasMore } = JSON.parse(await reply.text()) as { data: Job[]; has_more: boolean };
    found.push(...data);
    if (!hasMore) return found;
  }
}

/** Kills a process after some time. Resolves with whether it still ran. */
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
  return {
    twice: jobs.filter(({ prompt }, at) => jobs.findIndex((other) => other.prompt === prompt) !== at),
    missing: prompts.filter((prompt) => !jobs.some((job) => job.prompt === prompt)),
    files: names.length,
    whole: new Set(hashes.filter((hash) => wanted.has(hash))).size,
  };
}
