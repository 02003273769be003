import {
  constants,
  promises as fs,
  linkSync,
  lstatSync,
  readlinkSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from './attempt.ts';
import { temporaryName } from './crypto.ts';
import { makeFolder } from './folders.ts';
import { whileHeld, whileHeldSync } from './held-files.ts';

/** True when a Node file-system error carries this code (`ENOENT`, `EEXIST`, …). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** A path with its links followed and in the case of its names on disk: Windows and macOS find a file in any case. */
export function truePath(path: string): string {
  return attempt(() => realpathSync.native(path)) ?? realpathSync(path); // which some drives do not support
}

const UNWRITABLE = ['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG', 'EIO', 'EMFILE', 'ENFILE'];

/** Whether the file system takes nothing for now, whatever is written. */
export function isUnwritable(error: unknown): boolean {
  return UNWRITABLE.some((code) => hasCode(error, code));
}

/** The file or folder at a path; undefined if there is none or it cannot be reached (a file as folder, no access, a loop of links). */
export function statsOf(path: string): Stats | undefined {
  return attempt(() => statSync(path, { throwIfNoEntry: false }));
}

/**
 * Replaces a file, or a link's target, atomically: a reader or a crash sees the old content or the new. Throws the file
 * system's own error; a pipe or device is never replaced.
 */
export async function replaceFile(
  path: string,
  data: string | Uint8Array | Iterable<string>,
  mode = 0o600,
): Promise<void> {
  const target = writeTargetOf(path);
  if (target.kind === 'stream') throw fileError('EINVAL', `${path} is not a regular file`);
  await writeThrough(target.path, data, mode, (temporary) => renameOver(temporary, target.path));
}

/** Creates a file atomically; false if the name is taken. */
export function createFile(path: string, data: string | Uint8Array, mode = 0o600): Promise<boolean> {
  return writeThrough(path, data, mode, (temporary) => claimName(temporary, path));
}

/** Temporary files that are being written. */
const unfinished = new Set<string>();

/** Removes the files that `replaceFile` and `createFile` are writing, for a process that ends at once. */
export function removeUnfinished(): void {
  for (const path of unfinished) attempt(() => rmSync(path, { force: true }));
}

/** Writes a temporary file, and moves it into place once it is on disk. */
async function writeThrough<T>(
  path: string,
  data: string | Uint8Array | Iterable<string>,
  mode: number,
  place: (temporary: string) => Promise<T>,
): Promise<T> {
  makeFolder(dirname(path), 0o700);
  const temporary = temporaryName(path);
  unfinished.add(temporary);
  try {
    const file = await fs.open(temporary, 'wx', mode);
    try {
      await fs.writeFile(file, data);
      await file.sync();
    } finally {
      await file.close();
    }
    return await place(temporary);
  } finally {
    await fs.rm(temporary, { force: true });
    unfinished.delete(temporary);
  }
}

/**
 * Moves a file to a free name; false if it is taken. Linking fails if a file exists, renaming does not.
 * Synchronous, because both calls are faster than a round trip to the thread pool, and a batch saves thousands of files.
 */
export async function claimName(from: string, to: string): Promise<boolean> {
  try {
    linkSync(from, to);
    whileHeldSync(() => unlinkSync(from));
    return true;
  } catch {
    // Taken, or the file system has no links and only a check before renaming is possible.
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false;
    await renameOver(from, to);
    return true;
  }
}

/** Renames a file over any existing one. On Windows, waits up to ten seconds while the old file is open. */
export function renameOver(from: string, to: string): Promise<void> {
  return whileHeld(() => fs.rename(from, to));
}

/** What a path leads to: a regular file, which need not exist yet, or a pipe or device. */
export interface WriteTarget {
  readonly kind: 'file' | 'stream';
  /** The path of the file, with links resolved. */
  readonly path: string;
}

const MAX_LINKS = 40;

/** Throws the file system's own error, such as `EISDIR`, `ENXIO` or `ELOOP`; `EACCES` for a link that another user planted. */
export function writeTargetOf(path: string): WriteTarget {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw fileError('EISDIR', `${path} is a folder`);
  if (found?.isSocket()) throw fileError('ENXIO', `${path} is a socket`);
  if (found !== undefined && !found.isFile()) return { kind: 'stream', path };
  let target = path;
  for (let links = 0; isLink(target); links++) {
    if (links === MAX_LINKS) throw fileError('ELOOP', `too many links: ${path}`);
    target = resolve(dirname(target), readlinkSync(target));
  }
  return { kind: 'file', path: target };
}

/** A link in a world-writable folder is followed for its owner only, like Linux with `protected_symlinks`. */
function isLink(path: string): boolean {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return false;
  const folder = statSync(dirname(path));
  const isShared = (folder.mode & 0o1002) === 0o1002;
  if (isShared && link.uid !== process.geteuid?.() && link.uid !== folder.uid) {
    throw fileError('EACCES', `${path} is another user's link in a shared folder`);
  }
  return true;
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

const FIFO_POLL_MS = 100;

/**
 * Opens a pipe or device for writing. Waits for a reader of a named pipe without blocking a thread, so the signal can end
 * the wait. Throws the file system's own error, or the signal's reason.
 */
export async function openOutput(path: string, signal?: AbortSignal): Promise<Writable> {
  const probe = statSync(path).isFIFO() ? await whenRead(path, signal) : null;
  const file = await fs.open(path, constants.O_WRONLY);
  await probe?.close(); // not earlier: the reader would see the end of the file
  return file.createWriteStream();
}

async function whenRead(path: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await fs.open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (!hasCode(error, 'ENXIO')) throw error;
      await sleep(FIFO_POLL_MS);
    }
  }
}

/** The mode of a new file for everyone with access to the folder. */
export function defaultFileMode(): number {
  return 0o666 & ~process.umask();
}

/** `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, …: candidates, in order, for a free name. */
export function* numberedNames(path: string): Generator<string> {
  yield path;
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  for (let number = 2; ; number++) yield `${stem}-${number}${extension}`;
}
