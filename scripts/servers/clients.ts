// Third-party clients against `sora serve`: each is a script that makes every call and prints the outcome.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { npmEnvironment, pythonEnvironment } from './environments.ts';
import { createPng } from './frame.ts';
import type { Measured } from './results.ts';
import { startUpstream } from './upstream.ts';

export interface ForeignClient {
  readonly name: string;
  readonly version: string;
  /** Installs it and makes its calls. Throws `Unavailable` if it cannot be installed. */
  measure(folder: string): Promise<Measured['results']>;
}

const LIMIT_MS = 180_000;
const CLIENTS = join(import.meta.dirname, 'clients');

function foreignClient(
  name: string,
  version: string,
  command: () => Promise<readonly [string, ...string[]]>,
): ForeignClient {
  return {
    name,
    version,
    async measure(folder) {
      const [program, ...argv] = await command();
      const image = join(folder, 'frame.png');
      writeFileSync(image, createPng(1280, 720));
      const server = await startUpstream(join(folder, 'server'));
      try {
        return await callsOf(program, [...argv, server.baseUrl, image]);
      } finally {
        await server.stop();
      }
    },
  };
}

async function callsOf(program: string, argv: readonly string[]): Promise<Measured['results']> {
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr.slice(-1_000)}`);
  const calls: { call: string; ok: boolean; reason?: string }[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return Object.fromEntries(
    calls.map(({ call, ok, reason }) => [call, ok ? { outcome: 'ok' } : { outcome: 'wrong', reason: reason ?? '' }]),
  );
}

export const FOREIGN_CLIENTS: readonly ForeignClient[] = [
  foreignClient('openai for Python', '3.57.0', async () => [
    await pythonEnvironment('openai'),
    join(CLIENTS, 'openai-python.py'),
  ]),
  foreignClient('openai for Node', '7.57.0', async () => [
    process.execPath,
    join(CLIENTS, 'openai-node.mjs'),
    join(await npmEnvironment(), 'package.json'),
  ]),
];
