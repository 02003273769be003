import { hash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import type { Estimate, PricedRequest } from '../domain/pricing.ts';
import type { RecordedRequest } from '../domain/record.ts';
import {
  type DerivedInput,
  factsFrom,
  pricedFrom,
  type RequestInput,
  type RequestResolution,
  type ResolvedRequest,
  type SourceFacts,
} from '../domain/request.ts';
import { type Derivation, type Reference, VARIANTS, type Variant, type VideoRequest } from '../domain/video.ts';
import {
  endsInSlash,
  type FileDestination,
  foldedName,
  isNameKnown,
  nameFaults,
  outputFault,
  pathIn,
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
import { isFileName, readSourceFile } from '../jobs/source-file.ts';
import type { RowRef } from '../jobs/submit.ts';
import { isInside, leadsInside } from './manifest-paths.ts';
import type { Manifest, ManifestFault, ManifestRow, NamedSource } from './manifest-row.ts';
import { sourcesFirst } from './row-order.ts';

/** Platforms whose file systems usually take `A.mp4` and `a.mp4` for one file. */
const CASE_IS_IGNORED: ReadonlySet<NodeJS.Platform> = new Set(['win32', 'darwin']);

/** One video of a manifest, ready to be submitted. */
export interface BatchRow {
  readonly line: number;
  readonly id: string | null;
  readonly ref: RowRef;
  /** The requested length, if a different one will be rendered. */
  readonly askedSeconds: number | null;
  /** With no bytes for `file`, so that a thousand rows do not hold them in memory, and without the id of a row's video. */
  readonly request: VideoRequest;
  /** The row whose video it starts from; null for none. */
  readonly from: RowSource | null;
  /** Its first frame, or the video that it starts from. */
  readonly file: RowFile | null;
  /** What is known in advance about a video from an existing one; null for any other, which is as its request says. */
  readonly facts: SourceFacts | null;
  readonly estimate: Estimate | null;
  readonly destination: FileDestination;
  readonly variants: readonly [Variant, ...Variant[]];
  /** What its manifest asked for, where a run has the rows of several; left out elsewhere. */
  readonly own?: { readonly maxCostMicros: number | null; readonly force: boolean; readonly sidecar: boolean };
}

interface RowSource {
  readonly operation: Derivation;
  readonly row: Pick<BatchRow, 'id' | 'ref'>;
}

interface RowFile {
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
  /** Where videos go: absolute, or an `s3://` address. */
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
  readonly resolveDerived: (input: DerivedInput) => RequestResolution;
  readonly estimate: (request: PricedRequest) => Estimate | null;
  /** What is known about the videos that rows name, or why they cannot be used. */
  readonly sources: ReadonlyMap<string, StoredSource | string>;
  /** The model that the server uses for a file; null if unknown. */
  readonly fileModel: string | null;
}

/** A video of the server that rows start from. */
export interface StoredSource {
  readonly id: string;
  readonly facts: SourceFacts;
  /** Null if unknown. */
  readonly prompt: string | null;
}

/** The names of videos that are neither rows nor files. */
export function storedNames({ rows }: Manifest, sourceFolder: string): Set<string> {
  const ids = new Set(rows.map(({ id }) => id));
  const names = new Set(rows.flatMap(({ source }) => source?.name ?? []));
  return new Set([...names].filter((name) => !ids.has(name) && !isFileName(name, sourceFolder)));
}

export interface ResolvedRows {
  readonly rows: readonly BatchRow[];
  readonly faults: readonly ManifestFault[];
  /** What was changed or assumed, each listed once. */
  readonly notes: ReadonlySet<string>;
}

/** Resolves all rows of a manifest and reports every fault of every row. */
export function resolveRows(manifest: Manifest, surroundings: RowSurroundings): ResolvedRows {
  const resolver = new RowResolver(manifest.rows, surroundings);
  const rows = resolver.resolveAll();
  const faults = [...manifest.faults, ...resolver.faults].sort((a, b) => a.line - b.line);
  return { rows, faults, notes: resolver.notes };
}

/** The request of a row, and what is not in it. */
interface Draft extends ResolvedRequest {
  readonly file: RowFile | null;
  readonly from: RowSource | null;
  readonly facts: SourceFacts | null;
}

/** The video that a row starts from. */
interface Start extends Pick<DerivedInput, 'source' | 'facts'> {
  /** The source is a row with faults of its own, which are reported there. */
  readonly isFaulty?: boolean;
  readonly prompt: string | null;
  readonly file: RowFile | null;
  readonly from: RowSource | null;
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
  readonly #rowsById: ReadonlyMap<string | null, ManifestRow>;
  readonly #places: ReadonlyMap<ManifestRow, number>;
  readonly #resolved = new Map<ManifestRow, readonly BatchRow[]>();
  /** The first row that names each file. */
  readonly #outputs = new Map<string, { readonly line: number; readonly path: string }>();

  readonly #manifestRows: readonly ManifestRow[];

  constructor(rows: readonly ManifestRow[], surroundings: RowSurroundings) {
    this.#manifestRows = rows;
    this.#surroundings = surroundings;
    this.#rowsById = new Map(rows.filter(({ id }) => id !== null).map((row) => [row.id, row]));
    this.#places = new Map(rows.map((row, at) => [row, at]));
  }

  /** In the order of the manifest, although sources are resolved first. */
  resolveAll(): BatchRow[] {
    const rows = this.#manifestRows;
    const { ordered, circles } = sourcesFirst(rows, ({ source }) => this.#rowsById.get(source?.name ?? null));
    for (const circle of circles) {
      const [first] = circle;
      const names = [...circle, ...circle.slice(0, 1)].map(({ id }) => `\`${id}\``);
      if (first !== undefined) this.#fault(first, [`rows that start from each other: ${names.join(' → ')}`]);
    }
    for (const row of ordered) this.#resolved.set(row, this.#resolve(row));
    return rows.flatMap((row) => this.#resolved.get(row) ?? []);
  }

  #resolve(row: ManifestRow): BatchRow[] {
    const { estimate } = this.#surroundings;
    const faultsBefore = this.faults.length;
    const destination = this.#destinationOf(row);
    const isOutputFine = this.faults.length === faultsBefore;
    const destinations = Array.from({ length: row.count }, (_, at) => this.#placed(row, destination, at + 1));
    const variants = this.#variantsOf(row);
    const draft = row.source === null ? this.#fromPrompt(row, variants) : this.#fromVideo(row, row.source, variants);
    if (isOutputFine) this.#checkNames(row, destinations, variants, draft && expectedVideo(draft));
    if (draft === undefined || this.faults.length > faultsBefore) return [];
    for (const note of draft.notes) this.notes.add(note);

    const { request, askedSeconds, file, from, facts } = draft;
    const recorded = recordedOf(draft);
    const price = estimate(expectedVideo(draft));
    const { line, id } = row;
    // Written out: V8 gives each copy of an object that is spread into a longer one a shape of its own, 400 bytes a row.
    return destinations.map((placed) => ({
      line,
      id,
      ref: this.#ref(id, recorded),
      askedSeconds,
      request,
      from,
      file,
      facts,
      estimate: price,
      destination: placed,
      variants,
    }));
  }

  #fromPrompt(row: ManifestRow, variants: readonly Variant[]): Draft | undefined {
    const prompt = this.#attempt(row, () => this.#readPrompt(row.prompt ?? ''));
    const read = row.image === undefined ? null : this.#attempt(row, () => this.#readImage(row.image ?? ''));
    const references = this.#attempt(row, () => this.#referencesOf(row));
    const resolution = this.#surroundings.resolve({
      ...row.options,
      prompt: prompt ?? UNREADABLE,
      image: read?.image,
      references,
      variants,
    });
    const resolved = this.#checked(row, resolution);
    if (resolved === undefined) return undefined;
    const { request, askedSeconds, notes } = resolved;
    const digest = read?.digest ?? null;
    const file = digest === null ? null : { path: resolve(this.#surroundings.sourceFolder, row.image ?? ''), digest };
    return { request, askedSeconds, notes, file, from: null, facts: null };
  }

  #fromVideo(row: ManifestRow, named: NamedSource, variants: readonly Variant[]): Draft | undefined {
    const given = row.prompt === null ? null : this.#attempt(row, () => this.#readPrompt(row.prompt ?? ''));
    const start = this.#attempt(row, () => this.#startOf(named));
    if (start === undefined) return undefined;
    const prompt = given === null ? start.prompt : (given ?? UNREADABLE);
    if (prompt === null) this.#fault(row, ['the prompt of the source is unknown; add a `prompt`']);
    const { duration, params, exact } = row.options;
    const { source, facts, file, from } = start;
    const input = { prompt: prompt ?? UNREADABLE, duration, params, exact, source, facts, variants };
    const resolved = this.#checked(row, this.#surroundings.resolveDerived(input));
    if (resolved === undefined || start.isFaulty) return undefined;
    const { source: _, ...sourceless } = resolved.request;
    const request = from === null ? resolved.request : sourceless;
    return { ...resolved, request, file, from, facts: factsFrom(named.operation, request, facts) };
  }

  #checked(row: ManifestRow, resolution: RequestResolution): ResolvedRequest | undefined {
    if (resolution.ok) return resolution.value;
    this.#fault(row, resolution.violations);
    return undefined;
  }

  /** Throws an `Error` that states the problem. */
  #startOf({ operation, name }: NamedSource): Start {
    const { sources, sourceFolder } = this.#surroundings;
    const row = this.#rowsById.get(name);
    if (row !== undefined) return this.#startOfRow(operation, name, row);
    if (isFileName(name, sourceFolder)) return this.#startOfFile(operation, name);
    const stored = sources.get(name);
    if (stored === undefined || typeof stored === 'string') throw new Error(`\`${operation}: ${name}\`: ${stored}`);
    const { id, facts, prompt } = stored;
    return { source: { operation, video: { kind: 'id', id } }, facts, prompt, file: null, from: null };
  }

  #startOfRow(operation: Derivation, name: string, source: ManifestRow): Start {
    const { count, line } = source;
    if (count > 1) {
      throw new Error(`\`${operation}: ${name}\`: line ${line} makes ${count} videos, so no row can start from it`);
    }
    const row = this.#resolved.get(source)?.[0];
    const { model, size, seconds } = row?.request ?? NOTHING_KNOWN;
    return {
      // Stands for the video until the row is done.
      source: { operation, video: { kind: 'id', id: `row:${row?.ref.key}` } },
      facts: row?.facts ?? { model, size, seconds },
      prompt: row?.request.prompt ?? UNREADABLE,
      file: null,
      from: row === undefined ? null : { operation, row },
      isFaulty: row === undefined,
    };
  }

  #startOfFile(operation: Derivation, name: string): Start {
    if (operation === 'remix')
      throw new Error(`\`remix: ${name}\`: a remix starts from a video of the server, not from a file`);
    const path = this.#sourcePath(name, 'the video');
    const { video, facts } = readSourceFile(name, this.#surroundings.sourceFolder);
    const source = { operation, video: { ...video, bytes: new Uint8Array() } } as const;
    const file = { path, digest: describeImage(video) };
    return { source, facts: { ...facts, model: this.#surroundings.fileModel }, prompt: null, file, from: null };
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
    const reserveBytes = sidecar ? sidecarPath('').length : 0;
    const fault = isNamed && !isObjectAddress(output) ? null : outputFault(output, reserveBytes, platform);
    const faults = [...(isNamed ? templateFaults(output, ['row', 'n']) : []), ...(fault === null ? [] : [fault])];
    for (const each of faults) this.#fault({ line }, [`the output \`${output}\`: ${each}`]);
    const base = isNamed ? escapeTemplate(outputFolder) : outputFolder;
    const path = pathIn(base, output);
    const isWhole = isAbsolute(output) || isObjectAddress(output);
    if (!allowPaths && (isWhole || !isInside(base, path))) {
      this.#fault({ line }, [outside(output)]);
    }
    const isFolder =
      endsInSlash(output) ||
      output.endsWith('\\') ||
      (!isNamed && !isObjectAddress(path) && listings.stat(path)?.isDirectory());
    if (isFolder)
      return {
        kind: 'template',
        path: isNamed ? pathIn(path, rowName(this.#manifestRows.length)) : this.#defaultName(path),
      };
    return { kind: isNamed ? 'template' : 'file', path };
  }

  #defaultName(folder: string): string {
    return pathIn(escapeTemplate(folder), rowName(this.#manifestRows.length));
  }

  #placed(row: ManifestRow, { kind, path }: FileDestination, n: number): FileDestination {
    const place = { row: (this.#places.get(row) ?? 0) + 1, n };
    return { kind, path: kind === 'template' ? placeTemplate(path, place) : path };
  }

  /** Two videos cannot have one file, and each must have a name that can be stored. */
  #checkNames(
    { line, output }: ManifestRow,
    destinations: readonly FileDestination[],
    variants: readonly Variant[],
    request: VideoRequest | undefined,
  ): void {
    const { allowPaths, sidecar, platform } = this.#surroundings;
    const video: NamedVideo = { ...(request ?? NAMELESS), id: null, createdAtMs: this.#surroundings.nowMs };
    const reserveBytes = sidecar ? sidecarPath('').length : 0;
    for (const destination of destinations) {
      if (request === undefined && destination.kind !== 'file') return; // its names are not known
      this.#fault({ line }, nameFaults(destination, variants, video, { reserveBytes, platform }));
      const isKnown = isNameKnown(destination);
      const mayLeadOutside = !allowPaths && output !== undefined;
      if (!isKnown && !mayLeadOutside) continue; // as in most manifests, of up to 250,000 rows
      const paths = pathsFor(destination, variants, video).map(({ path }) => path);
      if (mayLeadOutside && !paths.every((path) => this.#leadsInside(path))) this.#fault({ line }, [outside(output)]);
      if (!isKnown) continue;
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

  /** Object storage has no links. */
  #leadsInside(path: string): boolean {
    if (isObjectAddress(path)) return true;
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

/** Stands for a prompt whose problem is reported already. */
const UNREADABLE = 'unreadable';
const NOTHING_KNOWN: SourceFacts = { model: null, size: null, seconds: null };

/** What the price and the name of the file of a row depend on: a source determines model, size and mostly length. */
export function expectedVideo({ request, from, facts }: Pick<BatchRow, 'request' | 'from' | 'facts'>): VideoRequest {
  return facts === null ? request : { ...request, ...pricedFrom(request, facts, from?.operation) };
}

/** The request as the ledger would record it, with what stands for the files and rows that are not in it. */
export function recordedOf({ request, file, from }: Pick<BatchRow, 'request' | 'file' | 'from'>): RecordedRequest {
  const recorded = recordRequest(request);
  if (from !== null) {
    return { ...recorded, source: { operation: from.operation, video: `row:${from.row.ref.key}` } };
  }
  if (file === null) return recorded;
  const { source } = request;
  return source === undefined
    ? { ...recorded, image: file.digest }
    : { ...recorded, source: { operation: source.operation, video: file.digest } };
}

/**
 * The request with the id of the video that it starts from, if that is another row's, or with the bytes of its file.
 * Throws `invalid_request` when the file is no longer what it was.
 */
export function completeRequest({ request, file, from, line }: BatchRow, sourceId: string | null): VideoRequest {
  if (from !== null && sourceId !== null) {
    return { ...request, source: { operation: from.operation, video: { kind: 'id', id: sourceId } } };
  }
  if (file === null) return request;
  try {
    const complete = withFile(request, file.path);
    if (complete !== null && describeImage(complete.file) === file.digest) return complete.request;
  } catch (error) {
    throw new SoraError('invalid_request', { causedBy: error instanceof Error ? error.message : String(error) });
  }
  throw new SoraError('invalid_request', {
    title: `the file of line ${line} has changed since the batch began: ${file.path}`,
  });
}

function withFile(request: VideoRequest, path: string) {
  const { source } = request;
  if (source === undefined || source.operation === 'remix' || source.operation === 'batch') {
    const { reference } = readReferenceImage(path, '/');
    return { file: reference, request: { ...request, image: reference } };
  }
  const { video } = readSourceFile(path, '/');
  return { file: video, request: { ...request, source: { ...source, video } } };
}
