import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { addAbortSignal, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ResumePoint } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import type { MediaKind } from '../domain/media.ts';
import type { SavedFile } from '../domain/record.ts';
import { claimName, hasCode, numberedNames } from '../platform/files.ts';
import { type CheckedContent, type ContentDeps, type ContentOrder, openChecked } from './content-stream.ts';
import { cannotWrite, withExtension } from './destination.ts';
import { PartialFile } from './partial-file.ts';

/** Tries in a row that bring no new byte. */
const MAX_IDLE_TRIES = 5;
const RETRY_DELAY_MS = 500;

export interface DownloadOrder extends ContentOrder {
  /** Absolute. */
  readonly path: string;
  /** The name was made by us, so its ending may follow what the file really is. */
  readonly isDefaultName: boolean;
  readonly force: boolean;
  /** Bytes that have arrived, with those of earlier tries, and of how many when that is known. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number | null) => void) | undefined;
}

/**
 * Brings a video home whole or not at all: into a `.part` file whose name holds
 * what the bytes belong to, so that a cut download goes on where it stopped, also
 * in a later run; then to its name, which never hides a file that was there.
 * Where the very same file stands there already, it is the result: processes that
 * download one video at once end with one file.
 *
 * Throws `download_corrupt`, `cannot_write` and whatever the client throws.
 */
export async function download(deps: ContentDeps, order: DownloadOrder): Promise<SavedFile> {
  const part = new PartFile(deps, order);
  try {
    return await tryOn(
      deps,
      () => part.fetchRest(),
      () => part.sizeBytes,
    );
  } catch (error) {
    deps.signal?.throwIfAborted();
    await part.discardIfUseless();
    throw asDownloadError(error, order);
  }
}

/** Tries again after passing faults, for as long as every few tries bring new bytes; throws the fault that ends it. */
async function tryOn<T>(
  { clock, signal }: ContentDeps,
  attempt: () => Promise<T>,
  broughtBytes: () => number,
): Promise<T> {
  for (let idleTries = 0; ; ) {
    const before = broughtBytes();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      idleTries = broughtBytes() > before ? 0 : idleTries + 1;
      if (!isTransient(error) || idleTries === MAX_IDLE_TRIES) throw error;
      await clock.sleep(RETRY_DELAY_MS * 2 ** idleTries, signal);
    }
  }
}

/** The unfinished file of one download, over all its tries. */
class PartFile {
  readonly #deps: ContentDeps;
  readonly #order: DownloadOrder;
  #path: string;
  #validator: string | null = null;
  #kind: MediaKind | null = null;
  #isThere = false;
  /** The most that the file may hold, of this run and of an earlier one. */
  #longestBytes = 0;
  sizeBytes = 0;

  constructor(deps: ContentDeps, order: DownloadOrder) {
    this.#deps = deps;
    this.#order = order;
    this.#path = `${order.path}.${randomBytes(4).toString('hex')}.part`;
  }

  async fetchRest(): Promise<SavedFile> {
    const content = await this.#openContent();
    if (content.kind !== null) this.#kind = content.kind;
    const file = await this.#write(content);
    const { totalBytes } = content;
    if (totalBytes !== null && this.sizeBytes !== totalBytes) {
      throw new SoraError('download_corrupt', {
        causedBy: `${this.sizeBytes} of ${totalBytes} bytes arrived`,
        retryable: true,
      });
    }
    const sha256 = file.sha256();
    const path = await this.#place(sha256);
    return { variant: this.#order.variant, path, bytes: this.sizeBytes, sha256 };
  }

  /** The rest of what is on the disk already, of this run or of an earlier one, when the server can resume; else all of it. */
  async #openContent(): Promise<CheckedContent> {
    const content = await this.#openFrom(this.#resumePoint());
    // The rest was sent, or all of it anew; a new validator means another file.
    if (content.offsetBytes > 0 || (this.#validator !== null && content.validator === this.#validator)) return content;
    await this.discard(); // of another file than the one that is sent now
    this.#validator = content.validator;
    if (content.validator === null) return content;
    this.#path = `${this.#order.path}.${this.#tag(content.validator)}.part`;
    this.sizeBytes = (await stat(this.#path).catch(() => null))?.size ?? 0;
    this.#longestBytes = this.sizeBytes;
    this.#isThere = this.sizeBytes > 0;
    const earlier = this.#resumePoint();
    if (earlier === undefined || (content.totalBytes !== null && this.sizeBytes >= content.totalBytes)) return content;
    content.body.destroy();
    this.#kind = content.kind;
    return this.#openFrom(earlier);
  }

  /** A server that answers with another part than was asked for cannot resume, and is asked for all of it. */
  async #openFrom(resume: ResumePoint | undefined): Promise<CheckedContent> {
    try {
      return await openChecked(this.#deps, this.#order, resume && { resume });
    } catch (error) {
      const isOtherPart = resume !== undefined && error instanceof SoraError && error.code === 'download_corrupt';
      if (!isOtherPart) throw error;
      this.sizeBytes = 0;
      return openChecked(this.#deps, this.#order);
    }
  }

  #resumePoint(): ResumePoint | undefined {
    if (this.#validator === null || this.sizeBytes === 0) return undefined;
    return { offsetBytes: this.sizeBytes, validator: this.#validator };
  }

  #tag(validator: string): string {
    const { source, variant } = this.#order;
    return createHash('sha256').update(`${source.id}\n${variant}\n${validator}`).digest('hex').slice(0, 8);
  }

  async #write({ head, body, offsetBytes, totalBytes }: CheckedContent): Promise<PartialFile> {
    // Not emptied first: another process may be writing the very same bytes, and may finish first.
    const file = await PartialFile.open(this.#path, offsetBytes).catch((error: unknown) => {
      body.destroy();
      throw error;
    });
    this.#isThere = true;
    const { signal } = this.#deps;
    const onReceived = (doneBytes: number): void => this.#order.onProgress?.(doneBytes, totalBytes);
    try {
      await file.append(joined(head, signal ? addAbortSignal(signal, body) : body), onReceived);
      const isWhole = totalBytes === null || totalBytes === file.sizeBytes;
      if (isWhole && this.#longestBytes > file.sizeBytes) await file.truncate();
      return file;
    } finally {
      this.sizeBytes = file.sizeBytes;
      this.#longestBytes = Math.max(this.#longestBytes, this.sizeBytes);
      await file.close();
    }
  }

  /** Gives the file its name. */
  async #place(sha256: string): Promise<string> {
    const { path, isDefaultName, force } = this.#order;
    const wanted = isDefaultName && this.#kind !== null ? withExtension(path, this.#kind) : path;
    try {
      if (force) {
        await rename(this.#path, wanted).catch(async (error: unknown) => {
          if (!(await this.#isAt(wanted, sha256))) throw error;
        });
        return wanted;
      }
      for (const candidate of numberedNames(wanted)) {
        if (await claimName(this.#path, candidate)) return candidate;
        if (!(await this.#isAt(candidate, sha256))) continue;
        await rm(this.#path, { force: true });
        return candidate;
      }
    } catch (error) {
      throw cannotWrite(wanted, error);
    }
    return wanted;
  }

  /** Whether what was downloaded stands there already. */
  async #isAt(path: string, sha256: string): Promise<boolean> {
    const { size } = await stat(path);
    return size === this.sizeBytes && (await hashFile(path)) === sha256;
  }

  /** A part that cannot be gone on with is litter; where it cannot be removed, the fault before that is what is told. */
  async discardIfUseless(): Promise<void> {
    if (this.#resumePoint() === undefined) await this.discard().catch(() => {});
  }

  /** Removes it, where there is one. Every call to the file system counts where thousands of small files are saved. */
  async discard(): Promise<void> {
    if (this.#isThere) await rm(this.#path, { force: true });
    this.#isThere = false;
  }
}

async function* joined(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Sends a video to a stream, such as standard output; whether anything was written before a fault decides if it can be mended. */
export async function downloadTo(deps: ContentDeps, order: ContentOrder, output: Writable): Promise<void> {
  let sentBytes = 0;
  let validator: string | null = null;
  const count = (bytes: number): void => {
    sentBytes += bytes;
  };
  const sendRest = async (): Promise<void> => {
    const resume = validator === null || sentBytes === 0 ? undefined : { offsetBytes: sentBytes, validator };
    const content = await openChecked(deps, order, resume && { resume });
    if (content.offsetBytes !== sentBytes) {
      throw new SoraError('download_corrupt', { facts: { id: order.source.id }, retryable: false });
    }
    validator = content.validator;
    const isRead = (await pour([content.head], output, count)) && (await pour(content.body, output, count));
    if (!isRead || content.totalBytes === null || sentBytes === content.totalBytes) return;
    throw new SoraError('download_corrupt', { causedBy: `${sentBytes} of ${content.totalBytes} bytes arrived` });
  };
  try {
    await tryOn(deps, sendRest, () => sentBytes);
  } catch (error) {
    deps.signal?.throwIfAborted();
    throw asDownloadError(error, order);
  }
}

/** Hands bytes on, no faster than they are read; false when the reader has gone away (`| head`), which is no error. */
export async function pour(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  output: Writable,
  onWritten: (bytes: number) => void = () => {},
): Promise<boolean> {
  for await (const chunk of source) {
    onWritten(chunk.length);
    if (output.write(chunk)) continue;
    try {
      await once(output, 'drain');
    } catch (error) {
      if (hasCode(error, 'EPIPE')) return false;
      const causedBy = error instanceof Error ? error.message : String(error);
      throw new SoraError('cannot_write', { title: 'could not write standard output', causedBy, cause: error });
    }
  }
  return true;
}

/** A connection that broke in the middle is worth another try; what the server or the disk refuses is not. */
function isTransient(error: unknown): boolean {
  return error instanceof SoraError ? error.retryable && error.code !== 'content_not_ready' : true;
}

function asDownloadError(error: unknown, { source }: ContentOrder): SoraError {
  if (error instanceof SoraError) return error.jobId === null ? error.with({ jobId: source.id }) : error;
  return new SoraError('download_corrupt', {
    title: 'the download broke off',
    causedBy: error instanceof Error ? error.message : String(error),
    jobId: source.id,
    facts: { id: source.id },
    cause: error,
  });
}
