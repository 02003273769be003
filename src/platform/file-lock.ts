import { closeSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { temporaryName } from './crypto.ts';
import { hasCode } from './files.ts';
import { fateOf, ownProcess, type ProcessIdentity } from './process-identity.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;
/** A lock is held for one write. One that stays longer was left by a process whose state is unknown. */
const STALE_MS = 10_000;

let self: string | undefined;

/**
 * Runs a short action under a lock that works on every file system: exclusive creation of a file is
 * atomic even where appends are not. A lock whose process has ended is removed. Throws what the action throws,
 * and the error if the lock file cannot be created.
 */
export async function withFileLock<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  let pauseMs = FIRST_PAUSE_MS;
  let waitedMs = 0;
  let seen = '';
  while (!tryLock(lock)) {
    const holder = readHolder(lock);
    if (holder !== seen) waitedMs = 0; // another process got the lock
    seen = holder;
    if (isLeft(holder) || waitedMs >= STALE_MS) {
      removeLeft(lock, holder);
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
    removeLock(lock);
  }
}

function tryLock(lock: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(lock, 'wx', 0o600);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    if (hasCode(error, 'EPERM') && process.platform === 'win32') return false; // being removed right now
    throw error;
  }
  let isWritten = false;
  try {
    self ??= JSON.stringify(ownProcess());
    writeSync(descriptor, self);
    isWritten = true;
  } finally {
    closeSync(descriptor);
    if (!isWritten) removeLock(lock); // the disk is full, and a lock without owner would stay
  }
  return true;
}

/** Renamed first: of two processes that find it, the slower must not remove the faster one's new lock. */
function removeLeft(lock: string, holder: string): void {
  const taken = temporaryName(lock);
  try {
    renameSync(lock, taken);
    if (readHolder(taken) !== holder) linkSync(taken, lock);
  } catch {
    // Another process was faster.
  }
  removeLock(taken);
}

/** Not `rmSync`, which calls stat first: a batch locks once for each line of its ledger. */
function removeLock(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Empty if the lock is gone or not written yet. */
function readHolder(lock: string): string {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return '';
  }
}

function isLeft(holder: string): boolean {
  try {
    return fateOf(JSON.parse(holder) as ProcessIdentity) === 'dead'; // only this function's own process writes it
  } catch {
    return false;
  }
}
