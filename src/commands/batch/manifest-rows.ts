import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import type { Context } from '../../app/context.ts';
import { ofServerInUse } from '../../app/job-names.ts';
import { refuseFaults } from '../../app/option-values.ts';
import { REQUEST_OPTIONS, type RequestOptions } from '../../app/request-options.ts';
import { type BatchRow, expectedVideo } from '../../batch/batch-row.ts';
import { formatOf, readManifest } from '../../batch/manifest.ts';
import type { ManifestFault } from '../../batch/manifest-reading.ts';
import { type BatchPlan, type PlannedRow, planBatch } from '../../batch/plan.ts';
import { fieldNamed, type RowValues } from '../../batch/row-reader.ts';
import { resolveRows, storedNames } from '../../batch/row-resolver.ts';
import { capabilitiesOf, expectedModel } from '../../configuration/endpoint.ts';
import { messageOf, SoraError } from '../../domain/errors.ts';
import { isObjectAddress } from '../../domain/object-address.ts';
import { batchPriceOf, estimate } from '../../domain/pricing.ts';
import { resolveDerivedRequest, resolveRequest } from '../../domain/request.ts';
import { withDefaults } from '../../domain/request-defaults.ts';
import { missingFor } from '../../domain/request-gate.ts';
import { countOf } from '../../domain/wording.ts';
import { isNameKnown, pathsFor, sidecarPath } from '../../jobs/destination.ts';
import { FolderListings } from '../../jobs/folder-listings.ts';
import { decodeText, readInput, readStream } from '../../jobs/input-file.ts';
import { isRemoteImage } from '../../jobs/input-media.ts';
import { targetOf } from '../../jobs/save-target.ts';
import { truePath } from '../../platform/files.ts';
import type { BatchSettings } from './options.ts';
import { RowSources } from './row-sources.ts';

type ManifestDeps = Pick<Context, 'configuration' | 'host' | 'output' | 'jobs' | 'ledger' | 'servers'>;

/** Names that are looked up in object storage at a time. */
const PARALLEL_LOOKS = 8;
/** From this many lines on, lines with the same problem are counted instead of listed. */
const MANY_LINES = 10;

/** The settings for reading a manifest, without running it. */
type ManifestSource = Pick<
  BatchSettings,
  'name' | 'path' | 'format' | 'allowPaths' | 'variants' | 'outputFolder' | 'outputTemplate' | 'sidecar'
> &
  Partial<Pick<BatchSettings, 'serverBatch'>>;

/** A manifest, whose rows have the options of the command line as defaults. */
export class ManifestRows {
  readonly #source: ManifestSource;
  readonly #options: RequestOptions;
  readonly #deps: ManifestDeps;
  readonly #videos: RowSources;

  /** Without a timeout the server is not asked, and nothing is known of videos that are not in the ledger. */
  constructor(source: ManifestSource, options: RequestOptions, deps: ManifestDeps, timeoutMs: number | null) {
    this.#source = source;
    this.#options = options;
    this.#deps = deps;
    this.#videos = new RowSources(deps, timeoutMs);
  }

  /** Its rows, compared with the ledger. Throws as `rows` does. */
  async plan(): Promise<BatchPlan> {
    const { configuration, ledger } = this.#deps;
    const profile = configuration.profile.value;
    return planBatch(await this.rows(), { batch: this.#batch, profile, isOfServer: ofServerInUse(this.#deps) }, ledger);
  }

  /** Its resolved rows. Throws `invalid_manifest` with all problems of all lines. */
  async rows(): Promise<readonly BatchRow[]> {
    const { rows, faults, notes } = await this.#resolve();
    this.#refuse(faults, faults.length > 0 ? this.#missing : []);
    for (const note of notes) this.#deps.output.note(note);
    return rows;
  }

  /**
   * Throws `invalid_manifest` if unpaid rows start from videos that the server does not have, or if a file exists where one
   * would be saved. For a paid row it may be the video itself, saved by a run that was killed before it could record that.
   */
  async refuseUnpayable(
    rows: readonly PlannedRow[],
    force: boolean,
    { objects }: Pick<Context, 'objects'>,
  ): Promise<void> {
    const listings = new FolderListings();
    const look = pLimit(PARALLEL_LOOKS);
    const isTaken = (path: string): boolean | Promise<boolean> =>
      isObjectAddress(path)
        ? look(() => targetOf(path, objects).isTaken(path))
        : (listings.stat(path)?.isFile() ?? false);
    const taken = force ? [] : await Promise.all(rows.map(({ row }) => this.#takenBy(row, isTaken)));
    const faults = [...taken.flat(), ...(await this.#videos.check(rows.map(({ row }) => row)))];
    faults.sort((a, b) => a.line - b.line);
    this.#refuse(faults);
  }

  /** Throws `usage` if options have problems, together with those of the manifest. Sends nothing. */
  async refuseWith(faults: readonly string[]): Promise<void> {
    if (faults.length > 0) refuseFaults([...faults, ...(await this.#problems())]);
  }

  /** What is wrong with it. Standard input, which may be a person, and pipes are not waited for. */
  async #problems(): Promise<string[]> {
    if (this.#source.path === null) return this.#missing;
    try {
      return [...this.#missing, ...violationsOf((await this.#resolve()).faults)];
    } catch (error) {
      if (!(error instanceof SoraError) || error.code !== 'invalid_manifest') throw error;
      return [...this.#missing, error.causedBy === null ? error.message : `${error.message}: ${error.causedBy}`];
    }
  }

  /** What the server cannot do for any row. */
  get #missing(): string[] {
    const server = capabilitiesOf(this.#deps.configuration);
    return this.#source.serverBatch ? missingFor({ operation: 'batch' }, server) : [];
  }

  /** The name in the ledger: the real path, or for standard input and pipes the working folder. */
  get #batch(): string {
    const { path } = this.#source;
    return path === null ? join(truePath(this.#deps.host.cwd), '-') : truePath(path);
  }

  /** For people. */
  get #title(): string {
    return this.#source.name === '-' ? 'standard input' : this.#source.name;
  }

  async #resolve(): Promise<ReturnType<typeof resolveRows>> {
    const { configuration, host } = this.#deps;
    const { name, path, format, serverBatch, ...source } = this.#source;
    const text = await this.#read();
    const files = optionFiles(this.#options, host.cwd);
    const manifest = await readManifest(text, format ?? formatOf(name, text), defaultsOf(this.#options, files));
    const sourceFolder = path === null ? host.cwd : dirname(path);
    await this.#videos.find(storedNames(manifest, sourceFolder));
    const model = configuration.model?.value;
    const server = capabilitiesOf(configuration);
    const nowMs = host.clock.now();
    return resolveRows(manifest, {
      ...source,
      batch: this.#batch,
      baseUrl: configuration.baseUrl.value,
      sourceFolder,
      nowMs,
      optionFiles: [files.image, files.lastFrame, ...(files.reference ?? [])].filter((file) => file !== undefined),
      platform: host.platform,
      listings: new FolderListings(),
      resolve: (input) =>
        resolveRequest({ ...withDefaults(input, configuration.defaults), model: input.model ?? model }, server),
      resolveDerived: (input) => resolveDerivedRequest(input, server),
      estimate: (request) => {
        const price = estimate(request, nowMs, configuration.prices);
        return serverBatch ? batchPriceOf(price) : price;
      },
      sources: this.#videos.videos,
      fileModel: expectedModel(configuration),
    });
  }

  async #read(): Promise<string> {
    const { name } = this.#source;
    const { cwd, stdin, interrupt } = this.#deps.host;
    const isStdin = name === '-';
    try {
      const bytes = isStdin ? readStream(stdin, interrupt) : readInput(resolve(cwd, name), interrupt);
      return decodeText(await bytes, this.#title);
    } catch (error) {
      interrupt.throwIfAborted();
      throw new SoraError('invalid_manifest', {
        title: `could not read ${isStdin ? '' : 'the manifest '}${this.#title}`,
        causedBy: messageOf(error),
        hints: ['check the path, or use `-` for standard input'],
      });
    }
  }

  async #takenBy(row: BatchRow, isTaken: (path: string) => boolean | Promise<boolean>): Promise<ManifestFault[]> {
    const { line, destination, variants } = row;
    if (!isNameKnown(destination)) return [];
    const video = { ...expectedVideo(row), id: null, createdAtMs: this.#deps.host.clock.now() };
    const paths = pathsFor(destination, variants, video).map(({ path }) => path);
    const names = [...paths, ...(this.#source.sidecar ? paths.slice(0, 1).map(sidecarPath) : [])];
    const answers = await Promise.all(names.map(isTaken));
    const taken = names.filter((_, at) => answers[at]);
    return taken.map((name) => ({
      line,
      message: `the output file already exists: ${name} (\`--force\` overwrites it)`,
    }));
  }

  #refuse(faults: readonly ManifestFault[], general: readonly string[] = []): void {
    if (faults.length + general.length === 0) return;
    throw new SoraError('invalid_manifest', {
      title: `${countOf(faults.length + general.length, 'error')} in ${this.#title}`,
      violations: [...general, ...violationsOf(faults)],
    });
  }
}

/** A row's files are relative to its manifest; those of the command line to the working folder. */
function optionFiles({ image, lastFrame, reference }: RequestOptions, cwd: string) {
  const absolute = (name: string): string => (isRemoteImage(name) ? name : resolve(cwd, name));
  return {
    image: image && absolute(image),
    lastFrame: lastFrame && absolute(lastFrame),
    reference: reference?.map(absolute),
  };
}

/** The options of the command line as values of rows. */
function defaultsOf(options: RequestOptions, files: ReturnType<typeof optionFiles>): RowValues {
  const values: Readonly<Record<string, unknown>> = { ...options, ...files };
  const given = Object.keys(REQUEST_OPTIONS).filter((name) => values[name] !== undefined);
  return Object.fromEntries(given.map((name) => [fieldNamed(name), values[name]]));
}

/** A problem shared by very many lines, such as a wrong option, is reported at its first line. */
function violationsOf(faults: readonly ManifestFault[]): string[] {
  const lines = new Map<string, Set<number>>();
  for (const { line, message } of faults) lines.set(message, (lines.get(message) ?? new Set()).add(line));
  return faults.flatMap(({ line, message }) => {
    const same = lines.get(message) ?? new Set();
    if (same.size <= MANY_LINES) return `line ${line}: ${message}`;
    const [first] = same;
    return line === first ? `line ${line} and ${same.size - 1} more: ${message}` : [];
  });
}
