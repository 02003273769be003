import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/platform/clock.ts';
import { ownProcess } from '../../src/platform/process-identity.ts';
import type { FakeClock } from '../support/fake-clock.ts';

/** The fate of one process. */
export interface Fate {
  /** The number of effects (writes, requests, replies, waits) after which it is killed; null for never. */
  readonly killedAfter: number | null;
  /** The share of the write during the kill that reaches the disk, from 0 to 1. */
  readonly torn: number;
  /** The number of writes after which the disk is full; null for never. */
  readonly fullAfter: number | null;
  /** How far its clock is ahead, and after how many effects it is changed. */
  readonly aheadMs: number;
  readonly setAfter: number;
  /** How often others hold a lock when it wants one: attempts for each lock, repeated. */
  readonly lockTurns: readonly number[];
  /** Other processes cannot look up whether it is alive. */
  readonly isElsewhere: boolean;
}

export const QUIET: Fate = {
  killedAfter: null,
  torn: 0,
  fullAfter: null,
  aheadMs: 0,
  setAfter: 0,
  lockTurns: [0],
  isElsewhere: false,
};

/** Above every pid of a real system. */
const FIRST_PID = 1_000_000_000;
/** Thousands of small folders are created and removed faster there. */
const MEMORY_FOLDER = '/dev/shm';
const KILLED = 'this process was killed';

const alive = new Map<number, Life>();
const current = new AsyncLocalStorage<Life>();
let nextPid = FIRST_PID;
/** Whether the process looks dead although it is alive. */
export const looksDead = { all: false };

/** One simulated process. Once it is killed, nothing it does reaches the disk, the network or the screen. */
export class Life {
  readonly pid = nextPid++;
  readonly fate: Fate;
  readonly clock: Clock | null;
  /** Resolves when it is killed. */
  readonly ended: Promise<void>;
  isOver = false;
  readonly locks = new Set<string>();
  readonly parts = new Set<string>();
  /** Files that it has created. */
  readonly own = new Set<string>();
  readonly handles = new Set<FileHandle>();
  readonly descriptors = new Set<number>();
  readonly #abort = new AbortController();
  #steps = 0;
  #stepsLeft: number;
  #writesLeft: number;
  #locks = 0;
  #turnsLost = 0;

  /** Without a clock it waits in real time. */
  constructor(fate: Fate, clock: Clock | null = null) {
    this.fate = fate;
    this.clock = clock;
    this.#stepsLeft = fate.killedAfter ?? Number.POSITIVE_INFINITY;
    this.#writesLeft = fate.fullAfter ?? Number.POSITIVE_INFINITY;
    this.ended = new Promise((resolve) => {
      setMaxListeners(0, this.#abort.signal);
      this.#abort.signal.addEventListener('abort', () => resolve());
    });
    alive.set(this.pid, this);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Counts the next effect, and returns whether the process is still alive for it. */
  step(): boolean {
    this.#steps++;
    if (!this.isOver && this.#stepsLeft-- > 0) return true;
    this.kill();
    return false;
  }

  /** How far its clock is ahead now. */
  get aheadMs(): number {
    return this.#steps >= this.fate.setAfter ? this.fate.aheadMs : 0;
  }

  /** Whether there is room on the disk for another write. */
  hasRoom(): boolean {
    return this.#writesLeft-- > 0;
  }

  /** Whether a lock that it wants is free. */
  wantsLock(): boolean {
    const { lockTurns } = this.fate;
    if (this.#turnsLost++ < (lockTurns[this.#locks % lockTurns.length] ?? 0)) return false;
    this.#locks++;
    this.#turnsLost = 0;
    return true;
  }

  /** Leaves what a killed process leaves behind: locks and partial files with its name, and nothing open. */
  kill(): void {
    if (this.isOver) return;
    this.isOver = true;
    alive.delete(this.pid);
    for (const handle of this.handles) handle.close().catch(() => {});
    for (const descriptor of this.descriptors) originals.closeSync(descriptor);
    for (const lock of this.locks)
      if (fs.existsSync(lock)) originals.writeFileSync(lock, JSON.stringify({ ...ownProcess(), pid: this.pid }));
    for (const part of this.parts)
      if (fs.existsSync(part)) originals.renameSync(part, part.replace(`-${process.pid}-`, `-${this.pid}-`));
    this.#abort.abort();
  }

  run<T>(body: () => T): T {
    return current.run(this, body);
  }
}

/** Resolves when the current process may continue, and never once it is dead. */
export function survive(): Promise<void> {
  return (current.getStore()?.step() ?? true) ? Promise.resolve() : forever();
}

/** The clock as each process reads it; a dead process never wakes. */
export function mortalClock(clock: FakeClock): FakeClock {
  const sleep: Clock['sleep'] = async (ms, signal) => {
    await survive();
    const life = current.getStore();
    const signals = [signal, life?.signal].filter((each) => each !== undefined);
    await clock.sleep(ms, AbortSignal.any(signals)).catch((error: unknown) => {
      if (!life?.isOver) throw error;
    });
    await survive();
  };
  return { ...clock, now: () => clock.now() + (current.getStore()?.aheadMs ?? 0), sleep };
}

/** Asynchronous file system calls in progress: the clock stands still meanwhile, so that a world is reproducible. */
let busy = 0;
export const isDiskBusy = (): boolean => busy > 0;
let queue: Promise<unknown> = Promise.resolve();
const isInQueue = new AsyncLocalStorage<true>();

type Call = (this: unknown, ...args: never[]) => unknown;
type Functions = Record<string, Call>;

const originals = { ...fs };
const CHANGES = ['rename', 'unlink', 'link', 'mkdir', 'rm', 'copyFile', 'chmod'];
const WRITES = ['writeFile', 'appendFile', 'write', 'writev'];
const LOOKS = ['stat', 'lstat', 'readdir', 'readFile', 'access', 'realpath'];
const restores: (() => void)[] = [];

/**
 * Until the test ends, each call that changes the disk is a step of the process that makes it. Asynchronous calls run one
 * after the other, in the order in which they were made.
 */
export async function makeProcessesMortal(): Promise<void> {
  const { TMPDIR } = process.env;
  if (fs.existsSync(MEMORY_FOLDER)) process.env.TMPDIR = MEMORY_FOLDER;
  restores.push(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  const handle = await fs.promises.open(import.meta.filename);
  await handle.close();
  const [sync, promises, handles] = [fs, fs.promises, Object.getPrototypeOf(handle)] as Functions[] as [
    Functions,
    Functions,
    Functions,
  ];
  replace(sync, 'openSync', (open) => openSync(open as typeof fs.openSync));
  replace(sync, 'closeSync', (close) => closeSync(close as typeof fs.closeSync));
  for (const name of ['writeSync', 'writevSync']) replace(sync, name, writes(dieHere));
  for (const name of CHANGES) replace(sync, `${name}Sync`, changes(dieHere));
  replace(sync, 'linkSync', (link) => linkSync(link as typeof fs.linkSync));
  replace(sync, 'unlinkSync', forgetting('locks'));
  replace(sync, 'read', withCallback);
  for (const name of ['open', 'close', 'writev']) replace(sync, name, () => atOnce(sync[`${name}Sync`] as Call));
  // Nothing has to outlive the machine.
  replace(sync, 'fsyncSync', () => () => {});
  replace(sync, 'fdatasync', () => (_: unknown, done: () => void) => queueMicrotask(done));
  replace(promises, 'open', (open) => inTurn(openHandle(open as typeof fs.promises.open)));
  for (const name of [...CHANGES, 'writeFile']) replace(promises, name, (call) => inTurn(changes(forever)(call)));
  for (const name of LOOKS) replace(promises, name, inTurn);
  for (const name of WRITES) replace(handles, name, (call) => inTurn(writes(forever)(call)));
  for (const name of ['stat', 'read', 'chmod', 'truncate', 'sync', 'datasync']) replace(handles, name, inTurn);
  // The waits of the platform itself, for a lock.
  replace(timers as unknown as Functions, 'setTimeout', (wait) => (ms: number) => {
    const life = current.getStore();
    return life?.clock === null || life === undefined ? wait(...([ms] as never[])) : life.clock.sleep(ms);
  });
  replace(process as unknown as Functions, 'kill', (kill) => (pid: number, signal: number) => {
    if (pid < FIRST_PID) return kill.call(process, ...([pid, signal] as never[]));
    if (looksDead.all || !alive.has(pid)) throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    return true;
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    for (const restore of restores.splice(0).reverse()) restore();
    syncBuiltinESMExports();
  });
}

function replace(owner: Functions, name: string, make: (original: Call) => unknown): void {
  const original = owner[name];
  if (original === undefined) throw new Error(`there is no ${name}`);
  owner[name] = make(original) as Call;
  restores.push(() => {
    owner[name] = original;
  });
}

/** A call that changes the disk, or `instead` if its process is dead by then. */
function changes(instead: () => unknown) {
  return (call: Call): Call =>
    function (...args) {
      return (current.getStore()?.step() ?? true) ? call.apply(this, args) : instead();
    };
}

/** The same for a call that writes bytes: some may still reach the disk, and the disk may be full. */
function writes(instead: () => unknown) {
  return (call: Call): Call =>
    function (...args) {
      const life = current.getStore();
      if (life === undefined) return call.apply(this, args);
      if (life.isOver) return instead();
      if (!life.hasRoom())
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
      const at = args.findIndex((arg) => typeof arg !== 'number');
      const torn = start(args[at], life.fate.torn);
      if (life.step()) return call.apply(this, args);
      if (torn !== null && typeof args[0] === 'number') originals.writeSync(args[0], torn);
      return instead();
    };
}

function start(data: unknown, share: number): Uint8Array | null {
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) return null;
  const bytes = Buffer.from(data);
  return bytes.subarray(0, Math.floor(share * bytes.length));
}

function openSync(open: typeof fs.openSync): typeof fs.openSync {
  return (path, flags, mode) => {
    const life = current.getStore();
    const isLock = String(path).endsWith('.lock') && flags === 'wx';
    if (life?.isOver || (flags !== 'r' && life?.step() === false)) return dieHere();
    const descriptor = isLock ? lock(path, () => open(path, flags, mode)) : open(path, flags, mode);
    life?.descriptors.add(descriptor);
    if (flags === 'wx') life?.own.add(String(path));
    if (String(path).endsWith('.part')) life?.parts.add(String(path));
    return descriptor;
  };
}

function linkSync(link: typeof fs.linkSync): typeof fs.linkSync {
  return (from, to) => {
    const isLock = String(to).endsWith('.lock') && current.getStore()?.own.has(String(from));
    return isLock ? lock(to, () => link(from, to)) : link(from, to);
  };
}

function lock<T>(path: fs.PathLike, take: () => T): T {
  const life = current.getStore();
  if (life?.wantsLock() === false) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
  const taken = take();
  life?.locks.add(String(path));
  return taken;
}

function closeSync(close: typeof fs.closeSync): typeof fs.closeSync {
  return (descriptor) => {
    const life = current.getStore();
    if (life?.isOver) return; // already closed
    life?.descriptors.delete(descriptor);
    close(descriptor);
  };
}

function openHandle(open: typeof fs.promises.open): Call {
  return async (...args: Parameters<typeof open>) => {
    const life = current.getStore();
    const [, flags] = args;
    if (flags !== undefined && flags !== 'r' && life?.step() === false) return forever();
    const handle = await open(...args);
    const close = handle.close.bind(handle);
    handle.close = inTurn(close as Call) as typeof close;
    life?.handles.add(handle);
    if (!life?.isOver) return handle;
    await close();
    return forever();
  };
}

function forgetting(kind: 'locks') {
  return (unlink: Call): Call =>
    function (...args) {
      const result = unlink.apply(this, args);
      current.getStore()?.[kind].delete(String(args[0]));
      return result;
    };
}

function inTurn(call: Call): Call {
  return function (...args) {
    if (isInQueue.getStore()) return call.apply(this, args); // a call of Node itself, inside another one
    busy++;
    const result = queue.then(() => isInQueue.run(true, () => call.apply(this, args)));
    const done = (): void => void busy--;
    queue = Promise.race([result, lifeEnds()]).then(done, done);
    return result;
  };
}

function lifeEnds(): Promise<void> {
  return current.getStore()?.ended ?? forever();
}

function withCallback(call: Call): Call {
  return function (...args) {
    busy++;
    const callback = args.at(-1) as unknown as (...results: unknown[]) => void;
    const counted = (...results: unknown[]): void => {
      busy--;
      callback(...results);
    };
    return call.apply(this, [...args.slice(0, -1), counted as never]);
  };
}

/** The asynchronous form of a call, done synchronously: otherwise a process that dies meanwhile would close its files. */
function atOnce(call: Call): Call {
  return (...args) => {
    const done = args.at(-1) as unknown as (error: unknown, result?: unknown) => void;
    try {
      const result = call(...(args.slice(0, -1) as never[]));
      queueMicrotask(() => done(null, result));
    } catch (error) {
      queueMicrotask(() => done(error));
    }
  };
}

/** A synchronous call cannot wait forever; what its caller does about the error has no effect either. */
function dieHere(): never {
  throw new Error(KILLED);
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
