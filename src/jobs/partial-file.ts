import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { SoraError } from '../domain/errors.ts';
import { cannotWrite } from './destination.ts';

/** Large writes: a trip to the disk for each chunk of a socket would take longer than the disk does. */
const FLUSH_BYTES = 1 << 20;

/** A file that is downloaded from its beginning to its end, and the hash of what it holds so far. */
export class PartialFile {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens or creates a file whose first `keptBytes` stay as they are. Throws `cannot_write`. */
  static async open(path: string, keptBytes: number): Promise<PartialFile> {
    try {
      const partial = new PartialFile(await open(path, constants.O_RDWR | constants.O_CREAT, 0o644));
      await partial.#keep(keptBytes);
      return partial;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /** How many bytes are on the disk. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Appends chunks as they arrive; the next ones are read while the last ones are written. What arrived before the
   * source broke is written too. Throws what the source throws, or `cannot_write`.
   */
  async append(source: AsyncIterable<Uint8Array>, onReceived: (sizeBytes: number) => void): Promise<void> {
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    let receivedBytes = this.#sizeBytes;
    let writing = Promise.resolve();
    const flush = async (): Promise<void> => {
      await writing;
      writing = this.#write(held, heldBytes);
      writing.catch(() => {}); // thrown when it is awaited
      held = [];
      heldBytes = 0;
    };
    try {
      for await (const chunk of source) {
        this.#hash.update(chunk);
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

  /** SHA-256 of the whole file, in hexadecimal; once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  /** Cuts off what an earlier, longer file left behind the end. */
  async truncate(): Promise<void> {
    await this.#file.truncate(this.#sizeBytes);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #keep(keptBytes: number): Promise<void> {
    if (keptBytes === 0) return;
    const kept = this.#file.createReadStream({
      start: 0,
      end: keptBytes - 1,
      highWaterMark: FLUSH_BYTES,
      autoClose: false,
    });
    for await (const chunk of kept) this.#hash.update(chunk);
    this.#sizeBytes = keptBytes;
  }

  async #write(chunks: readonly Uint8Array[], sizeBytes: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(chunks, this.#sizeBytes).catch((error: Error) => {
      throw new SoraError('cannot_write', { causedBy: error.message, cause: error });
    });
    this.#sizeBytes += bytesWritten;
    if (bytesWritten < sizeBytes) throw new SoraError('cannot_write', { causedBy: 'the disk is full' });
  }
}
