import { readSync } from 'node:fs';

export const NEWLINE = 0x0a;
/** Enough for the single line that most reads need; later reads fetch more at a time. */
const FIRST_CHUNK_BYTES = 2 << 10;
const CHUNK_BYTES = 16 << 10;

/** One complete line of a journal. */
export interface JournalLine {
  /** Byte offset of its first character. */
  readonly offset: number;
  /** Byte offset just after its newline. */
  readonly end: number;
  readonly text: string;
}

/** Reads lines through a window on the file, which moves only when a line is not completely inside. */
export class LineReader {
  readonly #descriptor: number;
  #chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
  #window = this.#chunk.subarray(0, 0);
  #windowOffset = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  lineAt(offset: number): JournalLine | undefined {
    const line = this.#lineInWindow(offset);
    return line ?? this.#readLine(offset);
  }

  #readLine(offset: number): JournalLine | undefined {
    if (this.#window.length > 0) this.#grow(CHUNK_BYTES);
    for (;;) {
      const bytesRead = readSync(this.#descriptor, this.#chunk, 0, this.#chunk.length, offset);
      this.#window = this.#chunk.subarray(0, bytesRead);
      this.#windowOffset = offset;
      const line = this.#lineInWindow(offset);
      if (line !== undefined || bytesRead < this.#chunk.length) return line;
      this.#grow(Number.POSITIVE_INFINITY);
    }
  }

  #grow(limitBytes: number): void {
    const sizeBytes = Math.min(2 * this.#chunk.length, limitBytes);
    if (sizeBytes > this.#chunk.length) this.#chunk = Buffer.allocUnsafe(sizeBytes);
  }

  #lineInWindow(offset: number): JournalLine | undefined {
    const start = offset - this.#windowOffset;
    if (start < 0 || start >= this.#window.length) return undefined;
    const newline = this.#window.indexOf(NEWLINE, start);
    if (newline === -1) return undefined;
    return { offset, end: this.#windowOffset + newline + 1, text: this.#window.toString('utf8', start, newline) };
  }
}
