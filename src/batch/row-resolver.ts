import { hash } from 'node:crypto';
import { messageOf } from '../domain/errors.ts';
import type { Estimate, PricedRequest } from '../domain/pricing.ts';
import type { RecordedRequest } from '../domain/record.ts';
import {
  type DerivedInput,
  factsFrom,
  type RequestInput,
  type RequestResolution,
  type ResolvedRequest,
  type SourceFacts,
} from '../domain/request.ts';
import { type Derivation, VARIANTS, type Variant } from '../domain/video.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import { isFileName } from '../jobs/input-media.ts';
import type { RowRef } from '../jobs/submit-order.ts';
import { type BatchRow, expectedVideo, type RowSource, recordedOf } from './batch-row.ts';
import type { Manifest, ManifestFault } from './manifest-reading.ts';
import { type InputPlaces, type RowFile, RowInputs } from './row-inputs.ts';
import { sourcesFirst } from './row-order.ts';
import { type OutputPlaces, RowOutputs } from './row-outputs.ts';
import type { ManifestRow, NamedSource } from './row-reader.ts';

/** What rows are resolved with. `allowPaths` is for inputs and outputs. */
export interface RowSurroundings extends InputPlaces, OutputPlaces {
  /** The manifest's name in the ledger. */
  readonly batch: string;
  readonly baseUrl: string;
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

/** The request of a row, and what the row has besides. */
type Draft = ResolvedRequest & Pick<BatchRow, 'file' | 'from' | 'facts'>;

/** The video that a row starts from. */
interface Start extends Pick<DerivedInput, 'source' | 'facts'> {
  /** The source is a row whose own faults are already reported. */
  readonly isFaulty?: boolean;
  readonly prompt: string | null;
  readonly file: RowFile | null;
  readonly from: RowSource | null;
}

class RowResolver {
  readonly faults: ManifestFault[] = [];
  readonly notes = new Set<string>();
  readonly #surroundings: RowSurroundings;
  readonly #inputs: RowInputs;
  readonly #outputs: RowOutputs;
  readonly #occurrences = new Map<string, number>();
  readonly #manifestRows: readonly ManifestRow[];
  readonly #rowsById: ReadonlyMap<string | null, ManifestRow>;
  readonly #places: ReadonlyMap<ManifestRow, number>;
  readonly #resolved = new Map<ManifestRow, readonly BatchRow[]>();

  constructor(rows: readonly ManifestRow[], surroundings: RowSurroundings) {
    this.#manifestRows = rows;
    this.#surroundings = surroundings;
    this.#inputs = new RowInputs(surroundings);
    this.#outputs = new RowOutputs(rows.length, surroundings, (row, faults) => this.#fault(row, faults));
    this.#rowsById = new Map(rows.filter(({ id }) => id !== null).map((row) => [row.id, row]));
    this.#places = new Map(rows.map((row, at) => [row, at + 1]));
  }

  /** Resolves sources first, and returns the rows in the order of the manifest. */
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
    const destinations = this.#outputs.destinationsOf(row, this.#places.get(row) ?? 1);
    const variants = this.#variantsOf(row);
    const draft = row.source === null ? this.#fromPrompt(row, variants) : this.#fromVideo(row, row.source, variants);
    if (destinations !== undefined) this.#outputs.check(row, destinations, variants, draft && expectedVideo(draft));
    if (draft === undefined || destinations === undefined || this.faults.length > faultsBefore) return [];
    for (const note of draft.notes) this.notes.add(note);

    const { request, askedSeconds, file, from, facts } = draft;
    const recorded = recordedOf(draft);
    const price = estimate(expectedVideo(draft));
    const { line, id } = row;
    // Without a spread: V8 would give each row a shape of its own, of 400 bytes.
    return destinations.map((destination) => ({
      line,
      id,
      ref: this.#ref(id, recorded),
      askedSeconds,
      request,
      from,
      file,
      facts,
      estimate: price,
      destination,
      variants,
    }));
  }

  #fromPrompt(row: ManifestRow, variants: readonly Variant[]): Draft | undefined {
    const prompt = this.#attempt(row, () => this.#inputs.prompt(row.prompt ?? ''));
    const read = row.image === undefined ? null : this.#attempt(row, () => this.#inputs.image(row.image ?? ''));
    const references = this.#attempt(row, () => this.#inputs.references(row));
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
    return { request, askedSeconds, notes, file: read?.file ?? null, from: null, facts: null };
  }

  #fromVideo(row: ManifestRow, named: NamedSource, variants: readonly Variant[]): Draft | undefined {
    const given = row.prompt === null ? null : this.#attempt(row, () => this.#inputs.prompt(row.prompt ?? ''));
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
      // A placeholder until the row is done.
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
    const { video, facts, file } = this.#inputs.video(name);
    const source = { operation, video };
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

  #attempt<T>(row: ManifestRow, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#fault(row, [messageOf(error)]);
      return undefined;
    }
  }

  #fault({ line }: { readonly line: number }, messages: readonly string[]): void {
    for (const message of messages) this.faults.push({ line, message });
  }
}

/** Replaces a prompt whose problem is already reported. */
const UNREADABLE = 'unreadable';
const NOTHING_KNOWN: SourceFacts = { model: null, size: null, seconds: null };
