import { createHash } from 'node:crypto';
import { createReadStream, write, writeSync, writev } from 'node:fs';
import { Writable } from 'node:stream';
import { SoraError } from '../domain/errors.ts';

/** The first bytes are written at once: where thousands of small files are saved, the trips would take most of the time. */
const WRITTEN_AT_ONCE_BYTES = 1 << 18;
/** Large writes, so that the socket is read on while the disk is busy; each costs a trip to the thread pool. */
const BATCH_BYTES = 1 << 23;

/** Writes to an open file from an offset on, in large batches, and hashes what it writes. */
export class FileSink extends Writable {
  readonly #descriptor: number;
  readonly #hash = createHash('sha256');
  readonly #onWritten: (positionBytes: number) => void;
  #position: number;

  constructor(descriptor: number, offsetBytes: number, onWritten: (positionBytes: number) => void) {
    super({ highWaterMark: BATCH_BYTES });
    this.#descriptor = descriptor;
    this.#position = offsetBytes;
    this.#onWritten = onWritten;
  }

  /** Feeds the bytes before the offset to the hash; to be called before the first write. */
  async hashExisting(path: string): Promise<void> {
    if (this.#position === 0) return;
    for await (const chunk of createReadStream(path, { end: this.#position - 1, highWaterMark: 1 << 20 })) {
      this.#hash.update(chunk as Buffer); // a stream without an encoding yields buffers
    }
  }

  /** SHA-256 of the whole file, in hexadecimal; to be called once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Resolves when everything handed over so far is in the file. */
  settle(): Promise<void> {
    const nothing = Buffer.alloc(0); // comes behind everything else
    return new Promise((resolve, reject) => {
      this.write(nothing, (error) => (error ? reject(this.errored ?? error) : resolve()));
    });
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#hash.update(chunk);
    if (this.#position + chunk.length <= WRITTEN_AT_ONCE_BYTES) {
      this.#writeAtOnce(chunk, done);
      return;
    }
    write(this.#descriptor, chunk, 0, chunk.length, this.#position, (error, bytesWritten) => {
      this.#advance(error, bytesWritten, chunk.length, done);
    });
  }

  #writeAtOnce(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    let bytesWritten = 0;
    let failure: Error | null = null;
    try {
      bytesWritten = writeSync(this.#descriptor, chunk, 0, chunk.length, this.#position);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#advance(failure, bytesWritten, chunk.length, done);
  }

  override _writev(pending: readonly { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    const chunks = pending.map(({ chunk }) => chunk);
    let sizeBytes = 0;
    for (const chunk of chunks) {
      this.#hash.update(chunk);
      sizeBytes += chunk.length;
    }
    writev(this.#descriptor, chunks, this.#position, (error, bytesWritten) => {
      this.#advance(error, bytesWritten, sizeBytes, done);
    });
  }

  #advance(error: Error | null, bytesWritten: number, wantedBytes: number, done: (error?: Error | null) => void): void {
    if (error !== null) {
      done(new SoraError('cannot_write', { causedBy: error.message, cause: error }));
    } else if (bytesWritten < wantedBytes) {
      done(new SoraError('cannot_write', { causedBy: 'the disk is full' })); // a regular file is written short only then
    } else {
      this.#position += bytesWritten;
      this.#onWritten(this.#position);
      done();
    }
  }
}
