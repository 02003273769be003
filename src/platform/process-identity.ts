import { readFileSync, readlinkSync } from 'node:fs';
import { attempt } from './attempt.ts';
import { hasCode } from './files.ts';

/** One run of a program on one machine. A bare pid may be another host's, another container's, or a later process's. */
export interface ProcessIdentity {
  readonly host: string;
  /** This boot of the machine and the PID namespace; null if the system does not report them. */
  readonly boot: string | null;
  readonly pid: number;
  /** When the process started, in ticks since the boot; null if the system does not report it. */
  readonly started: string | null;
}

/** `unknown`: this process cannot see whether it runs. */
export type ProcessFate = 'alive' | 'dead' | 'unknown';

export function ownProcess(): ProcessIdentity {
  const { pid } = process;
  return { host: hostName(), boot: bootName(), pid, started: readStat('self')?.started ?? null };
}

/** Whether a process still runs. One that cannot be looked up is `unknown`, never dead. */
export function fateOf({ host, boot, pid, started }: ProcessIdentity): ProcessFate {
  if (host !== hostName() || boot !== bootName()) return 'unknown';
  if (!isProcessAlive(pid)) return 'dead';
  const found = hasOwnProc() ? readStat(String(pid)) : undefined;
  if (found === undefined) return 'alive';
  return found.isEnded || (started !== null && started !== found.started) ? 'dead' : 'alive';
}

/** Whether both belong to the same boot of one machine, so that their uptimes compare. */
export function isSameBoot(a: Pick<ProcessIdentity, 'host' | 'boot'>, b: typeof a): boolean {
  return a.host === b.host && a.boot === b.boot;
}

/** Whether any process of this PID namespace has this id. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

let host: string | undefined;
let boot: string | null | undefined;

/** Cached: a process that waits for another one needs it four times a second. */
function hostName(): string {
  // `node:os` has it on every system, but is slow to load.
  host ??= readText('/proc/sys/kernel/hostname') ?? process.getBuiltinModule('node:os').hostname();
  return host;
}

function bootName(): string | null {
  if (boot === undefined) boot = readBootName();
  return boot;
}

function readBootName(): string | null {
  const id = readText('/proc/sys/kernel/random/boot_id');
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return id === undefined || namespace === undefined ? null : `${id} ${namespace}`;
}

/** In a PID namespace without its own /proc, the numbers there belong to another namespace. */
function hasOwnProc(): boolean {
  return attempt(() => readlinkSync('/proc/self')) === String(process.pid);
}

/** Reads /proc/PID/stat: the name in parentheses may contain anything; the state follows it, the start 19 fields later. */
function readStat(pid: string): { readonly started: string; readonly isEnded: boolean } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const [state = '', ...fields] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const started = fields[18];
  return started === undefined ? undefined : { started, isEnded: state === 'Z' || state === 'X' };
}

/** Undefined on another system, and where a sandbox hides it. */
function readText(path: string): string | undefined {
  return attempt(() => readFileSync(path, 'utf8').trim());
}
