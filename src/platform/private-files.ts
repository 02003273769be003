import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { attempt } from './attempt.ts';
import { isTemporaryName, randomHex } from './crypto.ts';
import { makeFolder } from './folders.ts';
import { whileHeldSync } from './held-files.ts';
import { isProcessAlive } from './process-identity.ts';

/** Temporary files that other users cannot guess, read or plant; see docs/adr/0025. */

export interface PrivateFile {
  readonly path: string;
  /** Open for reading and writing. */
  readonly descriptor: number;
}

const CHECK = 'check';
/** Checks and small files never take that long. */
const LEFTOVER_MS = 3_600_000;
/** About a record of the ledger. */
const PROBE_BYTES = 4096;
/** Allowed on every file system. */
const PLAIN_NAME = /^[\w.-]{0,99}\w$/;

const openDescriptor = promisify(open);

/** Paths of the files that this process still uses. */
const inUse = new Set<string>();

/** Creates one in a folder. `tag` (letters and digits) identifies its purpose. Throws the file system's own error. */
export async function createPrivateFile(folder: string, tag: string): Promise<PrivateFile> {
  const path = newPath(folder, tag);
  const descriptor = await openDescriptor(path, 'wx+', 0o600); // never through a link, never over another file
  inUse.add(path);
  return { path, descriptor };
}

/**
 * Opens a file for appending, and puts some bytes on the disk beside it, which are removed again: a full disk refuses only
 * those. Throws the file system's own error.
 */
export function tryToWrite(path: string): void {
  const folder = dirname(path);
  makeFolder(folder, 0o700);
  closeSync(whileHeldSync(() => openSync(path, 'a', 0o600)));
  removeLeftovers(folder);
  createAndRemove(newPath(folder, CHECK), PROBE_BYTES);
}

/** Creates a file in a folder and removes it: permissions alone do not show that it can. Throws the file system's own error. */
export function tryToCreate(folder: string): void {
  removeLeftovers(folder);
  createAndRemove(newPath(folder, CHECK));
}

/**
 * The same with a name that the file system may refuse, as FAT and NTFS do on any platform. It is tried in a folder of its own:
 * another process may be saving a file of that name.
 */
export function tryName(folder: string, name: string): void {
  if (PLAIN_NAME.test(name)) return;
  const own = newPath(folder, CHECK);
  mkdirSync(own, { mode: 0o700 });
  try {
    createAndRemove(join(own, name));
  } finally {
    rmdirSync(own);
  }
}

function createAndRemove(path: string, sizeBytes = 0): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    try {
      if (sizeBytes > 0) {
        writeSync(descriptor, Buffer.alloc(sizeBytes));
        fsyncSync(descriptor);
      }
    } finally {
      closeSync(descriptor); // where a network file system reports a quota
    }
  } finally {
    rmSync(path);
  }
}

/** Removes what killed processes left of such checks and of small files. A young one may belong to a living process. */
function removeLeftovers(folder: string): void {
  for (const name of cachedNames(folder)) {
    if (!isTemporaryName(name) && !isAbandoned(folder, name, CHECK)) continue;
    const path = join(folder, name);
    const stats = attempt(() => lstatSync(path));
    if (stats === undefined || Date.now() - stats.mtimeMs <= LEFTOVER_MS) continue;
    // Never recursively: in a folder that others can write, what is inside may be a link.
    attempt(() => (stats.isDirectory() ? rmdirSync(path) : rmSync(path)));
  }
}

/** Allows another run, or a later attempt of this one, to take over the file. */
export function abandonPrivateFile(path: string): void {
  inUse.delete(path);
}

/** Closes and removes an open file. Errors are ignored: a file that stays is found by another run. */
export function removePrivateFile({ path, descriptor }: PrivateFile): void {
  attempt(() => closeSync(descriptor));
  attempt(() => rmSync(path, { force: true }));
  abandonPrivateFile(path);
}

/** Names of abandoned files whose tag starts with a prefix; empty if the folder cannot be read. */
export function abandonedFiles(folder: string, tagStart: string): string[] {
  return partsIn(folder).filter((name) => isAbandoned(folder, name, tagStart));
}

/**
 * The same, cached for this process: with thousands of small files, reading the folder for each would take too long.
 */
export function filesLeftBefore(folder: string, tagStart: string): string[] {
  return cachedNames(folder).filter((name) => isAbandoned(folder, name, tagStart));
}

function cachedNames(folder: string): readonly string[] {
  const names = nameCache.get(folder) ?? partsIn(folder);
  nameCache.set(folder, names);
  return names;
}

const PART = /^\.sora-(\w+)-(\d+)-\w+\.part$/;
const nameCache = new Map<string, readonly string[]>();

/** A folder that cannot be read counts as empty, like a missing one. */
function partsIn(folder: string): readonly string[] {
  return attempt(() => readdirSync(folder).filter((name) => PART.test(name) || isTemporaryName(name))) ?? [];
}

function isAbandoned(folder: string, name: string, tagStart: string): boolean {
  const [, tag = '', pid] = PART.exec(name) ?? [];
  const isOurs = Number(pid) === process.pid;
  return tag.startsWith(tagStart) && (isOurs ? !inUse.has(join(folder, name)) : !isProcessAlive(Number(pid)));
}

/**
 * Takes over an abandoned file under a new name; null if another user created it or another process took it. One that
 * already has its final name too, or others can write to it, is removed.
 */
export function adoptPrivateFile(folder: string, name: string, tag: string): PrivateFile | null {
  const flags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0); // Windows has no such flag
  const left = join(folder, name);
  const descriptor = attempt(() => openSync(left, flags));
  if (descriptor === undefined) return null;
  const stats = fstatSync(descriptor);
  const path = newPath(folder, tag);
  const isTaken =
    isOwn(stats) &&
    isPrivate(stats) &&
    attempt(() => {
      renameSync(left, path);
      return true;
    });
  if (!isTaken) {
    closeSync(descriptor);
    if (isOwn(stats) && !isPrivate(stats)) attempt(() => rmSync(left, { force: true }));
    return null;
  }
  inUse.add(path);
  return { path, descriptor };
}

function newPath(folder: string, tag: string): string {
  return join(folder, `.sora-${tag}-${process.pid}-${randomHex()}.part`);
}

/** Windows reports no owner here; there the folder's permissions protect its files. */
function isOwn(stats: Stats): boolean {
  return stats.isFile() && (process.geteuid === undefined || stats.uid === process.geteuid());
}

/** Whether no other name leads to it, and only its owner can write. */
function isPrivate({ nlink, mode }: Stats): boolean {
  return nlink === 1 && (process.geteuid === undefined || (mode & 0o022) === 0);
}
