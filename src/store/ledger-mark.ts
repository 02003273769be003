import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { attempt } from '../platform/attempt.ts';
import type { Journal } from '../platform/journal.ts';
import { NEWLINE } from '../platform/line-reader.ts';
import { NONBLOCK, readRegular } from '../platform/open-input.ts';
import type { LedgerProblem } from './ledger-line.ts';

/** Fixed-width numbers, so that a new mark overwrites the old one in place. */
const MARK = /^(\d{16}) (\d{16}) ([0-9a-f]{8})\n$/;
const WIDTH = 16;

/** The end of the ledger at some time. */
interface Mark {
  readonly bytes: number;
  /** Where its last line started. */
  readonly lastOffset: number;
  /** CRC-32 of the last line, without its newline. */
  readonly checksum: number;
}

/** The content of the ledger, or of its repaired text. */
interface Content {
  readonly exists: boolean;
  /** In bytes. */
  size(): number;
  /** The lines that start at or after an offset. */
  read(from: number): Iterable<{ readonly end: number; readonly text: string }>;
}

/**
 * Stores the length of the ledger in a small file beside it. A ledger only grows, so one that is shorter, or has a different
 * line there, was cut, emptied or replaced. Best effort: if the file cannot be written, nothing is stored.
 */
export class LedgerMark {
  readonly #journal: Journal;
  readonly #path: string;
  #written = '';

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#path = `${journal.path}.mark`;
  }

  /** Records a line that is on disk. A loss stays marked until `clear`. */
  advance({ offset, end, text }: { readonly offset: number; readonly end: number; readonly text: string }): void {
    const next: Mark = { bytes: end, lastOffset: offset, checksum: crc32(text) };
    const written = this.#read();
    const known = parse(written);
    if (known !== null && (known.bytes >= end || lossOf(known, this.#journal) !== null)) return;
    const isOwn = written !== '' && written === this.#written;
    if (isOwn || lossOf(next, this.#journal) === null) this.#write(next); // the file may have been repaired meanwhile
  }

  /** The stored mark. Read it before the ledger, which may be growing. */
  get current(): Mark | null {
    return parse(this.#read());
  }

  /** Null if the ledger still has everything. */
  get loss(): LedgerProblem | null {
    return lossOf(this.current, this.#journal);
  }

  /** Forgets the length of the ledger. */
  clear(): void {
    rmSync(this.#path, { force: true });
  }

  #read(): string {
    return attempt(() => readRegular(this.#path).toString('latin1')) ?? '';
  }

  #write({ bytes, lastOffset, checksum }: Mark): void {
    const numbers = [bytes, lastOffset].map((number) => String(number).padStart(WIDTH, '0'));
    const text = `${numbers.join(' ')} ${checksum.toString(16).padStart(8, '0')}\n`;
    try {
      const descriptor = openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | NONBLOCK, 0o600);
      try {
        writeSync(descriptor, text, 0);
      } finally {
        closeSync(descriptor);
      }
      this.#written = text;
    } catch {
      // The ledger has the line; only the protection against its loss is missing.
    }
  }
}

function parse(text: string): Mark | null {
  const [, bytes, lastOffset, checksum] = MARK.exec(text) ?? [];
  if (checksum === undefined) return null;
  return { bytes: Number(bytes), lastOffset: Number(lastOffset), checksum: Number.parseInt(checksum, 16) };
}

/** What is missing at a mark, with the first line that differs; null if nothing is. */
export function lossOf(mark: Mark | null, content: Content): LedgerProblem | null {
  if (mark === null) return content.exists ? beginningLoss(content) : null;
  for (const { end, text } of content.read(mark.lastOffset)) {
    if (end === mark.bytes && crc32(text) === mark.checksum) return null;
    break;
  }
  return { line: lineAt(mark.lastOffset, content), reason: reasonOf(mark, content) };
}

/** A ledger gets its name with its first lines in it, so it always has one. */
function beginningLoss(content: Content): LedgerProblem | null {
  for (const _ of content.read(0)) return null;
  return { line: 1, reason: content.size() === 0 ? 'the file is empty' : 'the file ends within its first line' };
}

function reasonOf({ bytes }: Mark, content: Content): string {
  if (!content.exists) return `the file is missing, which held ${bytes} bytes`;
  if (content.size() === 0) return `the file is empty, which held ${bytes} bytes`;
  if (content.size() < bytes) return `the file ends after ${content.size()} bytes, and held ${bytes}`;
  return 'it is not the line that was written here, so lines were removed or replaced';
}

/** The number of the line with the byte at an offset, counted from 1. */
export function lineAt(offset: number, content: Pick<Content, 'read'>): number {
  let line = 1;
  for (const { end } of content.read(0)) {
    if (end > offset) break;
    line++;
  }
  return line;
}

export function contentOf(bytes: Buffer): Content {
  return {
    exists: true,
    size: () => bytes.length,
    *read(from) {
      for (let start = from, at = 0; start < bytes.length; start = at + 1) {
        at = bytes.indexOf(NEWLINE, start);
        if (at === -1) return;
        yield { end: at + 1, text: bytes.toString('utf8', start, at) };
      }
    },
  };
}
