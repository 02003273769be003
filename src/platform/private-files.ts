import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  open,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { attempt } from './attempt.ts';
import { randomHex } from './crypto.ts';
import { makeFolder } from './folders.ts';
import { isProcessAlive } from './process-identity.ts';

/** Temporary files that other users cannot guess, read or plant; see docs/adr/0025. */

export interface PrivateFile {
  readonly path: string;
  /** Open for reading and writing. */
  readonly descriptor: number;
}

/** About a record of the ledger. */
const PROBE_BYTES = 4096;

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
export async function tryToWrite(path: string): Promise<void> {
  makeFolder(dirname(path), 0o700);
  closeSync(openSync(path, 'a', 0o600));
  const probe = await createPrivateFile(dirname(path), 'check');
  try {
    writeSync(probe.descriptor, Buffer.alloc(PROBE_BYTES));
    fsyncSync(probe.descriptor);
  } finally {
    closeSync(probe.descriptor);
    abandonPrivateFile(probe.path);
    rmSync(probe.path, { force: true });
  }
}

/** Creates a file in a folder and removes it: permissions alone do not show that it can. Throws the file system's own error. */
export function tryToCreate(folder: string): void {
  const path = newPath(folder, 'check');
  closeSync(openSync(path, 'wx', 0o600));
  rmSync(path);
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
  const names = partsAtFirst.get(folder) ?? partsIn(folder);
  partsAtFirst.set(folder, names);
  return names.filter((name) => isAbandoned(folder, name, tagStart));
}

const PART = /^\.sora-(\w+)-(\d+)-\w+\.part$/;
const partsAtFirst = new Map<string, readonly string[]>();

/** A folder that cannot be read counts as empty, like a missing one. */
function partsIn(folder: string): readonly string[] {
  return attempt(() => readdirSync(folder).filter((name) => PART.test(name))) ?? [];
}

function isAbandoned(folder: string, name: string, tagStart: string): boolean {
  const [, tag = '', pid] = PART.exec(name) ?? [];
  const isOurs = Number(pid) === process.pid;
  return tag.startsWith(tagStart) && (isOurs ? !inUse.has(join(folder, name)) : !isProcessAlive(Number(pid)));
}

/** Takes over an abandoned file under a new name; null if another user created it or another process took it. */
export function adoptPrivateFile(folder: string, name: string, tag: string): PrivateFile | null {
  const flags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0); // Windows has no such flag
  const descriptor = attempt(() => openSync(join(folder, name), flags));
  if (descriptor === undefined) return null;
  const path = newPath(folder, tag);
  const isTaken =
    isOwn(fstatSync(descriptor)) &&
    attempt(() => {
      renameSync(join(folder, name), path);
      return true;
    });
  if (!isTaken) {
    closeSync(descriptor);
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
  if (!stats.isFile() || stats.nlink !== 1) return false;
  return process.geteuid === undefined || (stats.uid === process.geteuid() && (stats.mode & 0o077) === 0);
}
