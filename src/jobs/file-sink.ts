import { createHash } from 'node:crypto';
import { createReadStream, writev, writevSync } from 'node:fs';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { SoraError } from '../domain/errors.ts';

/** What arrives is held until it is worth a trip to the thread pool: one per chunk takes longer than the disk does. */
const WORTH_A_TRIP_BYTES = 1 << 18;
/** What may wait for the disk while the socket is read on, beside what is being written. */
const WAITING_BYTES = 1 << 20;

const writeChunks = promisify(writev);

type Done = (error?: Error | null) => void;

export interface FileSinkHooks {
  /** Hears the length of the file so far, with what is not written yet. */
  readonly onReceived: (positionBytes: number) => void;
  /** Gets chunks that are written and not needed any more; not all of them. */
  readonly recycle?: ((chunk: Uint8Array) => void) | undefined;
}

/** Writes to an open file from an offset on, in large pieces, and hashes what it writes. */
export class FileSink extends Writable {
  readonly #descriptor: number;
  readonly #hash = createHash('sha256');
  readonly #hooks: FileSinkHooks;
  #receivedBytes: number;
  #writtenBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** One at a time. */
  #trip: Promise<void> | null = null;
  /** Whoever may go on when the disk has caught up. */
  #waiting: Done | null = null;
  #failure: SoraError | null = null;

  constructor(descriptor: number, offsetBytes: number, hooks: FileSinkHooks) {
    super({ highWaterMark: WAITING_BYTES });
    this.#descriptor = descriptor;
    this.#receivedBytes = offsetBytes;
    this.#writtenBytes = offsetBytes;
    this.#hooks = hooks;
  }

  /** Where the next byte goes; once it is settled, all that was received is before it. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Feeds the bytes before the offset to the hash; to be called before the first write. */
  async hashExisting(path: string): Promise<void> {
    if (this.#writtenBytes === 0) return;
    for await (const chunk of createReadStream(path, { end: this.#writtenBytes - 1, highWaterMark: 1 << 20 })) {
      this.#hash.update(chunk as Buffer); // a stream without an encoding yields buffers
    }
  }

  /** SHA-256 of the whole file, in hexadecimal; to be called once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Resolves when everything handed over so far is in the file. */
  async settle(): Promise<void> {
    const nothing = Buffer.alloc(0); // comes behind everything else
    await new Promise<void>((resolve, reject) => {
      this.write(nothing, (error) => (error ? reject(this.errored ?? error) : resolve()));
    });
    while (this.#trip !== null) await this.#trip;
    if (this.#heldBytes > 0) this.#writeAtOnce();
    if (this.#failure !== null) throw this.#failure;
  }

  /** Hashes at once: the disk is busy with what came before, and the socket fills again. */
  override _write(chunk: Uint8Array, _: BufferEncoding, done: Done): void {
    this.#hash.update(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#receivedBytes += chunk.length;
    this.#hooks.onReceived(this.#receivedBytes);
    this.#setOff();
    if (this.#failure !== null || this.#heldBytes < WAITING_BYTES) done(this.#failure);
    else this.#waiting = done;
  }

  #setOff(): void {
    const isDue = this.#trip === null && this.#failure === null && this.#heldBytes >= WORTH_A_TRIP_BYTES;
    if (isDue) this.#trip = this.#writeOnTrip();
  }

  async #writeOnTrip(): Promise<void> {
    const { chunks, sizeBytes } = this.#takeHeld();
    try {
      const { bytesWritten } = await writeChunks(this.#descriptor, chunks, this.#writtenBytes);
      this.#advance(bytesWritten, sizeBytes);
      for (const chunk of chunks) this.#hooks.recycle?.(chunk);
    } catch (error) {
      this.#fail(error);
    }
    this.#trip = null;
    this.#setOff();
    const goOn = this.#waiting;
    this.#waiting = null; // before: going on may end in waiting again
    goOn?.(this.#failure);
  }

  /** The rest; of a small file, all of it. Where thousands of these are saved, a trip for each would take most of the time. */
  #writeAtOnce(): void {
    if (this.#failure !== null) return;
    const { chunks, sizeBytes } = this.#takeHeld();
    try {
      this.#advance(writevSync(this.#descriptor, chunks, this.#writtenBytes), sizeBytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeHeld(): { chunks: Uint8Array[]; sizeBytes: number } {
    const taken = { chunks: this.#held, sizeBytes: this.#heldBytes };
    this.#held = [];
    this.#heldBytes = 0;
    return taken;
  }

  #advance(bytesWritten: number, wantedBytes: number): void {
    this.#writtenBytes += bytesWritten;
    if (bytesWritten === wantedBytes) return; // a regular file is written short only when there is no more room
    this.#failure = new SoraError('cannot_write', { causedBy: 'the disk is full' });
  }

  #fail(error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#failure = new SoraError('cannot_write', { causedBy: cause.message, cause });
  }
}
