import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { createTemporaryFolder } from './temporary-folder.ts';

export const BINARY = resolve(import.meta.dirname, '../../bin/sora.js');

const SHARED_CODE = resolve(import.meta.dirname, '../../node_modules/.cache/sora/code-of-tests');
mkdirSync(SHARED_CODE, { recursive: true, mode: 0o700 });

export interface BinaryResult {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BinaryRun {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<BinaryResult>;
  /** Resolves when standard error contains a match. */
  says(pattern: RegExp): Promise<void>;
}

export interface Binary {
  readonly cwd: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  start(argv: readonly string[], env?: Readonly<Record<string, string>>): BinaryRun;
}

/**
 * The built program as a process, with its own folders and a fast simulator. Needs `npm run build`. It shares the compile
 * cache with other tests, which halves the time of a short command, unless the test is about that.
 */
export function createBinary({ sharesCode = true } = {}): Binary {
  const folder = createTemporaryFolder();
  const [cwd, home] = [join(folder, 'work'), join(folder, 'home')];
  mkdirSync(cwd);
  if (sharesCode) {
    mkdirSync(home);
    symlinkSync(SHARED_CODE, join(home, 'code'), 'junction');
  }
  const env = {
    PATH: process.env.PATH ?? '',
    SORA_HOME: home,
    SORA_SIMULATOR_SPEED: '50',
  };
  return {
    cwd,
    home,
    env,
    start(argv, extra = {}) {
      const options = { cwd, env: { ...env, ...extra } };
      const child = spawn(process.execPath, [BINARY, ...argv], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      return { child, ended: endOf(child), says: (pattern) => hear(child.stderr, pattern) };
    },
  };
}

async function endOf(child: BinaryRun['child']): Promise<BinaryResult> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code ?? signal, stdout, stderr };
}

function hear(stream: Readable, pattern: RegExp): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (pattern.test(output)) resolve();
    });
    stream.once('end', () => reject(new Error(`did not print ${pattern}: ${output}`)));
  });
}
