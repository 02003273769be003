import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import type { Context } from '../../app/context.ts';
import { ofServerInUse } from '../../app/job-names.ts';
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
import { isRemoteImage } from '../../jobs/reference-image.ts';
import { targetOf } from '../../jobs/save-target.ts';
import type { Host } from '../../platform/host.ts';
import type { BatchSettings } from './options.ts';
import { RowSources } from './row-sources.ts';

/** What reading a manifest needs. */
type RowsDeps = Pick<Context, 'configuration' | 'host' | 'output'>;

/** Names that are looked up in object storage at a time. */
const PARALLEL_LOOKS = 8;
/** From this many lines on, lines with the same problem are counted instead of listed. */
const MANY_LINES = 10;

/** Reads a manifest and compares it with the ledger. Throws `invalid_manifest` with all problems of all lines. */
export async function planManifest(
  settings: BatchSettings,
  options: RequestOptions,
  sources: RowSources,
  deps: RowsDeps & Pick<Context, 'ledger' | 'servers'>,
): Promise<BatchPlan> {
  const rows = await readRows(settings, options, sources, deps);
  const profile = deps.configuration.profile.value;
  const order = { batch: batchOf(settings, deps.host), profile, isOfServer: ofServerInUse(deps) };
  return planBatch(rows, order, deps.ledger);
}

/**
 * Throws `invalid_manifest` if unpaid rows start from videos that the server does not have, or if a file exists where one
 * would be saved. For a paid row it may be the video itself, saved by a run that was killed before it could record that.
 */
export async function refuseUnpayable(
  rows: readonly PlannedRow[],
  settings: BatchSettings,
  sources: RowSources,
  { host, objects }: Pick<Context, 'host' | 'objects'>,
): Promise<void> {
  const listings = new FolderListings();
  const look = pLimit(PARALLEL_LOOKS);
  const isTaken = (path: string): boolean | Promise<boolean> =>
    isObjectAddress(path)
      ? look(() => targetOf(path, objects).isTaken(path))
      : (listings.stat(path)?.isFile() ?? false);
  const taken = await Promise.all(rows.map(({ row }) => takenOutput(row, settings, isTaken, host.clock.now())));
  const faults = [...taken.flat(), ...(await sources.check(rows.map(({ row }) => row)))];
  faults.sort((a, b) => a.line - b.line);
  refuse(settings, faults);
}

/** The manifest’s name in the ledger: its real path, or for standard input the working folder. */
export function batchOf({ path }: Pick<ManifestSource, 'path'>, host: Host): string {
  return path === null ? join(host.cwd, '-') : realpathSync(path);
}

/** The settings for reading a manifest, without running it. */
export type ManifestSource = Pick<
  BatchSettings,
  'name' | 'path' | 'format' | 'allowPaths' | 'variants' | 'outputFolder' | 'outputTemplate' | 'sidecar'
> &
  Partial<Pick<BatchSettings, 'serverBatch'>>;

/** The resolved rows of a manifest. Throws `invalid_manifest` with all problems of all lines. */
export async function readRows(
  settings: ManifestSource,
  options: RequestOptions,
  sources: RowSources,
  deps: RowsDeps,
): Promise<readonly BatchRow[]> {
  const { rows, faults, notes } = await resolveManifest(settings, options, sources, deps);
  refuse(settings, faults, faults.length > 0 ? missingForRun(settings, deps) : []);
  for (const note of notes) deps.output.note(note);
  return rows;
}

/** Throws `usage` if options have problems, together with those of the manifest, if one is named. Sends nothing. */
export async function refuseWithRows(
  faults: readonly string[],
  manifest: ManifestSource | null,
  options: RequestOptions,
  deps: RowsDeps & Pick<Context, 'jobs' | 'servers' | 'ledger'>,
  command: string,
): Promise<void> {
  if (faults.length === 0) return;
  const others = manifest === null ? [] : await problemsOf(manifest, options, deps);
  throw new SoraError('usage', { violations: [...faults, ...others], facts: { command } });
}

/** What is wrong with a manifest. Standard input, which may be a person, is not waited for. */
async function problemsOf(
  manifest: ManifestSource,
  options: RequestOptions,
  deps: Parameters<typeof refuseWithRows>[3],
): Promise<string[]> {
  const missing = missingForRun(manifest, deps);
  if (manifest.path === null) return missing;
  try {
    const { faults } = await resolveManifest(manifest, options, new RowSources(deps, true), deps);
    return [...missing, ...violationsOf(faults)];
  } catch (error) {
    if (!(error instanceof SoraError) || error.code !== 'invalid_manifest') throw error;
    return [...missing, error.causedBy === null ? error.message : `${error.message}: ${error.causedBy}`];
  }
}

/** What the server cannot do for any row. */
function missingForRun({ serverBatch }: ManifestSource, { configuration }: Pick<RowsDeps, 'configuration'>): string[] {
  return serverBatch ? missingFor({ operation: 'batch' }, capabilitiesOf(configuration)) : [];
}

async function resolveManifest(
  settings: ManifestSource,
  options: RequestOptions,
  sources: RowSources,
  { configuration, host }: Omit<RowsDeps, 'output'>,
): Promise<ReturnType<typeof resolveRows>> {
  const text = await readText(settings, host);
  const format = settings.format ?? formatOf(settings.name, text);
  const files = optionFiles(options, host.cwd);
  const manifest = await readManifest(text, format, defaultsOf(options, files));
  const sourceFolder = settings.path === null ? host.cwd : dirname(settings.path);
  await sources.find(storedNames(manifest, sourceFolder));
  const model = configuration.model?.value;
  const server = capabilitiesOf(configuration);
  const nowMs = host.clock.now();
  return resolveRows(manifest, {
    batch: batchOf(settings, host),
    baseUrl: configuration.baseUrl.value,
    sourceFolder,
    outputFolder: settings.outputFolder,
    outputTemplate: settings.outputTemplate,
    nowMs,
    allowPaths: settings.allowPaths,
    optionFiles: [files.image, files.lastFrame, ...(files.reference ?? [])].filter((name) => name !== undefined),
    sidecar: settings.sidecar,
    platform: host.platform,
    listings: new FolderListings(),
    variants: settings.variants,
    resolve: (input) =>
      resolveRequest({ ...withDefaults(input, configuration.defaults), model: input.model ?? model }, server),
    resolveDerived: (input) => resolveDerivedRequest(input, server),
    estimate: (request) => {
      const price = estimate(request, nowMs, configuration.prices);
      return settings.serverBatch ? batchPriceOf(price) : price;
    },
    sources: sources.videos,
    fileModel: expectedModel(configuration),
  });
}

async function readText(source: ManifestSource, host: Host): Promise<string> {
  const { path } = source;
  try {
    const bytes = await (path === null ? readStream(host.stdin, host.interrupt) : readInput(path, host.interrupt));
    return decodeText(bytes, titleOf(source));
  } catch (error) {
    host.interrupt.throwIfAborted();
    throw new SoraError('invalid_manifest', {
      title: `could not read ${path === null ? '' : 'the manifest '}${titleOf(source)}`,
      causedBy: messageOf(error),
      hints: ['check the path, or use `-` for standard input'],
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

async function takenOutput(
  row: BatchRow,
  { force, sidecar }: BatchSettings,
  isTaken: (path: string) => boolean | Promise<boolean>,
  nowMs: number,
): Promise<ManifestFault[]> {
  const { line, destination, variants } = row;
  if (force || !isNameKnown(destination)) return [];
  const video = { ...expectedVideo(row), id: null, createdAtMs: nowMs };
  const paths = pathsFor(destination, variants, video).map(({ path }) => path);
  const names = [...paths, ...(sidecar ? paths.slice(0, 1).map(sidecarPath) : [])];
  const answers = await Promise.all(names.map(isTaken));
  const taken = names.filter((_, at) => answers[at]);
  const messageOf = (name: string): string => `the output file already exists: ${name} (\`--force\` overwrites it)`;
  return taken.map((name) => ({ line, message: messageOf(name) }));
}

function titleOf({ path, name }: ManifestSource): string {
  return path === null ? 'standard input' : name;
}

function refuse(source: ManifestSource, faults: readonly ManifestFault[], general: readonly string[] = []): void {
  if (faults.length + general.length === 0) return;
  throw new SoraError('invalid_manifest', {
    title: `${countOf(faults.length + general.length, 'error')} in ${titleOf(source)}`,
    violations: [...general, ...violationsOf(faults)],
  });
}

/** A problem shared by very many lines, such as a wrong option, is reported at its first line. */
function violationsOf(faults: readonly ManifestFault[]): string[] {
  const lines = new Map<string, Set<number>>();
  for (const { line, message } of faults) lines.set(message, (lines.get(message) ?? new Set()).add(line));
  return faults.flatMap(({ line, message }) => {
    const [first, ...others] = lines.get(message) ?? [];
    if (others.length < MANY_LINES) return `line ${line}: ${message}`;
    return line === first ? `line ${line} and ${others.length} more: ${message}` : [];
  });
}
