import { constants, promises as fs, linkSync, lstatSync, readlinkSync, statSync, unlinkSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryName } from './crypto.ts';
import { makeFolder } from './folders.ts';

/** True when a Node file-system error carries this code (`ENOENT`, `EEXIST`, …). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * Replaces a file, or the one that a link leads to, so that a reader or a crash sees the old content or the new, never a
 * mixture. Throws the file system's own error; a pipe or device is never replaced.
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

/** Creates a file, whole or not at all; false, and nothing done, where one of its name exists. */
export function createFile(path: string, data: string | Uint8Array, mode = 0o600): Promise<boolean> {
  return writeThrough(path, data, mode, (temporary) => claimName(temporary, path));
}

/** Writes a file beside its name, and places it when it is on the disk. */
async function writeThrough<T>(
  path: string,
  data: string | Uint8Array | Iterable<string>,
  mode: number,
  place: (temporary: string) => Promise<T>,
): Promise<T> {
  makeFolder(dirname(path), 0o700);
  const temporary = temporaryName(path);
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
  }
}

/**
 * Moves a file to a name that is free; false when it is taken. Linking fails where a file exists, which renaming does not.
 * Both calls are shorter than a trip to the thread pool, and thousands of files are saved.
 */
export async function claimName(from: string, to: string): Promise<boolean> {
  try {
    linkSync(from, to);
    unlinkSync(from);
    return true;
  } catch {
    // It is taken; or the file system knows no links, and one has to look before renaming.
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false;
    await renameOver(from, to);
    return true;
  }
}

/** On Windows a file cannot be replaced while a player, a virus scanner or another `sora` holds it open. */
const HELD_CODES: ReadonlySet<string> = new Set(['EPERM', 'EBUSY', 'EACCES']);
const LONGEST_HOLD_MS = 10_000;

/** Renames a file to a name that may be taken. Windows is given ten seconds to let go of the old file. */
export function renameOver(from: string, to: string): Promise<void> {
  return process.platform === 'win32' ? whileHeld(() => fs.rename(from, to)) : fs.rename(from, to);
}

/** Repeats what fails because another program holds a file open, for as long as that may pass; throws the last failure. */
export async function whileHeld<T>(work: () => Promise<T>, longestMs = LONGEST_HOLD_MS): Promise<T> {
  for (let waitedMs = 0, delayMs = 10; ; waitedMs += delayMs, delayMs = Math.min(2 * delayMs, 500)) {
    try {
      return await work();
    } catch (error) {
      const isHeld = error instanceof Error && 'code' in error && HELD_CODES.has(String(error.code));
      if (!isHeld || waitedMs >= longestMs) throw error;
      await sleep(delayMs);
    }
  }
}

/** Where bytes end up that are written to a path: in a regular file, which need not exist yet, or in a pipe or device. */
export interface WriteTarget {
  readonly kind: 'file' | 'stream';
  /** Of a file, with links followed. */
  readonly path: string;
}

const MAX_LINKS = 40;

/** Throws the file system's own error, such as `EISDIR` or `ELOOP`; `EACCES` for a link that another user planted. */
export function writeTargetOf(path: string): WriteTarget {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw fileError('EISDIR', `${path} is a folder`);
  if (found !== undefined && !found.isFile()) return { kind: 'stream', path };
  let target = path;
  for (let links = 0; isLink(target); links++) {
    if (links === MAX_LINKS) throw fileError('ELOOP', `too many links: ${path}`);
    target = resolve(dirname(target), readlinkSync(target));
  }
  return { kind: 'file', path: target };
}

/** A link in a folder that everybody may write to counts for its owner only, as Linux has it for programs that open files. */
function isLink(path: string): boolean {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return false;
  const folder = statSync(dirname(path));
  const isShared = (folder.mode & 0o1002) === 0o1002;
  if (isShared && link.uid !== process.geteuid?.() && link.uid !== folder.uid) {
    throw fileError('EACCES', `${path} is a link of another user in a shared folder`);
  }
  return true;
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

const FIFO_POLL_MS = 100;

/**
 * Opens a pipe or device to write to. Waits for a reader of a named pipe without blocking a thread, so that the signal ends
 * the wait. Throws the file system's own error, or the signal's reason.
 */
export async function openOutput(path: string, signal?: AbortSignal): Promise<Writable> {
  const probe = statSync(path).isFIFO() ? await whenRead(path, signal) : null;
  const file = await fs.open(path, constants.O_WRONLY);
  await probe?.close(); // not before: the reader would take it for the end
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

/** The mode of a new file that is for everybody who may use the folder. */
export function defaultFileMode(): number {
  return 0o666 & ~process.umask();
}

/** `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, …: candidate names in order, for whoever looks for a free one. */
export function* numberedNames(path: string): Generator<string> {
  yield path;
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  for (let number = 2; ; number++) yield `${stem}-${number}${extension}`;
}
