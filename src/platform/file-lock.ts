import { closeSync, linkSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { attempt } from './attempt.ts';
import { isTemporaryName, temporaryName } from './crypto.ts';
import { hasCode } from './files.ts';
import { whileHeldSync } from './held-files.ts';
import { readRegular } from './open-input.ts';
import { fateOf, ownProcess, type ProcessIdentity } from './process-identity.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;
/** A lock is held for one write. An older one was left by a process whose state is unknown. */
const STALE_MS = 10_000;

let self: string | undefined;

/** Runs a short action under the lock of a file. See `FileLock`. */
export function withFileLock<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  return new FileLock(path).run(action);
}

/**
 * A lock beside a file that works on every file system: exclusive creation of a name is atomic even where appends are
 * not. A lock whose process has ended is removed.
 */
export class FileLock {
  readonly #lock: string;
  #isReused = false;
  /** A file to link to the lock’s name. */
  #spare: string | undefined;

  constructor(path: string) {
    this.#lock = `${path}.lock`;
  }

  /** Until `discard`, all locks are links to one file: ext4 searches longer for a free number after many removals. */
  reuse(): void {
    this.#isReused = true;
  }

  /** Ends the effect of `reuse`. */
  discard(): void {
    this.#isReused = false;
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) removeIfThere(spare);
  }

  /**
   * Runs a short action under the lock. Throws what the action throws, and the error if the lock file cannot be created.
   * One action at a time.
   */
  async run<T>(action: () => T | Promise<T>): Promise<T> {
    let pauseMs = FIRST_PAUSE_MS;
    let waitedMs = 0;
    let seen = '';
    while (!this.#tryLock()) {
      const holder = readHolder(this.#lock);
      if (holder !== seen) waitedMs = 0; // another process got the lock
      seen = holder;
      if (isAbandoned(holder) || waitedMs >= STALE_MS) {
        removeAbandoned(this.#lock, holder);
        waitedMs = 0;
        continue;
      }
      await setTimeout(pauseMs);
      waitedMs += pauseMs;
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    try {
      return await action();
    } finally {
      removeIfThere(this.#lock);
    }
  }

  #tryLock(): boolean {
    if (!this.#isReused) return succeeds(() => create(this.#lock));
    if (this.#spare === undefined) {
      removeAbandonedSpares(dirname(this.#lock));
      const spare = temporaryName(this.#lock);
      create(spare);
      this.#spare = spare;
    }
    const spare = this.#spare;
    try {
      return succeeds(() => linkSync(spare, this.#lock));
    } catch {
      // Some file systems have no links, and another program may have removed the file.
      this.discard();
      return this.#tryLock();
    }
  }
}

/** Whether an exclusive creation succeeds; false if the name is taken. Throws any other error. */
function succeeds(createName: () => void): boolean {
  try {
    createName();
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    if (hasCode(error, 'EPERM') && process.platform === 'win32') return false; // being removed right now
    throw error;
  }
}

/** Creates a lock file with the name of this process in it. */
function create(lock: string): void {
  const descriptor = openSync(lock, 'wx', 0o600);
  let isWritten = false;
  try {
    self ??= JSON.stringify(ownProcess());
    writeSync(descriptor, self);
    isWritten = true;
  } finally {
    closeSync(descriptor);
    if (!isWritten) removeIfThere(lock); // the disk is full; a lock without an owner would remain
  }
}

/** Removes the spare files of killed processes. */
function removeAbandonedSpares(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (isTemporaryName(name) && isAbandoned(readHolder(path))) removeIfThere(path);
  }
}

/** Renamed first: of two processes that find it, the slower must not remove the faster one's new lock. */
function removeAbandoned(lock: string, holder: string): void {
  const taken = temporaryName(lock);
  try {
    renameSync(lock, taken);
    if (readHolder(taken) !== holder) linkSync(taken, lock);
  } catch {
    // Another process was faster.
  }
  removeIfThere(taken);
}

/** Not `rmSync`, which calls stat first: a batch locks once for each line of its ledger. */
function removeIfThere(path: string): void {
  try {
    whileHeldSync(() => unlinkSync(path));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Empty if the lock is gone or not written yet. */
function readHolder(lock: string): string {
  return attempt(() => readRegular(lock).toString()) ?? '';
}

function isAbandoned(holder: string): boolean {
  return attempt(() => fateOf(JSON.parse(holder) as ProcessIdentity) === 'dead') ?? false;
}
