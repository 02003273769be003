import {
  closeSync,
  fdatasync,
  promises as fs,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { temporaryName } from './crypto.ts';
import { withFileLock } from './file-lock.ts';
import { hasCode } from './files.ts';
import { makeFolder } from './folders.ts';

const NEWLINE = 0x0a;
/** Ends a torn line, after which the file continues. */
export const TORN_MARK = ' #torn';
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

interface PendingAppend {
  readonly lines: readonly string[];
  readonly isSynced: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface JournalOptions {
  readonly isSynced?: boolean;
  readonly isLocked?: boolean;
  /** Called with the last line of each append that is on the disk. */
  readonly onSynced?: (last: JournalLine) => void;
}

/**
 * An append-only text file of lines, shared by any number of
 * processes without a lock: every append is one O_APPEND write of whole lines,
 * so all processes agree on the order of lines.
 * Throws errors of the file system unchanged.
 *
 * Only the sync uses the thread pool: a trip there takes longer than any other call.
 */
export class Journal {
  readonly path: string;
  readonly #isSynced: boolean;
  readonly #isLocked: boolean;
  readonly #onSynced: JournalOptions['onSynced'];
  #pending: PendingAppend[] = [];
  #isFlushing = false;
  #flushed: Promise<void> = Promise.resolve();
  #isHeld = false;
  /** The file was created, and its folder is not synced yet. */
  #isNew = false;
  #descriptor: number | undefined;
  /** Where our last append ended, after a newline. */
  #endBytes = 0;

  /**
   * With `isSynced: false` an append outlives the process, but not a power cut. With `isLocked` appends of several
   * processes do not overwrite each other where the file system appends in two steps, as NFS does.
   */
  constructor(path: string, { isSynced = true, isLocked = false, onSynced }: JournalOptions = {}) {
    this.path = path;
    this.#isSynced = isSynced;
    this.#isLocked = isLocked;
    this.#onSynced = onSynced;
  }

  /** Keeps the file open from the next append until `release`: opening it thousands of times costs as much as writing. */
  hold(): void {
    this.#isHeld = true;
  }

  async release(): Promise<void> {
    this.#isHeld = false;
    while (this.#isFlushing) await this.#flushed; // another append may begin as one ends
    if (!this.#isHeld) this.#close();
  }

  /**
   * Adds lines, which must not contain newlines, and resolves when they are
   * on disk. Appends made during a sync share the next write and sync.
   */
  append(...lines: readonly string[]): Promise<void> {
    return this.#enqueue(lines, this.#isSynced);
  }

  /** Adds lines that may wait for the sync of a later append. */
  appendAhead(...lines: readonly string[]): Promise<void> {
    return this.#enqueue(lines, false);
  }

  #enqueue(lines: readonly string[], isSynced: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ lines, isSynced, resolve, reject });
      if (!this.#isFlushing) this.#flushed = this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#write(
          batch.flatMap(({ lines }) => lines),
          batch.some(({ isSynced }) => isSynced),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same tick as the last check of pending lines, so no append falls in between.
    this.#isFlushing = false;
  }

  async #write(lines: readonly string[], isSynced: boolean): Promise<void> {
    try {
      if (this.#isLocked && this.#held() === undefined) makeFolder(dirname(this.path), 0o700);
      const { descriptor, size, last } = this.#isLocked
        ? await withFileLock(this.path, () => this.#addLines(lines))
        : this.#addLines(lines);
      this.#isNew ||= size === 0;
      if (!isSynced) return;
      await promisify(fdatasync)(descriptor);
      if (this.#isNew) await syncFolder(dirname(this.path));
      this.#isNew = false;
      this.#onSynced?.(last);
    } finally {
      if (!this.#isHeld) this.#close();
    }
  }

  /** Returns the previous size of the file, and the last line. */
  #addLines(lines: readonly string[]): {
    readonly descriptor: number;
    readonly size: number;
    readonly last: JournalLine;
  } {
    const text = lines.map((line) => `${line}\n`).join('');
    const isCreated = this.#isLocked && this.#held() === undefined && createWith(this.path, text);
    const { descriptor, size } = this.#open();
    const end = isCreated ? size : this.#append(descriptor, size, text);
    this.#endBytes = end;
    const last = lines.at(-1) ?? '';
    const offset = end - Buffer.byteLength(last) - 1;
    return { descriptor, size: isCreated ? 0 : size, last: { offset, end, text: last } };
  }

  /** Returns the new size. */
  #append(descriptor: number, size: number, text: string): number {
    const isWhole = size === 0 || size === this.#endBytes || endsInNewline(descriptor, size);
    // If a process was killed in the middle of a line, ours must not continue it.
    const bytes = Buffer.from((isWhole ? '' : `${TORN_MARK}\n`) + text);
    // Not `appendFile`: it splits large data, and another process could write in between.
    const bytesWritten = writeSync(descriptor, bytes);
    if (bytesWritten < bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes could be written`);
    return size + bytesWritten;
  }

  #open(): { readonly descriptor: number; readonly size: number } {
    const held = this.#held();
    if (held !== undefined) return held;
    this.#close();
    makeFolder(dirname(this.path), 0o700);
    statRegular(this.path);
    const descriptor = openSync(this.path, 'a+', 0o600);
    this.#descriptor = descriptor;
    return { descriptor, size: fstatSync(descriptor).size };
  }

  /** The open file, unless it was removed or replaced meanwhile. */
  #held(): { readonly descriptor: number; readonly size: number } | undefined {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return undefined;
    const { size, nlink } = fstatSync(descriptor);
    return nlink > 0 ? { descriptor, size } : undefined;
  }

  #close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  /** The file's size in bytes; 0 if it does not exist. */
  size(): number {
    return this.#held()?.size ?? statRegular(this.path)?.size ?? 0;
  }

  get exists(): boolean {
    return statRegular(this.path) !== undefined;
  }

  /** The complete lines from a byte offset (the start of a line); a torn last line is left out. */
  *read(from = 0): Generator<JournalLine> {
    yield* this.#reading(function* (reader) {
      for (let line = reader.lineAt(from); line !== undefined; line = reader.lineAt(line.end)) yield line;
    });
  }

  /** The complete lines that start at these byte offsets, in this order; other offsets are skipped. */
  *readAt(offsets: Iterable<number>): Generator<JournalLine> {
    yield* this.#reading(function* (reader) {
      for (const offset of offsets) {
        const line = reader.lineAt(offset);
        if (line !== undefined) yield line;
      }
    });
  }

  *#reading(lines: (reader: LineReader) => Generator<JournalLine>): Generator<JournalLine> {
    const held = this.#isHeld ? this.#descriptor : undefined;
    const descriptor = held ?? openIfExists(this.path);
    if (descriptor === undefined) return;
    try {
      yield* lines(new LineReader(descriptor));
    } finally {
      if (held === undefined) closeSync(descriptor);
    }
  }
}

/** State derived from a journal, updated by reading only the lines added since the last time. */
export class JournalFold {
  readonly #journal: Journal;
  readonly #apply: (text: string) => void;
  readonly #forget: () => void;
  #readUpTo = 0;

  /** `apply` adds one line to the state; `forget` clears it when the file was removed or replaced. */
  constructor(journal: Journal, { apply, forget }: { apply: (text: string) => void; forget: () => void }) {
    this.#journal = journal;
    this.#apply = apply;
    this.#forget = forget;
  }

  refresh(): void {
    const sizeBytes = this.#journal.size();
    if (sizeBytes === this.#readUpTo) return;
    if (sizeBytes < this.#readUpTo) {
      this.#readUpTo = 0;
      this.#forget();
    }
    for (const { text, end } of this.#journal.read(this.#readUpTo)) {
      this.#apply(text);
      this.#readUpTo = end;
    }
  }
}

/** Reads lines through a window on the file, which moves only when a line is not completely inside. */
class LineReader {
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

/** Creates a file with its first lines, which are on disk before it gets its name; false if it exists. */
function createWith(path: string, text: string): boolean {
  if (statRegular(path) !== undefined) return false;
  const temporary = temporaryName(path);
  try {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      const bytes = Buffer.from(text);
      if (writeSync(descriptor, bytes) < bytes.length)
        throw new Error('only a part of the first lines could be written');
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    return true;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function endsInNewline(descriptor: number, size: number): boolean {
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last[0] === NEWLINE;
}

/** A new file survives a power cut only if its folder is synced too. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await fs.open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // Windows, and some network file systems, cannot sync a folder; the file itself is synced.
  }
}

function openIfExists(path: string): number | undefined {
  try {
    return statRegular(path) && openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Not `throwIfNoEntry: false`, by which newer versions of Node also hide that a folder of the path is a file. */
function statIfExists(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Undefined where there is no file. Throws for a folder, and for a pipe or device, which could not be read twice, if at all. */
function statRegular(path: string): Stats | undefined {
  const stats = statIfExists(path);
  if (stats === undefined || stats.isFile()) return stats;
  const kind = stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a named pipe' : 'a device or socket';
  throw Object.assign(new Error(`it is ${kind}, not a file`), { code: 'EINVAL', syscall: 'open' });
}
