import { hash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import type { Estimate } from '../domain/pricing.ts';
import type { RecordedRequest } from '../domain/record.ts';
import type { RequestInput, RequestResolution } from '../domain/request.ts';
import { type Reference, VARIANTS, type Variant, type VideoRequest } from '../domain/video.ts';
import {
  endsInSlash,
  type FileDestination,
  foldedName,
  isNameKnown,
  nameFaults,
  pathsFor,
  sidecarPath,
} from '../jobs/destination.ts';
import { describeImage, fingerprintOf, recordRequest } from '../jobs/fingerprint.ts';
import type { FolderListings } from '../jobs/folder-listings.ts';
import { decodeText, readBytes } from '../jobs/input-file.ts';
import {
  escapeTemplate,
  isTemplate,
  NAMELESS,
  type NamedVideo,
  placeTemplate,
  rowName,
  templateFaults,
} from '../jobs/name-template.ts';
import { isRemoteImage, readReference, readReferenceImage } from '../jobs/reference-image.ts';
import type { RowRef } from '../jobs/submit.ts';
import { pathFault } from '../platform/file-names.ts';
import { isInside, leadsInside } from './manifest-paths.ts';
import type { Manifest, ManifestFault, ManifestRow } from './manifest-row.ts';

/** Platforms whose file systems usually take `A.mp4` and `a.mp4` for one file. */
const CASE_IS_IGNORED: ReadonlySet<NodeJS.Platform> = new Set(['win32', 'darwin']);

/** One video of a manifest, ready to be submitted. */
export interface BatchRow {
  readonly line: number;
  readonly id: string | null;
  readonly ref: RowRef;
  /** The requested length, if a different one will be rendered. */
  readonly askedSeconds: number | null;
  /** Without the bytes of an image file, so that a thousand rows do not hold them in memory. */
  readonly request: VideoRequest;
  readonly image: ImageFile | null;
  readonly estimate: Estimate | null;
  readonly destination: FileDestination;
  readonly variants: readonly [Variant, ...Variant[]];
}

interface ImageFile {
  /** Absolute. */
  readonly path: string;
  /** `sha256:…`, as stored in the ledger. */
  readonly digest: string;
}

export interface RowSurroundings {
  /** The manifest's name in the ledger. */
  readonly batch: string;
  readonly baseUrl: string;
  /** The folder of the manifest, which holds the images and prompt files of its rows; absolute. */
  readonly sourceFolder: string;
  /** Where videos go: absolute. */
  readonly outputFolder: string;
  /** How the files of rows without an `output` are named; absolute, or null for the default names. */
  readonly outputTemplate: string | null;
  readonly nowMs: number;
  /** Whether rows may name files outside these two folders. */
  readonly allowPaths: boolean;
  /** The files that the command line names, which may be anywhere; absolute. */
  readonly optionFiles: readonly string[];
  /** Whether a sidecar is saved beside each file. */
  readonly sidecar: boolean;
  readonly platform: NodeJS.Platform;
  readonly listings: FolderListings;
  readonly variants: readonly [Variant, ...Variant[]];
  readonly resolve: (input: RequestInput) => RequestResolution;
  readonly estimate: (request: VideoRequest) => Estimate | null;
}

export interface ResolvedRows {
  readonly rows: readonly BatchRow[];
  readonly faults: readonly ManifestFault[];
  /** What was changed or assumed, each listed once. */
  readonly notes: ReadonlySet<string>;
}

/** Resolves all rows of a manifest and reports every fault of every row. */
export function resolveRows(manifest: Manifest, surroundings: RowSurroundings): ResolvedRows {
  const resolver = new RowResolver(surroundings, manifest.rows.length);
  const rows = manifest.rows.flatMap((row) => resolver.resolve(row));
  const faults = [...manifest.faults, ...resolver.faults].sort((a, b) => a.line - b.line);
  return { rows, faults, notes: resolver.notes };
}

class RowResolver {
  readonly faults: ManifestFault[] = [];
  readonly notes = new Set<string>();
  readonly #surroundings: RowSurroundings;
  readonly #images = new Map<string, { readonly image: RequestInput['image']; readonly digest: string | null }>();
  readonly #references = new Map<string, Reference>();
  readonly #occurrences = new Map<string, number>();
  /** Whether a folder is in the output folder, with links followed. */
  readonly #foldersInside = new Map<string, boolean>();
  #rows = 0;
  /** The first row that names each file. */
  readonly #outputs = new Map<string, { readonly line: number; readonly path: string }>();

  readonly #total: number;

  constructor(surroundings: RowSurroundings, total: number) {
    this.#surroundings = surroundings;
    this.#total = total;
  }

  resolve(row: ManifestRow): BatchRow[] {
    const { resolve: resolveRequest, estimate, sourceFolder } = this.#surroundings;
    this.#rows += 1;
    const faultsBefore = this.faults.length;
    const destination = this.#destinationOf(row);
    const isOutputFine = this.faults.length === faultsBefore;
    const destinations = Array.from({ length: row.count }, (_, at) => this.#placed(destination, at + 1));
    const variants = this.#variantsOf(row);
    const prompt = this.#attempt(row, () => this.#readPrompt(row.prompt));
    const read = row.image === undefined ? null : this.#attempt(row, () => this.#readImage(row.image ?? ''));
    const references = this.#attempt(row, () => this.#referencesOf(row));
    const resolution = resolveRequest({
      ...row.options,
      prompt: prompt ?? 'unreadable',
      image: read?.image,
      references,
      variants,
    });
    if (!resolution.ok) this.#fault(row, resolution.violations);
    if (isOutputFine) this.#checkNames(row, destinations, variants, resolution.ok ? resolution.value.request : null);
    if (!resolution.ok || this.faults.length > faultsBefore) return [];
    for (const note of resolution.value.notes) this.notes.add(note);

    const { request, askedSeconds } = resolution.value;
    const digest = read?.digest ?? null;
    const bare = digest === null ? request : { ...request, image: null };
    const recorded = { ...recordRequest(bare), ...(digest === null ? {} : { image: digest }) };
    const image = digest === null ? null : { path: resolve(sourceFolder, row.image ?? ''), digest };
    const price = estimate(request);
    const { line, id } = row;
    // Written out: V8 gives each copy of an object that is spread into a longer one a shape of its own, 400 bytes a row.
    return destinations.map((placed) => ({
      line,
      id,
      ref: this.#ref(id, recorded),
      askedSeconds,
      request: bare,
      image,
      estimate: price,
      destination: placed,
      variants,
    }));
  }

  /**
   * The same in every run of the manifest, as long as the row asks for the same
   * video from the same server. Equal rows are numbered.
   */
  #ref(id: string | null, recorded: RecordedRequest): RowRef {
    const { batch, baseUrl } = this.#surroundings;
    const name = hash('sha256', JSON.stringify([batch, id, fingerprintOf(baseUrl, recorded)])).slice(0, 32);
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1;
    this.#occurrences.set(name, occurrence);
    return { batch, key: occurrence === 1 ? name : `${name}-${occurrence}` };
  }

  #variantsOf({ line, variants }: ManifestRow): readonly [Variant, ...Variant[]] {
    if (variants === undefined) return this.#surroundings.variants;
    const names = [...new Set(variants)];
    const known = VARIANTS.filter((variant) => names.includes(variant));
    const unknown = names.filter((name) => !VARIANTS.some((variant) => variant === name));
    this.#fault(
      { line },
      unknown.map((name) => `the variant \`${name}\` is not one of ${VARIANTS.join(', ')}`),
    );
    const [first, ...others] = known;
    return first === undefined ? this.#surroundings.variants : [first, ...others];
  }

  /** Where the videos of a row go; the fields of place are still to be filled in. */
  #destinationOf({ line, output }: ManifestRow): FileDestination {
    const { outputFolder, outputTemplate, allowPaths, sidecar, platform, listings } = this.#surroundings;
    if (output === undefined) return { kind: 'template', path: outputTemplate ?? this.#defaultName(outputFolder) };
    const isNamed = isTemplate(output);
    const fault = isNamed ? null : pathFault(output, sidecar ? sidecarPath('').length : 0, platform);
    const faults = isNamed ? templateFaults(output, ['row', 'n']) : fault === null ? [] : [fault];
    for (const each of faults) this.#fault({ line }, [`the output \`${output}\`: ${each}`]);
    const base = isNamed ? escapeTemplate(outputFolder) : outputFolder;
    const path = resolve(base, output);
    if (!allowPaths && (isAbsolute(output) || !isInside(base, path))) {
      this.#fault({ line }, [outside(output)]);
    }
    const isFolder = endsInSlash(output) || output.endsWith('\\') || (!isNamed && listings.stat(path)?.isDirectory());
    if (isFolder)
      return { kind: 'template', path: isNamed ? join(path, rowName(this.#total)) : this.#defaultName(path) };
    return { kind: isNamed ? 'template' : 'file', path };
  }

  #defaultName(folder: string): string {
    return join(escapeTemplate(folder), rowName(this.#total));
  }

  #placed({ kind, path }: FileDestination, n: number): FileDestination {
    return { kind, path: kind === 'template' ? placeTemplate(path, { row: this.#rows, n }) : path };
  }

  /** Two videos cannot have one file, and each must have a name that can be stored. */
  #checkNames(
    { line, output }: ManifestRow,
    destinations: readonly FileDestination[],
    variants: readonly Variant[],
    request: VideoRequest | null,
  ): void {
    const { allowPaths, sidecar, platform } = this.#surroundings;
    const video: NamedVideo = { ...(request ?? NAMELESS), id: null, createdAtMs: this.#surroundings.nowMs };
    const reserveBytes = sidecar ? sidecarPath('').length : 0;
    for (const destination of destinations) {
      if (request === null && destination.kind !== 'file') return; // its names are not known
      this.#fault({ line }, nameFaults(destination, variants, video, { reserveBytes, platform }));
      const paths = pathsFor(destination, variants, video).map(({ path }) => path);
      if (!allowPaths && output !== undefined && !paths.every((path) => this.#leadsInside(path))) {
        this.#fault({ line }, [outside(output)]);
      }
      if (!isNameKnown(destination)) continue;
      for (const [at, path] of paths.entries()) {
        const isOwn = at === 0 && destination.kind === 'file';
        this.#claim(path, isOwn ? output : undefined, line);
      }
      if (destination.kind === 'file') return; // that `count` asks for more is a fault already
    }
  }

  #claim(path: string, output: string | undefined, line: number): void {
    const name = CASE_IS_IGNORED.has(this.#surroundings.platform) ? foldedName(path) : path;
    const first = this.#outputs.get(name);
    if (first === undefined) {
      this.#outputs.set(name, { line, path });
      return;
    }
    const why = first.path === path ? '' : ', as this platform ignores case';
    const shown = output ?? relative(this.#surroundings.outputFolder, path);
    this.#fault({ line }, [`the output \`${shown}\` is already used in line ${first.line}${why}`]);
  }

  #leadsInside(path: string): boolean {
    const { outputFolder } = this.#surroundings;
    const folder = dirname(path);
    const isFolderInside = this.#foldersInside.get(folder) ?? leadsInside(outputFolder, folder);
    this.#foldersInside.set(folder, isFolderInside);
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return isFolderInside && (!isLink || leadsInside(outputFolder, path));
  }

  /** The absolute path of a file that a row names. Throws an `Error` if it leads out of the manifest's folder. */
  #sourcePath(name: string, what: string): string {
    const { sourceFolder, allowPaths } = this.#surroundings;
    const path = resolve(sourceFolder, name);
    if (allowPaths || leadsInside(sourceFolder, path)) return path;
    throw new Error(`${what} \`${name}\` is outside the manifest's folder (\`--allow-paths\` lifts this)`);
  }

  #readPrompt(prompt: string): string {
    if (!prompt.startsWith('@')) return prompt;
    const path = this.#sourcePath(prompt.slice(1), 'the prompt file');
    return decodeText(readBytes(path, 'the prompt’s file'), path);
  }

  /** Many rows may share an image, so each file is read once and only its properties are kept. */
  #readImage(name: string) {
    const known = this.#images.get(name);
    if (known !== undefined) return known;
    this.#checkPlace(name, 'the reference image');
    const { reference, size, isTurned } = readReferenceImage(name, this.#surroundings.sourceFolder);
    const read =
      reference.kind === 'file'
        ? {
            image: { reference: { ...reference, bytes: new Uint8Array() }, size, isTurned },
            digest: describeImage(reference),
          }
        : { image: { reference, size, isTurned }, digest: null };
    this.#images.set(name, read);
    return read;
  }

  #referencesOf({ lastFrame, references = [] }: ManifestRow): Reference[] {
    return [
      ...(lastFrame === undefined ? [] : [this.#readReference(lastFrame, 'last_frame')]),
      ...references.map((name) => this.#readReference(name)),
    ];
  }

  /** Rows share the bytes of a file, which stay in memory. */
  #readReference(name: string, role?: 'last_frame'): Reference {
    const known = this.#references.get(`${role} ${name}`);
    if (known !== undefined) return known;
    this.#checkPlace(name, 'the reference');
    const reference = readReference(name, this.#surroundings.sourceFolder, role);
    this.#references.set(`${role} ${name}`, reference);
    return reference;
  }

  #checkPlace(name: string, what: string): void {
    if (!isRemoteImage(name) && !this.#surroundings.optionFiles.includes(name)) this.#sourcePath(name, what);
  }

  #attempt<T>(row: ManifestRow, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#fault(row, [error instanceof Error ? error.message : String(error)]);
      return undefined;
    }
  }

  #fault({ line }: { readonly line: number }, messages: readonly string[]): void {
    for (const message of messages) this.faults.push({ line, message });
  }
}

function outside(output: string): string {
  return `the output \`${output}\` must stay in the output folder (\`--allow-paths\` lifts this)`;
}

/** The request with the bytes of its image. Throws `invalid_request` when the file is no longer what it was. */
export function completeRequest({ request, image, line }: BatchRow): VideoRequest {
  if (image === null) return request;
  try {
    const { reference } = readReferenceImage(image.path, '/');
    if (describeImage(reference) === image.digest) return { ...request, image: reference };
  } catch (error) {
    throw new SoraError('invalid_request', { causedBy: error instanceof Error ? error.message : String(error) });
  }
  throw new SoraError('invalid_request', {
    title: `the image of line ${line} has changed since the batch began: ${image.path}`,
  });
}
