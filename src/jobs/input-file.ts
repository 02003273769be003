import { closeSync, openSync, readSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { messageOf } from '../domain/errors.ts';

/** More than any prompt, manifest or reference image. An endless file such as `/dev/zero` would fill the memory. */
const MAX_BYTES = 64 << 20;
const CHUNK_BYTES = 64 << 10;

/** Reads a file. Throws the file system’s own error, or an `Error` for more than 64 MiB. */
export function readInputFile(path: string): Uint8Array {
  const descriptor = openSync(path, 'r');
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

/** The same; throws an `Error` that names what could not be read. */
export function readBytes(path: string, what: string): Uint8Array {
  try {
    return readInputFile(path);
  } catch (error) {
    throw new Error(`could not read ${what}: ${messageOf(error)}`);
  }
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
 * Decodes UTF-8, or UTF-16 with or without a byte order mark; drops the mark and the final newline. Throws an `Error`
 * that names the source if it is not text.
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new Error(`${source} is not text in UTF-8 or UTF-16`);
  }
}

/** `>` in Windows PowerShell writes UTF-16. Without a mark, its zero bytes show it: UTF-8 has none. */
function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || (first && second === 0)) return 'utf-16le';
  return (first === 0xfe && second === 0xff) || (first === 0 && second) ? 'utf-16be' : 'utf-8';
}
