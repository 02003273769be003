import { setMaxListeners } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from './clock.ts';
import { pooledRandomBytes } from './crypto.ts';
import { removeUnfinished } from './files.ts';
import { isInForeground } from './foreground.ts';
import { homeDirOf, withLogin } from './home-dir.ts';
import { type Http, nodeHttp } from './http.ts';
import { openFile } from './open-file.ts';
import { ownProcess, type ProcessIdentity } from './process-identity.ts';

export type InputStream = Readable & { readonly isTTY?: boolean };
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };
/** SIGHUP: the terminal was closed. SIGBREAK: Ctrl-Break on Windows. */
export type InterruptName = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGBREAK';

/** The abort reason of `Host.interrupt`. */
export class Interrupt extends Error {
  override readonly name = 'Interrupt';
  readonly signal: InterruptName;
  constructor(signal: InterruptName) {
    super(`received ${signal}`);
    this.signal = signal;
  }
}

/** Everything a run of `sora` takes from outside; tests pass their own. */
export interface Host {
  /** The version of `sora`. */
  readonly version: string;
  /** The absolute folder of the built program and its files. */
  readonly programDir: string;
  /** Arguments after the script's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Null if unknown. */
  readonly homeDir: string | null;
  readonly platform: NodeJS.Platform;
  readonly nodeVersion: string;
  readonly pid: number;
  /** This process, as other processes can identify it. */
  readonly self: ProcessIdentity;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly http: Http;
  readonly clock: Clock;
  /** Cryptographically random bytes: ids and jitter. */
  readonly randomBytes: (size: number) => Uint8Array;
  /** Aborts on the first signal that ends a program, with an `Interrupt` as its reason. */
  readonly interrupt: AbortSignal;
  /** Whether the process is in the foreground of its terminal. */
  readonly isInForeground: () => boolean;
  /** Opens a file in the system's program for its kind. Rejects with the reason if that fails. */
  readonly openFile: (path: string) => Promise<void>;
}

export function nodeHost(version: string, programDir: string): Host {
  process.on('unhandledRejection', ignoreUnusedParser);
  let self: ProcessIdentity | undefined;
  return {
    version,
    programDir,
    argv: process.argv.slice(2),
    env: withLogin(process.env),
    cwd: process.cwd(),
    homeDir: homeDirOf(process.env),
    platform: process.platform,
    nodeVersion: process.versions.node,
    pid: process.pid,
    get self() {
      self ??= ownProcess();
      return self;
    },
    // Getters, because opening a standard stream takes time.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return onStreamError(process.stdout, reportLostOutput);
    },
    get stderr() {
      return onStreamError(process.stderr, ignoreError);
    },
    http: nodeHttp,
    clock: systemClock,
    randomBytes: pooledRandomBytes(),
    interrupt: listenForInterrupts(),
    isInForeground,
    openFile,
  };
}

/** Throws the interrupt that arrived during long work without pauses, in which no signal is seen. */
export async function throwIfInterrupted({ interrupt }: Pick<Host, 'interrupt'>): Promise<void> {
  for (let turns = 0; turns < 2; turns++) await setImmediate(); // the first may come before signals are looked for
  interrupt.throwIfAborted();
}

function onStreamError(stream: NodeJS.WriteStream, handle: (error: NodeJS.ErrnoException) => void): NodeJS.WriteStream {
  if (!stream.listeners('error').includes(handle)) stream.on('error', handle);
  return stream;
}

/** A reader that closed the pipe (`| head`) is not an error; a full disk is reported. */
function reportLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return;
  process.stderr.write(
    `error: could not write the output\n  caused by: ${error.message}\n\nhint: write to another place, or free some space\n`,
  );
  process.exit(1);
}

/**
 * Node 20 and 22 prepare the parser of `fetch` when `Headers` first appears. No call needs it, and it asks for so much address
 * space that it fails under `ulimit -v`.
 */
function ignoreUnusedParser(error: unknown): void {
  if (!(error instanceof RangeError && error.message.startsWith('WebAssembly.'))) throw error;
}

/** Messages that cannot be written are dropped; the work, which may be paid for, continues. */
function ignoreError(): void {}

/** The first signal requests a stop; the second has its default effect. */
function listenForInterrupts(): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // a batch waits for many jobs at once
  const names: InterruptName[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  if (process.platform === 'win32') names.push('SIGBREAK');
  for (const name of names) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        removeUnfinished();
        process.removeAllListeners(name);
        process.kill(process.pid, name);
        // Still here as PID 1, in a container, where the default is to ignore it.
        process.exit(128 + process.getBuiltinModule('node:os').constants.signals[name]);
      }
      controller.abort(new Interrupt(name));
    });
  }
  return controller.signal;
}
