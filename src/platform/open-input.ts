import { closeSync, constants, fstatSync, open, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { attempt } from './attempt.ts';
import { whileHeldSync } from './held-files.ts';

/** Reading anything but a regular file may block, and a blocked thread ignores signals. */

/** Absent on Windows, which has no named pipes among its files. */
export const NONBLOCK = constants.O_NONBLOCK ?? 0;

const openDescriptor = promisify(open);

/** Between two attempts to release a thread that waits for a writer. */
const RELEASE_MS = 10;

/** Opens a regular file, never waiting for a pipe. Throws the file system's own error, or `EISDIR` or `EINVAL` for anything else. */
export function openRegular(path: string): number {
  const descriptor = whileHeldSync(() => openSync(path, constants.O_RDONLY | NONBLOCK));
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return descriptor;
  closeSync(descriptor);
  throw notRegular(stats);
}

/** The bytes of a regular file. Throws as `openRegular` does. */
export function readRegular(path: string): Buffer {
  const descriptor = openRegular(path);
  try {
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The error for anything but a regular file. */
export function notRegular(stats: Stats): Error {
  const isFolder = stats.isDirectory();
  const kind = isFolder ? 'a folder' : stats.isFIFO() ? 'a named pipe' : 'a device or socket';
  const code = isFolder ? 'EISDIR' : 'EINVAL';
  return Object.assign(new Error(`it is ${kind}, not a file`), { code, syscall: 'open' });
}

/** Whether a path leads to a pipe, a terminal or another device. */
export function isStream(path: string): boolean {
  const stats = attempt(() => statSync(path, { throwIfNoEntry: false }));
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/**
 * Opens a pipe, terminal or device for reading. Waits for a writer of a named pipe until the signal aborts. Throws the file
 * system's own error, or the signal's reason.
 */
export async function openInput(path: string, signal: AbortSignal): Promise<Readable> {
  const descriptor = await openWaiting(path, signal);
  const [{ Socket }, tty] = await Promise.all([import('node:net'), import('node:tty')]);
  if (fstatSync(descriptor).isFIFO()) return new Socket({ fd: descriptor, readable: true, writable: false });
  if (tty.isatty(descriptor)) return new tty.ReadStream(descriptor);
  const { createReadStream } = await import('node:fs');
  return createReadStream(path, { fd: descriptor });
}

/** Opening a named pipe blocks a thread until someone opens it for writing: once the signal aborts, we do. */
async function openWaiting(path: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  const release = (): void => {
    attempt(() => closeSync(openSync(path, constants.O_WRONLY | NONBLOCK)));
    timer = setTimeout(release, RELEASE_MS); // the thread may not have come to open it yet
  };
  if (statSync(path).isFIFO()) signal.addEventListener('abort', release, { once: true });
  try {
    const descriptor = await openDescriptor(path, 'r');
    if (!signal.aborted) return descriptor;
    closeSync(descriptor);
    throw signal.reason;
  } finally {
    signal.removeEventListener('abort', release);
    clearTimeout(timer);
  }
}
