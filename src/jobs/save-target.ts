import { rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { mediaTypeOf } from '../domain/media.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import type { SavedFile } from '../domain/record.ts';
import type { Variant } from '../domain/video.ts';
import type { ObjectContent, ObjectStore, PutOptions } from '../object-storage/object-store.ts';
import { crypto } from '../platform/crypto.ts';
import { createFile, hasCode, numberedNames, replaceFile, statsOf } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { readRegular } from '../platform/open-input.ts';
import type { ContentDeps } from './content-stream.ts';
import {
  checkDestination,
  checkedTarget,
  checkFolder,
  type FileDestination,
  fileExists,
  folderOf,
  isNameKnown,
  pathsFor,
  sidecarPath,
} from './destination.ts';
import { type DownloadOrder, download, FileDownload } from './download.ts';
import { downloadInto } from './download-stream.ts';
import { NAMELESS, type NamedVideo } from './name-template.ts';
import type { WholeFile } from './partial-file.ts';
import { isStillThere } from './saved-file.ts';

/** How many names of an object are tried: a service that calls every name taken must not keep a run forever. */
const MAX_NAMES = 100;

/** Where results are saved: on the disk, or in object storage. Paths are those of the target. */
export interface SaveTarget {
  /** Checks, before money is spent, that results can be saved. Throws `file_exists` and `cannot_write`. */
  check(destination: FileDestination, variants: readonly Variant[], force: boolean, video?: NamedVideo): Promise<void>;
  isTaken(path: string): Promise<boolean>;
  /** Whether a saved file is still as it was saved. */
  holds(file: SavedFile): Promise<boolean>;
  /** Saves a variant whole or not at all; null for what went into a pipe or device. Throws as `download` does. */
  save(deps: ContentDeps, order: DownloadOrder): Promise<SavedFile | null>;
  /** With a link, if the target has links. */
  withLink(file: SavedFile): Promise<SavedFile>;
  /** Writes a JSON file beside a saved one; false if another video has a file of that name. */
  writeSidecar(file: SavedFile, text: string, force: boolean): Promise<boolean>;
}

export function targetOf(path: string, objects: ObjectStore): SaveTarget {
  return isObjectAddress(path) ? new ObjectTarget(objects) : DISK;
}

/** Readable by everyone who can read the video. */
const SIDECAR_MODE = 0o644;

const DISK: SaveTarget = {
  check: async (...wanted) => checkDestination(...wanted),
  isTaken: async (path) => statsOf(path)?.isFile() ?? false,
  holds: async (file) => isStillThere(file),
  withLink: async (file) => file,
  async save(deps, order) {
    const { path } = order;
    if (checkedTarget(path).kind === 'stream') {
      await downloadInto(path, deps, order);
      return null;
    }
    checkFolder(dirname(path)); // one that a template names
    return download(deps, order);
  },
  async writeSidecar(file, text, force) {
    const path = sidecarPath(file.path);
    if (!force) return (await createFile(path, text, SIDECAR_MODE)) || isSidecarOf(file, path);
    await replaceFile(path, text, SIDECAR_MODE);
    return true;
  },
};

/** Whether a file is already this video's sidecar, from another process or an earlier run. */
function isSidecarOf({ sha256 }: SavedFile, path: string): boolean {
  try {
    const sidecar = parseJson(readRegular(path).toString());
    const files = isJsonObject(sidecar) && Array.isArray(sidecar.files) ? sidecar.files : [];
    return files.some((file) => isJsonObject(file) && file.sha256 === sha256);
  } catch (error) {
    if (hasCode(error, 'EISDIR')) return false;
    throw error;
  }
}

/**
 * Object storage. A download is completed in a private file first, so a run that is killed during the upload need not
 * repeat it.
 */
class ObjectTarget implements SaveTarget {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async check(...[destination, variants, force, video = NAMELESS]: Parameters<SaveTarget['check']>): Promise<void> {
    await this.#store.check(probeOf(destination));
    if (force || !isNameKnown(destination)) return;
    const taken: string[] = [];
    for (const { path } of pathsFor(destination, variants, video)) if (await this.isTaken(path)) taken.push(path);
    if (taken.length > 0) throw fileExists(taken.join(', '));
  }

  async isTaken(path: string): Promise<boolean> {
    return (await this.#store.find(path)) !== null;
  }

  async holds({ path, bytes }: SavedFile): Promise<boolean> {
    return (await this.#store.find(path))?.bytes === bytes;
  }

  async save(deps: ContentDeps, order: DownloadOrder): Promise<SavedFile> {
    const { spoolDir } = this.#store;
    makeFolder(spoolDir, 0o700);
    const spool = join(spoolDir, posix.basename(order.path));
    const upload = (wanted: string, whole: WholeFile): Promise<string> => this.#upload(wanted, whole, deps, order);
    const file = await new FileDownload(deps, order, spool, upload).run();
    return this.withLink(file);
  }

  async withLink(file: SavedFile): Promise<SavedFile> {
    const link = await this.#store.link(file.path).catch(() => undefined); // the object is saved without it
    return link === undefined ? file : { ...file, link };
  }

  async writeSidecar(file: SavedFile, text: string, force: boolean): Promise<boolean> {
    const path = sidecarPath(file.path);
    const source = Buffer.from(text);
    const facts = { bytes: source.length, sha256: crypto().hash('sha256', source), about: file.sha256 };
    if (await this.#store.put(path, { source, mediaType: 'application/json', ...facts }, { force })) return true;
    return (await this.#store.find(path))?.about === file.sha256;
  }

  /** Returns the name that was free. The identical object from another run is the result, too. */
  async #upload(wanted: string, whole: WholeFile, { signal }: ContentDeps, order: DownloadOrder): Promise<string> {
    const { force, keep = [], onProgress } = order;
    const { path: source, bytes, sha256, kind } = whole;
    const content: ObjectContent = { source, bytes, sha256, mediaType: mediaTypeOf(kind) };
    const onSent = (doneBytes: number): void => onProgress?.(doneBytes, bytes);
    let tried = 0;
    for (const name of numberedNames(wanted)) {
      if (keep.includes(name)) continue;
      if (tried++ === MAX_NAMES) break;
      const options: PutOptions = { force, signal, onProgress: onSent };
      const isThere = (await this.#store.put(name, content, options)) || (await this.#isSame(name, whole));
      if (!isThere) continue;
      await rm(source, { force: true });
      return name;
    }
    throw new SoraError('cannot_write', {
      title: `could not find a free name for ${wanted}: all of ${MAX_NAMES} are taken`,
      hints: ['choose another name with `-o`', 'add `--force` to replace an object'],
    });
  }

  async #isSame(name: string, { bytes, sha256 }: WholeFile): Promise<boolean> {
    const found = await this.#store.find(name);
    return found?.bytes === bytes && found.sha256 === sha256;
  }
}

/** The object itself where its name is known, since rights may depend on the prefix. */
function probeOf(destination: FileDestination): string {
  return destination.kind === 'file' ? destination.path : `${folderOf(destination)}/`;
}
