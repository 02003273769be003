import { readFileSync } from 'node:fs';

/** Throws an `Error` that names what could not be read. */
export function readBytes(path: string, what: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`could not read ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** UTF-8, without the newline that ends a file. Throws an `Error` that names the source of what is none. */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new Error(`${source} holds binary data, not text`);
  }
}
