import { closeSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { messageOf } from '../domain/errors.ts';
import { isStream, openInput, openRegular } from '../platform/open-input.ts';

/** More than any prompt, manifest or reference image. An endless file such as `/dev/zero` would fill the memory. */
const MAX_BYTES = 64 << 20;
const CHUNK_BYTES = 64 << 10;

/** Reads a file, or what comes through a pipe or terminal until the signal aborts. Throws as the other readers do. */
export async function readInput(path: string, signal: AbortSignal): Promise<Uint8Array> {
  return isStream(path) ? readStream(await openInput(path, signal), signal) : readInputFile(path);
}

/** Reads a regular file. Throws the file system’s own error, or an `Error` for a pipe or device and for more than 64 MiB. */
function readInputFile(path: string): Uint8Array {
  const descriptor = openRegular(path);
  try {
    const chunks: Uint8Array[] = [];
    for (let sizeBytes = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const bytesRead = readSync(descriptor, chunk);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytesRead));
      sizeBytes += bytesRead;
      checkSize(sizeBytes);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Returns the bytes of a file; throws an `Error` that names what could not be read. */
export type ReadBytes = (path: string, what: string) => Uint8Array;

/** For regular files. */
export const readBytes: ReadBytes = (path, what) => {
  try {
    return readInputFile(path);
  } catch (error) {
    throw new Error(`could not read ${what}: ${messageOf(error)}`);
  }
};

/** The same, for pipes and terminals among these files too, which are read now. Throws the signal's reason. */
export async function readAhead(names: readonly string[], folder: string, signal: AbortSignal): Promise<ReadBytes> {
  const streams = names.map((name) => resolve(folder, name)).filter(isStream);
  const read = new Map<string, Uint8Array | string>();
  for (const path of new Set(streams)) {
    read.set(path, await readInput(path, signal).catch(messageOf));
    signal.throwIfAborted();
  }
  return (path, what) => {
    const found = read.get(path) ?? readBytes(path, what);
    if (typeof found === 'string') throw new Error(`could not read ${what}: ${found}`);
    return found;
  };
}

/** Reads a stream. Throws the signal’s reason as soon as it aborts, or an `Error` for more than 64 MiB. */
export async function readStream(stream: Readable, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      checkSize(sizeBytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return Buffer.concat(chunks);
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES >> 20} MiB`);
}

/**
 * Decodes UTF-8, or UTF-16 with or without a byte order mark; drops the mark and the final newline. Where no line ends in
 * LF, a CR ends it, as in exports of Excel for Mac. Throws an `Error` that names the source if it is not text.
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  let text: string;
  try {
    text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${source} is not text in UTF-8 or UTF-16; save it as UTF-8`);
  }
  return (text.includes('\n') ? text : text.replaceAll('\r', '\n')).replace(/\r?\n$/, '');
}

/** `>` in Windows PowerShell writes UTF-16. Without a mark, its zero bytes show it: UTF-8 has none. */
function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || (first && second === 0)) return 'utf-16le';
  return (first === 0xfe && second === 0xff) || (first === 0 && second) ? 'utf-16be' : 'utf-8';
}
