import { execFile } from 'node:child_process';
import { hasCode } from './files.ts';

const MAX_OUTPUT_BYTES = 64 << 20;
const PATIENCE_MS = 60_000;

/** Why a program could not be used. */
export class ProgramFailure extends Error {
  readonly isMissing: boolean;
  constructor(message: string, isMissing: boolean) {
    super(message);
    this.isMissing = isMissing;
  }
}

export interface ProgramLimits {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/**
 * Runs a program without a shell, for at most a minute unless more is given, and returns what it wrote to standard output. Rejects with a
 * `ProgramFailure`, or with the signal's reason.
 */
export function runProgram(
  command: string,
  args: readonly string[],
  { env, signal, timeoutMs = PATIENCE_MS }: ProgramLimits,
): Promise<Uint8Array> {
  const options = { env, signal, encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES, timeout: timeoutMs } as const;
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (signal.aborted) return reject(signal.reason);
      if (hasCode(error, 'ENOENT')) return reject(new ProgramFailure(`\`${command}\` is not installed`, true));
      const reason = stderr.toString().trim().split('\n').at(-1) || error.message;
      reject(new ProgramFailure(`\`${command}\` failed: ${reason}`, false));
    });
  });
}
