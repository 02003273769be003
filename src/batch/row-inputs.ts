import { resolve } from 'node:path';
import type { RequestInput, SourceFacts } from '../domain/request.ts';
import type { Reference, VideoFile } from '../domain/video.ts';
import { describeImage } from '../jobs/fingerprint.ts';
import { decodeText, readBytes } from '../jobs/input-file.ts';
import { isRemoteImage, readReference, readReferenceImage, readSourceFile } from '../jobs/input-media.ts';
import { leadsInside } from './manifest-paths.ts';
import type { ManifestRow } from './row-reader.ts';

/** Where the files that rows name may be. */
export interface InputPlaces {
  /** The folder of the manifest, which holds the images and prompt files of its rows; absolute. */
  readonly sourceFolder: string;
  /** Whether rows may name files outside of it. */
  readonly allowPaths: boolean;
  /** The files that the command line names, which may be anywhere; absolute. */
  readonly optionFiles: readonly string[];
}

/** A file of a row, whose bytes are read again when it is submitted. */
export interface RowFile {
  /** Absolute. */
  readonly path: string;
  /** `sha256:…`, as stored in the ledger. */
  readonly digest: string;
}

interface InputImage {
  readonly image: RequestInput['image'];
  /** Null for an image that is not a file. */
  readonly file: RowFile | null;
}

/** Reads what rows name. Every method throws an `Error` that states the problem. */
export class RowInputs {
  readonly #places: InputPlaces;
  readonly #images = new Map<string, InputImage>();
  readonly #references = new Map<string, Reference>();

  constructor(places: InputPlaces) {
    this.#places = places;
  }

  /** The prompt, from its file if it is `@file`; `@@x` is the text `@x`. */
  prompt(text: string): string {
    if (text.startsWith('@@')) return text.slice(1);
    if (!text.startsWith('@')) return text;
    const path = this.#pathOf(text.slice(1), 'the prompt file');
    return decodeText(readBytes(path, 'the prompt file'), path);
  }

  /** Many rows may share an image, so each file is read once and only its properties are kept. */
  image(name: string): InputImage {
    const known = this.#images.get(name);
    if (known !== undefined) return known;
    this.#checkPlace(name, 'the reference image');
    const { sourceFolder } = this.#places;
    const { reference, size, isTurned } = readReferenceImage(name, sourceFolder);
    const read: InputImage =
      reference.kind === 'file'
        ? {
            image: { reference: { ...reference, bytes: new Uint8Array() }, size, isTurned },
            file: { path: resolve(sourceFolder, name), digest: describeImage(reference) },
          }
        : { image: { reference, size, isTurned }, file: null };
    this.#images.set(name, read);
    return read;
  }

  /** A video to start from, without its bytes. */
  video(name: string): {
    readonly video: VideoFile;
    readonly facts: Omit<SourceFacts, 'model'>;
    readonly file: RowFile;
  } {
    const path = this.#pathOf(name, 'the video');
    const { video, facts } = readSourceFile(name, this.#places.sourceFolder);
    return { video: { ...video, bytes: new Uint8Array() }, facts, file: { path, digest: describeImage(video) } };
  }

  references({ lastFrame, references = [] }: ManifestRow): Reference[] {
    return [
      ...(lastFrame === undefined ? [] : [this.#reference(lastFrame, 'last_frame')]),
      ...references.map((name) => this.#reference(name)),
    ];
  }

  /** Rows share the bytes of a file, which stay in memory. */
  #reference(name: string, role?: 'last_frame'): Reference {
    const known = this.#references.get(`${role} ${name}`);
    if (known !== undefined) return known;
    this.#checkPlace(name, 'the reference');
    const reference = readReference(name, this.#places.sourceFolder, role);
    this.#references.set(`${role} ${name}`, reference);
    return reference;
  }

  #checkPlace(name: string, what: string): void {
    if (!isRemoteImage(name) && !this.#places.optionFiles.includes(name)) this.#pathOf(name, what);
  }

  #pathOf(name: string, what: string): string {
    const { sourceFolder, allowPaths } = this.#places;
    const path = resolve(sourceFolder, name);
    if (allowPaths || leadsInside(sourceFolder, path)) return path;
    throw new Error(`${what} \`${name}\` is outside the manifest's folder (\`--allow-paths\` lifts this)`);
  }
}
