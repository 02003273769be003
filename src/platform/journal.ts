import {
  closeSync,
  fdatasync,
  promises as fs,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { FileLock } from './file-lock.ts';
import { hasCode } from './files.ts';
import { makeFolder } from './folders.ts';
import { whileHeldSync } from './held-files.ts';
import { type JournalLine, LineReader, NEWLINE } from './line-reader.ts';
import { notRegular } from './open-input.ts';
import { replaceFileSync } from './replace-file.ts';

/** Ends a torn line, after which the file continues. */
export const TORN_MARK = ' #torn';

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
 * An append-only text file that processes share: each append is one O_APPEND write of whole lines, so all agree on
 * their order.
 */
export class Journal {
  readonly path: string;
  readonly #isSynced: boolean;
  readonly #lock: FileLock | null;
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
    this.#lock = isLocked ? new FileLock(path) : null;
    this.#onSynced = onSynced;
  }

  /** Whether the file stays open between appends. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Keeps the file open from the next append until `release`: opening costs as much as writing. */
  hold(): void {
    this.#isHeld = true;
    this.#lock?.reuse();
  }

  async release(): Promise<void> {
    this.#isHeld = false;
    while (this.#isFlushing) await this.#flushed; // another append may begin as one ends
    if (this.#isHeld) return;
    this.#lock?.discard();
    this.#close();
  }

  /**
   * Adds lines, which must not contain newlines, and resolves when they are on disk. Appends made during a sync share
   * the next write and sync.
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
      if (this.#lock !== null && this.#held() === undefined) makeFolder(dirname(this.path), 0o700);
      const { descriptor, size, last } =
        this.#lock === null ? this.#addLines(lines) : await this.#lock.run(() => this.#addLines(lines));
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
    const held = this.#held();
    const isCreated = this.#lock !== null && held === undefined && createWith(this.path, text);
    const { descriptor, size } = held ?? this.#open();
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
    this.#close();
    makeFolder(dirname(this.path), 0o700);
    statRegular(this.path);
    const descriptor = whileHeldSync(() => openSync(this.path, 'a+', 0o600));
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
    const descriptor = held ?? ifExists(() => statRegular(this.path) && whileHeldSync(() => openSync(this.path, 'r')));
    if (descriptor === undefined) return;
    try {
      yield* lines(new LineReader(descriptor));
    } finally {
      if (held === undefined) closeSync(descriptor);
    }
  }
}

/** Creates a file with its first lines, which are on disk before it gets its name; false if it exists. */
function createWith(path: string, text: string): boolean {
  if (statRegular(path) !== undefined) return false;
  replaceFileSync(path, text, { isSynced: true });
  return true;
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

/** Undefined if there is no file. Throws for a folder, and for a pipe or device, which cannot be read twice. */
function statRegular(path: string): Stats | undefined {
  const stats = ifExists(() => statSync(path)); // not `throwIfNoEntry: false`: it may hide that a parent folder is a file
  if (stats === undefined || stats.isFile()) return stats;
  throw notRegular(stats);
}

function ifExists<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
