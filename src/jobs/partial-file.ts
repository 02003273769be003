import { createHash } from 'node:crypto';
import {
  accessSync,
  close,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  readSync,
  rmSync,
  writev,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { ResumePoint, Validator } from '../client/port.ts';
import { ContainerWalk } from '../domain/container.ts';
import { type MediaKind, SNIFF_BYTES, sniffMedia } from '../domain/media.ts';
import { attempt } from '../platform/attempt.ts';
import {
  abandonedFiles,
  abandonPrivateFile,
  adoptPrivateFile,
  createPrivateFile,
  filesLeftBefore,
  type PrivateFile,
  removePrivateFile,
} from '../platform/private-files.ts';
import { cannotWrite } from './destination.ts';

/** Writes are batched: a call per socket chunk would take longer than the disk itself. */
const FLUSH_BYTES = 1 << 20;
/**
 * Smaller files are written only when complete, so a killed process leaves nothing to resume, only to remove. Writing them
 * takes less time than a round trip to the thread pool.
 */
const SMALL_BYTES = FLUSH_BYTES;

/** Identifies a partial file; only parts with equal identities may be joined. */
export interface PartialOrigin {
  /** The final path; absolute, with links resolved. */
  readonly path: string;
  /** Identifies the video, its variant and its address. */
  readonly source: string;
  /** Distinguishes the jobs of a server that uses its ids again; null for a job that the ledger does not know. */
  readonly submission: string | null;
  /** Identifies the version of the file on the server; null if the server sends no validator. */
  readonly validator: Validator | null;
  readonly totalBytes: number | null;
  readonly kind: MediaKind;
}

export interface WholeFile {
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly kind: MediaKind;
}

/**
 * A download in a private temporary file, with its hash and the state of its container check. The file is created
 * with the first write; it is only appended to, never truncated (docs/adr/0025).
 */
export class PartialFile {
  readonly origin: PartialOrigin;
  readonly #hash = createHash('sha256');
  readonly #walk: ContainerWalk;
  readonly #tag: string;
  #opened: PrivateFile | null = null;
  #isClosed = false;
  #sizeBytes = 0;

  constructor(origin: PartialOrigin) {
    const { source, submission, validator, totalBytes } = origin;
    this.origin = origin;
    this.#walk = new ContainerWalk(origin.kind);
    this.#tag = tagOf(source) + tagOf(JSON.stringify([submission, validator, totalBytes]));
  }

  /** The number of bytes on disk. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What the container is missing if it ends here; null if it is complete or of unknown structure. */
  get missing(): string | null {
    return this.#walk.missing;
  }

  /** Where to resume; undefined without a validator, since the rest could belong to another file. */
  get resumePoint(): ResumePoint | undefined {
    const { validator, totalBytes } = this.origin;
    if (validator === null || this.#sizeBytes === 0) return undefined;
    return { offsetBytes: this.#sizeBytes, validator, totalBytes };
  }

  /** Takes over the partial file of an interrupted run, if there is one, and removes those of older versions. */
  async resumeEarlier(): Promise<boolean> {
    const { path, source, validator, totalBytes } = this.origin;
    const isResumable = isWorthResuming(totalBytes) && validator !== null;
    const folder = dirname(path);
    const left = (isResumable ? abandonedFiles : filesLeftBefore)(folder, tagOf(source));
    for (const name of left) {
      const adopted = adoptPrivateFile(folder, name, this.#tag);
      if (adopted === null) continue;
      const isSameState = name.includes(this.#tag) && this.#mayContinue(adopted);
      if (isResumable && isSameState && this.#opened === null) await this.#takeOver(adopted);
      else removePrivateFile(adopted);
    }
    return this.#sizeBytes > 0;
  }

  /**
   * Appends chunks as they arrive, reading the next ones during a write. Chunks that arrived before the
   * source broke are written too. Throws what the source throws, or `cannot_write`.
   */
  async append(source: AsyncIterable<Uint8Array>, onReceived: (sizeBytes: number) => void = () => {}): Promise<void> {
    this.#checkFolder(); // before reading anything that could not be written
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    let receivedBytes = this.#sizeBytes;
    let writing = Promise.resolve();
    const flush = async (): Promise<void> => {
      await writing;
      writing = this.#write(held, heldBytes);
      writing.catch(() => {}); // handled when awaited
      held = [];
      heldBytes = 0;
    };
    try {
      for await (const chunk of source) {
        this.#learn(chunk);
        held.push(chunk);
        heldBytes += chunk.length;
        receivedBytes += chunk.length;
        onReceived(receivedBytes);
        if (heldBytes >= FLUSH_BYTES) await flush();
      }
    } finally {
      if (heldBytes > 0) await flush();
      await writing;
    }
  }

  /** Closes the complete file. Call once. Throws `cannot_write`. */
  async finish(): Promise<WholeFile> {
    const { path, descriptor } = await this.#open();
    this.#isClosed = true;
    if (this.#sizeBytes < SMALL_BYTES) closeSync(descriptor);
    else await promisify(close)(descriptor); // on a network file system it waits for the last bytes
    abandonPrivateFile(path);
    return { path, bytes: this.#sizeBytes, sha256: this.#hash.digest('hex'), kind: this.origin.kind };
  }

  /** Closes an incomplete file: keeps it if a later run can resume it, else removes it. */
  leave(): void {
    if (this.resumePoint !== undefined && isWorthResuming(this.origin.totalBytes)) this.#close();
    else this.discard();
  }

  /** Removes the file, if there is one. Its errors are ignored: an earlier error led here. */
  discard(): void {
    const opened = this.#opened;
    this.#close();
    if (opened !== null) attempt(() => rmSync(opened.path, { force: true }));
  }

  #close(): void {
    if (this.#opened === null) return;
    if (!this.#isClosed) closeSync(this.#opened.descriptor);
    this.#isClosed = true;
    abandonPrivateFile(this.#opened.path);
  }

  #learn(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#walk.feed(chunk);
  }

  #checkFolder(): void {
    const { path } = this.origin;
    try {
      accessSync(dirname(path), constants.W_OK | constants.X_OK);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /** Whether a file may be a beginning of this one. */
  #mayContinue({ descriptor }: PrivateFile): boolean {
    const { kind, totalBytes } = this.origin;
    const head = Buffer.alloc(SNIFF_BYTES);
    const headBytes = readSync(descriptor, head, 0, SNIFF_BYTES, 0);
    const isTooLong = fstatSync(descriptor).size > (totalBytes ?? Number.POSITIVE_INFINITY);
    return !isTooLong && sniffMedia(head.subarray(0, headBytes)) === kind;
  }

  async #takeOver(adopted: PrivateFile): Promise<void> {
    this.#opened = adopted;
    const { totalBytes } = this.origin;
    const { descriptor } = adopted;
    const { size } = fstatSync(descriptor);
    // A complete file that was not renamed is resumed at its last byte, so that one more reply confirms its end.
    const keptBytes = totalBytes === null ? size : Math.min(size, totalBytes - 1);
    if (keptBytes <= 0) return;
    const kept = createReadStream(adopted.path, {
      fd: descriptor,
      start: 0,
      end: keptBytes - 1,
      highWaterMark: FLUSH_BYTES,
      autoClose: false,
    });
    for await (const chunk of kept) this.#learn(chunk);
    this.#sizeBytes = keptBytes;
  }

  async #open(): Promise<PrivateFile> {
    const { path } = this.origin;
    try {
      if (this.#isClosed) throw new Error('the partial file is closed'); // its descriptor may be another file’s by now
      this.#opened ??= await createPrivateFile(dirname(path), this.#tag);
      return this.#opened;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  async #write(chunks: readonly Uint8Array[], sizeBytes: number): Promise<void> {
    const { descriptor } = await this.#open();
    let bytesWritten: number;
    try {
      const at = this.#sizeBytes;
      bytesWritten =
        sizeBytes < SMALL_BYTES
          ? writevSync(descriptor, chunks, at)
          : (await promisify(writev)(descriptor, chunks, at)).bytesWritten;
      this.#sizeBytes += bytesWritten;
      if (bytesWritten === 0) throw new Error('nothing could be written');
    } catch (error) {
      throw cannotWrite(this.origin.path, error);
    }
    // The next write fails with the reason: a full disk, a quota, or a limit on file size.
    if (bytesWritten < sizeBytes) {
      await this.#write([Buffer.concat(chunks).subarray(bytesWritten)], sizeBytes - bytesWritten);
    }
  }
}

function isWorthResuming(totalBytes: number | null): boolean {
  return totalBytes === null || totalBytes >= SMALL_BYTES;
}

function tagOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
