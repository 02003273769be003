import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

/** One simulated process. From the moment it is killed, nothing it does reaches the disk, the network or the screen. */
export class Life {
  readonly ended: Promise<void>;
  isOver = false;
  #stepsLeft: number;
  #end: () => void = () => {};

  /** @param steps how many effects it has before it is killed; null when it lives to its end */
  constructor(steps: number | null) {
    this.#stepsLeft = steps ?? Number.POSITIVE_INFINITY;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Counts an effect that is about to happen, and says whether the process lives to see it. */
  step(): boolean {
    if (!this.isOver && this.#stepsLeft-- > 0) return true;
    this.isOver = true;
    this.#end();
    return false;
  }

  kill(): void {
    this.#stepsLeft = 0;
    this.step();
  }

  run<T>(body: () => T): T {
    return lives.run(this, body);
  }
}

const lives = new AsyncLocalStorage<Life>();

/** Resolves when the process around it may go on, and never when it is dead. */
export function survive(): Promise<void> {
  return (lives.getStore()?.step() ?? true) ? Promise.resolve() : new Promise(() => {});
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

const SYNC = ['openSync', 'writeSync', 'renameSync', 'unlinkSync', 'linkSync', 'mkdirSync', 'rmSync', 'copyFileSync'];
const ASYNC = ['open', 'writeFile', 'rename', 'rm', 'unlink', 'link', 'mkdir', 'copyFile'];
const OF_HANDLES = ['write', 'writev', 'truncate', 'writeFile', 'appendFile'];

/** Until the test ends, each call that changes the disk is a step of the process that makes it. */
export async function makeFilesMortal(): Promise<void> {
  const handle = await fs.promises.open(import.meta.filename);
  await handle.close();
  const restores = [
    ...SYNC.map((name) => wrap(fs as never, name, dieHere)),
    ...ASYNC.map((name) => wrap(fs.promises as never, name, hangHere)),
    ...OF_HANDLES.map((name) => wrap(Object.getPrototypeOf(handle), name, hangHere)),
  ];
  syncBuiltinESMExports();
  onTestFinished(() => {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
  });
}

function wrap(owner: Functions, name: string, instead: () => unknown): () => void {
  const original = owner[name];
  if (original === undefined) throw new Error(`node:fs has no ${name}`);
  owner[name] = function (this: unknown, ...args) {
    return (lives.getStore()?.step() ?? true) ? original.apply(this, args) : instead();
  };
  return () => {
    owner[name] = original;
  };
}

/** A synchronous call cannot wait for ever; what its caller does about the error has no effect either. */
function dieHere(): never {
  throw new Error('this process was killed');
}

function hangHere(): Promise<never> {
  return new Promise(() => {});
}
