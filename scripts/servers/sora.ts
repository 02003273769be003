// The built `sora` in its own home folder, with one profile: the server under test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const BINARY = join(import.meta.dirname, '../../bin/sora.js');
/** The timeout of a single command. */
const LIMIT_MS = 180_000;

export interface SoraRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The answer of `--json`; an empty object if there is none. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** The error of `--json`. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly violations?: readonly string[];
    readonly caused_by?: string;
  } | null;
  /** The number of creates that it sent. */
  readonly creates: number;
}

export interface Sora {
  /** Its working folder. */
  readonly cwd: string;
  /** Runs a command with `--json`. */
  run(...argv: readonly string[]): Promise<SoraRun>;
}

export const KEY = 'sk-servers-0123456789';

export function createSora(folder: string): Sora {
  const [home, cwd] = [join(folder, 'home'), join(folder, 'work')];
  mkdirSync(cwd, { recursive: true });
  return {
    cwd,
    async run(...argv) {
      const child = spawn(process.execPath, [BINARY, ...argv, '--json', '--debug'], {
        cwd,
        env: { PATH: process.env.PATH, HOME: home, SORA_HOME: home, LAB_KEY: KEY },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
      });
      const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
      const errors = stderr.split('\n').filter((line) => line.startsWith('{"error":'));
      return {
        code: code ?? 1,
        stdout,
        stderr,
        answer: parse(stdout),
        error: (parse(errors.at(-1) ?? '').error as SoraRun['error']) ?? null,
        creates: stderr.match(/\[debug\] request \{[^\n]*"?method"?: ?"?'?POST/g)?.length ?? 0,
      };
    },
  };
}

function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
