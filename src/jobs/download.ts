import { chmodSync, createReadStream, createWriteStream, existsSync, fchmodSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ResumePoint } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { promisedKind } from '../domain/media.ts';
import type { SavedFile } from '../domain/record.ts';
import { claimName, defaultFileMode, numberedNames, renameOver, writeTargetOf } from '../platform/files.ts';
import { hashFile } from '../platform/hash-file.ts';
import { createPrivateFile } from '../platform/private-files.ts';
import { type CheckedContent, type ContentDeps, type ContentOrder, openChecked } from './content-stream.ts';
import { cannotWrite, checkedTarget, fileExists, foldedName, withExtension } from './destination.ts';
import { pour, writeInto } from './download-stream.ts';
import { PartialFile, type WholeFile } from './partial-file.ts';
import { incomplete, joined, refuseExcess, retryWhileProgressing } from './transfer.ts';

export interface DownloadOrder extends ContentOrder {
  /** Absolute, or the address of an object. */
  readonly path: string;
  /** See `VariantPath`. */
  readonly isDefaultName: boolean;
  readonly force: boolean;
  /** The key of the submission; null for a job that the ledger does not know. */
  readonly submission: string | null;
  /** Files saved together with this one, which even `force` does not replace. */
  readonly keep?: readonly string[];
  /** Bytes received, including earlier attempts, and the total if known. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number | null) => void) | undefined;
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Downloads a video into a private temporary file that a later run can resume, then gives it its name without
 * overwriting another file.
 * Concurrent downloads of one video end with one file. Throws `download_corrupt`, `cannot_write` and whatever the
 * client throws.
 */
export async function download(deps: ContentDeps, order: DownloadOrder): Promise<SavedFile> {
  const target = checkedTarget(order.path);
  if (target.kind === 'stream') throw cannotWrite(order.path, 'it is not a file');
  return new FileDownload(deps, order, target.path, (wanted, whole) => moveTo(wanted, whole, order)).run();
}

/** Gives a complete file its name, or another one if that is taken; returns it. */
type Place = (wanted: string, whole: WholeFile) => Promise<string>;

/**
 * One download, including all attempts, into a private temporary file in the folder of `beside`, which is passed to `place`
 * when it is complete. If that fails, the file is left for a later run.
 */
export class FileDownload {
  readonly #deps: ContentDeps;
  readonly #order: DownloadOrder;
  /** With links resolved. */
  readonly #beside: string;
  readonly #placing: Place;
  #part: PartialFile | null = null;
  #looksForEarlier = true;

  constructor(deps: ContentDeps, order: DownloadOrder, beside: string, place: Place) {
    this.#deps = deps;
    this.#order = order;
    this.#beside = beside;
    this.#placing = place;
  }

  async run(): Promise<SavedFile> {
    const receivedBytes = (): number => this.#part?.sizeBytes ?? 0;
    try {
      return await retryWhileProgressing(this.#deps, this.#order, () => this.#fetchRest(), receivedBytes);
    } catch (error) {
      this.#part?.leave();
      throw error;
    }
  }

  async #fetchRest(): Promise<SavedFile> {
    const { content, part } = await this.#open();
    const { head, body, totalBytes } = content;
    const { signal } = this.#deps;
    try {
      const rest = signal ? addAbortSignal(signal, body) : body;
      await part.append(joined(head, rest), (doneBytes) => {
        refuseExcess(this.#order, doneBytes, totalBytes);
        this.#order.onProgress?.(doneBytes, totalBytes);
      });
    } finally {
      body.destroy(); // if it was not read completely
      if (part.sizeBytes > (totalBytes ?? Number.POSITIVE_INFINITY)) this.#startOver();
    }
    if (totalBytes !== null && part.sizeBytes !== totalBytes) {
      throw incomplete(this.#order, `${part.sizeBytes} of ${totalBytes} bytes arrived`);
    }
    if (part.missing !== null) {
      if (totalBytes !== null) this.#startOver(); // the server may still be writing it
      throw incomplete(this.#order, `the ${part.origin.kind} file is missing ${part.missing}`);
    }
    return this.#place(part);
  }

  /** Continues a partial file of this or an earlier run if the server can resume; else starts from the beginning. */
  async #open(): Promise<{ content: CheckedContent; part: PartialFile }> {
    for (;;) {
      const content = await this.#openFrom(this.#part?.resumePoint);
      const { kind } = content;
      if (kind === null) {
        if (this.#part === null) throw new Error('the end of a file without its beginning');
        return { content, part: this.#part };
      }
      this.#startOver();
      const { submission } = this.#order;
      const source = this.#source(content);
      const part = new PartialFile({ ...content, kind, path: this.#beside, source, submission });
      this.#part = part;
      if (!this.#looksForEarlier || !(await part.resumeEarlier())) return { content, part };
      this.#looksForEarlier = false;
      content.body.destroy();
    }
  }

  /** A server that returns the wrong range cannot resume, so the whole file is requested. */
  async #openFrom(resume: ResumePoint | undefined): Promise<CheckedContent> {
    if (resume === undefined) return openChecked(this.#deps, this.#order);
    try {
      return await openChecked(this.#deps, this.#order, { resume });
    } catch (error) {
      if (!(error instanceof SoraError) || error.code !== 'download_corrupt') throw error;
      return openChecked(this.#deps, this.#order);
    }
  }

  #source({ origin }: CheckedContent): string {
    const { source, variant } = this.#order;
    return JSON.stringify([origin, source.id, variant]);
  }

  #startOver(): void {
    this.#part?.discard();
    this.#part = null;
  }

  /** Moves the complete file to its name. */
  async #place(part: PartialFile): Promise<SavedFile> {
    const { variant, path, isDefaultName, onNote } = this.#order;
    const { kind } = part.origin;
    const wanted = isDefaultName ? withExtension(path, kind) : path;
    const whole = await part.finish();
    const placed = await this.#placing(wanted, whole).catch((error: unknown) => {
      if (error instanceof SoraError || this.#deps.signal?.aborted) throw error;
      if (existsSync(whole.path)) throw cannotWrite(wanted, error);
      throw new Error('another process took over the partial file', { cause: error });
    });
    const promised = promisedKind(extname(placed).slice(1));
    if (promised !== null && promised !== kind) onNote?.(`${placed} holds ${kind} data, whatever its name says`);
    return { variant, path: placed, bytes: whole.bytes, sha256: whole.sha256 };
  }
}

/** Moves a file to its name, readable according to the umask. */
async function moveTo(
  wanted: string,
  whole: WholeFile,
  { force, keep = [] }: Pick<DownloadOrder, 'force' | 'keep'>,
): Promise<string> {
  const kept = new Set(keep.map(foldedName));
  try {
    chmodSync(whole.path, defaultFileMode()); // faster than a round trip to the thread pool
  } catch {
    // Some network file systems have no modes.
  }
  for (const name of numberedNames(wanted)) {
    const target = writeTargetOf(name);
    if (target.kind === 'stream') continue; // never replaced
    if (force && !kept.has(foldedName(name))) {
      await replace(target.path, whole);
      return name;
    }
    if (await claimName(whole.path, target.path)) return name;
    if (!(await isSame(target.path, whole))) continue;
    await rm(whole.path, { force: true });
    return name;
  }
  return wanted;
}

async function replace(path: string, whole: WholeFile): Promise<void> {
  await renameOver(whole.path, path).catch(async (error: unknown) => {
    if (!(await isSame(path, whole))) throw error; // another process downloaded the same file first
  });
}

/** Whether the destination already has the downloaded content. */
async function isSame(path: string, { bytes, sha256 }: WholeFile): Promise<boolean> {
  const { size } = await stat(path);
  return size === bytes && (await hashFile(path)) === sha256;
}

/** Copies a saved file to another name atomically. Throws `file_exists` and `cannot_write`. */
export async function copySaved(from: string, path: string, force: boolean): Promise<void> {
  const target = checkedTarget(path);
  if (target.kind === 'stream') {
    await writeInto(path, (output) => pour(createReadStream(from), output, path));
    return;
  }
  try {
    const copy = await createPrivateFile(dirname(target.path), 'copy');
    try {
      fchmodSync(copy.descriptor, defaultFileMode());
      await pipeline(createReadStream(from), createWriteStream(copy.path, { fd: copy.descriptor }));
      if (force) await renameOver(copy.path, target.path);
      else if (!(await claimName(copy.path, target.path))) throw fileExists(path);
    } finally {
      await rm(copy.path, { force: true });
    }
  } catch (error) {
    throw error instanceof SoraError ? error : cannotWrite(path, error);
  }
}
