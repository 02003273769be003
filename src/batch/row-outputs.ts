import { dirname, isAbsolute, relative } from 'node:path';
import { isObjectAddress } from '../domain/object-address.ts';
import type { Variant, VideoRequest } from '../domain/video.ts';
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
import type { FolderListings } from '../jobs/folder-listings.ts';
import {
  escapeTemplate,
  isTemplate,
  NAMELESS,
  type NamedVideo,
  placeTemplate,
  rowName,
  templateFaults,
} from '../jobs/name-template.ts';
import { isInside, isLink, leadsInside } from './manifest-paths.ts';
import type { ManifestRow } from './row-reader.ts';

/** Platforms whose file systems usually take `A.mp4` and `a.mp4` for one file. */
const CASE_IS_IGNORED: ReadonlySet<NodeJS.Platform> = new Set(['win32', 'darwin']);

/** What the files of rows depend on. */
export interface OutputPlaces {
  /** Where videos go: absolute, or an `s3://` address. */
  readonly outputFolder: string;
  /** How the files of rows without an `output` are named; absolute, or null for the default names. */
  readonly outputTemplate: string | null;
  /** Whether rows may name files outside of the folder. */
  readonly allowPaths: boolean;
  /** Whether a sidecar is saved beside each file. */
  readonly sidecar: boolean;
  readonly nowMs: number;
  readonly platform: NodeJS.Platform;
  readonly listings: FolderListings;
}

/** Names the files of rows, and reports names that cannot be used. */
export class RowOutputs {
  readonly #places: OutputPlaces;
  readonly #report: (row: ManifestRow, faults: readonly string[]) => void;
  /** The default name, with the fields of `placeTemplate`. */
  readonly #rowName: string;
  readonly #reserveBytes: number;
  /** Whether a folder is in the output folder, with links followed. */
  readonly #foldersInside = new Map<string, boolean>();
  /** The first row that names each file. */
  readonly #claims = new Map<string, { readonly line: number; readonly path: string }>();

  constructor(rows: number, places: OutputPlaces, report: (row: ManifestRow, faults: readonly string[]) => void) {
    this.#places = places;
    this.#report = report;
    this.#rowName = rowName(rows);
    this.#reserveBytes = places.sidecar ? sidecarPath('').length : 0;
  }

  /** Where the videos of a row go; `number` is its place in the manifest, from 1. Undefined after a fault. */
  destinationsOf(row: ManifestRow, number: number): FileDestination[] | undefined {
    const faults = row.output === undefined ? [] : this.#faultsOf(row.output);
    this.#report(row, faults);
    if (faults.length > 0) return undefined;
    const { kind, path } = this.#templateOf(row.output);
    return Array.from({ length: row.count }, (_, at) => ({
      kind,
      path: kind === 'template' ? placeTemplate(path, { row: number, n: at + 1 }) : path,
    }));
  }

  /** Two videos cannot have one file, and each must have a name that can be stored. */
  check(
    row: ManifestRow,
    destinations: readonly FileDestination[],
    variants: readonly Variant[],
    request: VideoRequest | undefined,
  ): void {
    const { allowPaths, platform, nowMs } = this.#places;
    const { output } = row;
    const video: NamedVideo = { ...(request ?? NAMELESS), id: null, createdAtMs: nowMs };
    for (const destination of destinations) {
      if (request === undefined && destination.kind !== 'file') return; // its names are not known
      this.#report(row, nameFaults(destination, variants, video, { reserveBytes: this.#reserveBytes, platform }));
      const isKnown = isNameKnown(destination);
      const mayLeadOutside = !allowPaths && output !== undefined;
      if (!isKnown && !mayLeadOutside) continue; // as in most manifests, of up to 250,000 rows
      const paths = pathsFor(destination, variants, video).map(({ path }) => path);
      if (mayLeadOutside && !paths.every((path) => this.#leadsInside(path))) this.#report(row, [outside(output)]);
      if (!isKnown) continue;
      for (const [at, path] of paths.entries()) {
        const isOwn = at === 0 && destination.kind === 'file';
        this.#claim(path, isOwn ? output : undefined, row);
      }
      if (destination.kind === 'file') return; // that `count` asks for more is a fault already
    }
  }

  #faultsOf(output: string): string[] {
    const { outputFolder, allowPaths, platform } = this.#places;
    const isNamed = isTemplate(output);
    const fault = isNamed && !isObjectAddress(output) ? null : outputFault(output, this.#reserveBytes, platform);
    const faults = [...(isNamed ? templateFaults(output, ['row', 'n']) : []), ...(fault === null ? [] : [fault])];
    const isWhole = isAbsolute(output) || isObjectAddress(output);
    const base = isNamed ? escapeTemplate(outputFolder) : outputFolder;
    const isOutside = !allowPaths && (isWhole || !isInside(base, pathIn(base, output)));
    return [...faults.map((each) => `the output \`${output}\`: ${each}`), ...(isOutside ? [outside(output)] : [])];
  }

  /** The fields of place are still to be filled in. */
  #templateOf(output: string | undefined): FileDestination {
    const { outputFolder, outputTemplate, listings } = this.#places;
    const folder = escapeTemplate(outputFolder);
    if (output === undefined) return { kind: 'template', path: outputTemplate ?? pathIn(folder, this.#rowName) };
    const isNamed = isTemplate(output);
    const path = pathIn(isNamed ? folder : outputFolder, output);
    const isFolder =
      endsInSlash(output) ||
      output.endsWith('\\') ||
      path === outputFolder || // which may not exist yet
      (!isNamed && !isObjectAddress(path) && listings.stat(path)?.isDirectory());
    if (isFolder) return { kind: 'template', path: pathIn(isNamed ? path : escapeTemplate(path), this.#rowName) };
    return { kind: isNamed ? 'template' : 'file', path };
  }

  #claim(path: string, output: string | undefined, row: ManifestRow): void {
    const { platform, outputFolder } = this.#places;
    const name = CASE_IS_IGNORED.has(platform) ? foldedName(path) : path;
    const first = this.#claims.get(name);
    if (first === undefined) {
      this.#claims.set(name, { line: row.line, path });
      return;
    }
    const why = first.path === path ? '' : ', as this platform ignores case';
    const shown = output ?? relative(outputFolder, path);
    this.#report(row, [`the output \`${shown}\` is already used in line ${first.line}${why}`]);
  }

  /** Object storage has no links. */
  #leadsInside(path: string): boolean {
    if (isObjectAddress(path)) return true;
    const { outputFolder } = this.#places;
    const folder = dirname(path);
    const isFolderInside = this.#foldersInside.get(folder) ?? leadsInside(outputFolder, folder);
    this.#foldersInside.set(folder, isFolderInside);
    return isFolderInside && (!isLink(path) || leadsInside(outputFolder, path));
  }
}

function outside(output: string): string {
  return `the output \`${output}\` must stay in the output folder (\`--allow-paths\` lifts this)`;
}
