import { randomBytes } from 'node:crypto';
import { linkSync, unlinkSync } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { makeFolder } from './folders.ts';

/** True when a Node file-system error carries this code (`ENOENT`, `EEXIST`, …). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Replaces a file so that a reader, or a crash, sees the old content or the new, never a mixture. */
export async function replaceFile(
  path: string,
  data: string | Uint8Array | Iterable<string>,
  mode = 0o600,
): Promise<void> {
  await writeThrough(path, data, mode, (temporary) => rename(temporary, path));
}

/** Makes a file, whole or not at all; false, and nothing done, where one of its name exists. */
export function createFile(path: string, data: string | Uint8Array, mode = 0o600): Promise<boolean> {
  return writeThrough(path, data, mode, (temporary) => claimName(temporary, path));
}

/** Writes a file beside its name, and hands it on when it is on the disk. */
async function writeThrough<T>(
  path: string,
  data: string | Uint8Array | Iterable<string>,
  mode: number,
  place: (temporary: string) => Promise<T>,
): Promise<T> {
  makeFolder(dirname(path), 0o700);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await writeFile(file, data);
      await file.sync();
    } finally {
      await file.close();
    }
    return await place(temporary);
  } finally {
    await rm(temporary, { force: true });
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
    if ((await stat(to).catch(() => null)) !== null) return false;
    await rename(from, to);
    return true;
  }
}

/** `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, …: candidate names in order, for whoever looks for a free one. */
export function* numberedNames(path: string): Generator<string> {
  yield path;
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  for (let number = 2; ; number++) yield `${stem}-${number}${extension}`;
}
