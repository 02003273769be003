import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { ErrorCode } from '../domain/catalogue.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import { nearest } from '../domain/nearest.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import { type SavedFile, STANDARD_OUTPUT, type WantedFiles } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import type { JobSummary } from '../domain/summary.ts';
import { VARIANTS, type Variant, type VideoJob } from '../domain/video.ts';
import {
  cannotWrite,
  checkedTarget,
  type Destination,
  fileExists,
  folderOf,
  isNameKnown,
  nameFaults,
  outputFault,
  parseDestination,
  pathsFor,
  sidecarPath,
} from '../jobs/destination.ts';
import { downloadTo } from '../jobs/download-stream.ts';
import { knownError } from '../jobs/known-error.ts';
import { NAMELESS, type NamedVideo, type NamePlace, placeTemplate, templateFaults } from '../jobs/name-template.ts';
import { save, saveBefore } from '../jobs/save.ts';
import { targetOf } from '../jobs/save-target.ts';
import { cleanLine } from '../output/clean-text.ts';
import { jobJson } from '../output/job-view.ts';
import { shortPath } from '../output/short-path.ts';
import { preferSmallHeap } from '../platform/memory.ts';
import type { CommandResult } from './command.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './known-jobs.ts';
import { fileToOpen, openSaved } from './opening.ts';
import { inGroup, type OptionValues, option, refuseFaults } from './option-values.ts';
import { targetOption } from './servers.ts';
import { type SidecarDeps, writeSidecars } from './sidecars.ts';

const GROUP = 'Files:';

/** Where files are saved; for every command that saves files. */
export const FILE_OPTIONS = inGroup(GROUP, {
  output: option(
    '-o, --output <file|dir|s3://…|->',
    'where to save: a name, a folder, or a template like `{slug}-{id:8}.{ext}`, here or below `s3://BUCKET/`; `-` is standard output',
  ),
  variant: option('--variant <name>', `${VARIANTS.join(', ')} (repeatable, default video)`, { repeatable: true }),
  force: option('--force', 'overwrite an existing file'),
  sidecar: option('--sidecar', 'also write FILE.json: request, server, ids, times, cost, hashes'),
});

/** For commands that save what a person waits for. */
export const { open: OPEN_OPTION } = inGroup(GROUP, {
  open: option('--open', 'open the saved video in the system’s player; of several, the first'),
});

export interface FilePlan {
  readonly destination: Destination;
  readonly variants: readonly [Variant, ...Variant[]];
  /** Those that the server need not have. */
  readonly optional: readonly Variant[];
  readonly force: boolean;
  /** Whether to write a JSON file beside the first one. */
  readonly sidecar: boolean;
  /** Whether to open the first saved video. */
  readonly open: boolean;
}

/** Reports that one name was given for several videos. */
export const SEVERAL_NEED_FOLDER =
  'several videos need a folder: end the name after `-o` with a slash, or write `{id}` in it';

/** The options that choose files, as given. */
export interface FileChoices extends OptionValues<typeof FILE_OPTIONS> {
  readonly open?: boolean | undefined;
  /** Variants that the server need not have; not an option of the command line. */
  readonly optional?: readonly Variant[];
  /** The fields of place that a template can use. */
  readonly place?: readonly (keyof NamePlace)[];
}

/** Decides what is saved where; problems with the options are added to the faults. */
export function planFiles(
  choices: FileChoices,
  { configuration, host, options }: Pick<Context, 'configuration' | 'host' | 'options'>,
  faults: string[],
): FilePlan {
  const { output, variant, force = false, sidecar = configuration.sidecar, open = false, place = [] } = choices;
  const destination = parseDestination(output, host.cwd);
  const variants = [...new Set(variant ?? ['video'])].filter((name): name is Variant => {
    const isVariant = VARIANTS.some((known) => known === name);
    if (!isVariant) {
      const near = nearest(name, VARIANTS).map((known) => `; did you mean \`${known}\`?`);
      const better = name.includes(',') ? '; repeat `--variant` for each' : near.join('');
      faults.push(`the variant \`${name}\` is not one of ${VARIANTS.join(', ')}${better}`);
    }
    return isVariant;
  });
  const [first = 'video', ...others] = variants;
  if (destination.kind === 'stdout') {
    if (others.length > 0) faults.push('`-o -` accepts only one variant');
    if (options.json) faults.push('`-o -` and `--json` both write to standard output');
    if (choices.sidecar) faults.push('`--sidecar` needs a file, which `-o -` does not write');
    if (open) faults.push('`--open` needs a file, which `-o -` does not write');
    if (host.stdout.isTTY) faults.push('standard output is a terminal: pipe it, or name a file with `-o`');
  }
  if (output !== undefined) {
    const isNamed = destination.kind === 'template';
    const fault =
      isNamed && !isObjectAddress(output) ? null : outputFault(output, reservedBytes(sidecar), host.platform);
    const found = [...(isNamed ? templateFaults(output, place) : []), ...(fault === null ? [] : [fault])];
    faults.push(...found.map((each) => `\`-o ${output}\`: ${each}`));
  }
  const { optional = [] } = choices;
  return { destination, variants: [first, ...others], optional, force, sidecar, open };
}

/** Checks names that depend on the video. Throws `usage` with all problems. */
export function checkNames(
  { destination, variants, sidecar }: FilePlan,
  video: NamedVideo,
  { host }: Pick<Context, 'host'>,
): void {
  const limits = { reserveBytes: reservedBytes(sidecar), platform: host.platform };
  refuseFaults(nameFaults(destination, variants, video, limits));
}

/** The part of a plan that the ledger stores for a later command; undefined if the command line named no files. */
export function wantedFiles(
  { destination, variants, sidecar }: FilePlan,
  { output, variant, sidecar: askedSidecar }: FileChoices,
): WantedFiles | undefined {
  if (destination.kind === 'stdout' || [output, variant, askedSidecar].every((choice) => choice === undefined))
    return undefined;
  return { ...destination, variants, sidecar };
}

/** A plan completed with what the job's create wanted. */
export function completePlan(plan: FilePlan, choices: FileChoices, wanted: WantedFiles | undefined): FilePlan {
  const [first, ...others] = wanted?.variants ?? [];
  if (wanted === undefined || first === undefined) return plan;
  return {
    ...plan,
    ...(choices.output === undefined ? { destination: { kind: wanted.kind, path: wanted.path } } : {}),
    ...(choices.variant === undefined ? { variants: [first, ...others] as const } : {}),
    ...(choices.sidecar === undefined ? { sidecar: wanted.sidecar || plan.sidecar } : {}),
  };
}

/** The plan of one of several videos. */
export function placePlan(plan: FilePlan, place: NamePlace): FilePlan {
  const { destination } = plan;
  if (destination.kind !== 'template') return plan;
  return { ...plan, destination: { ...destination, path: placeTemplate(destination.path, place) } };
}

/** For the extension of a sidecar. */
function reservedBytes(sidecar: boolean): number {
  return sidecar ? sidecarPath('').length : 0;
}

/** Throws `file_exists` or `cannot_write` before anything is paid. */
export async function checkFiles(
  { destination, variants, force, sidecar }: FilePlan,
  { objects }: Pick<Context, 'objects'>,
  video: NamedVideo = NAMELESS,
): Promise<void> {
  if (destination.kind === 'stdout') return;
  const target = targetOf(destination.path, objects);
  await target.check(destination, variants, force, video);
  if (!sidecar || !isNameKnown(destination)) return;
  const path = sidecarPath(pathsFor(destination, variants, video)[0]?.path ?? '');
  const isStream = !isObjectAddress(path) && checkedTarget(path).kind === 'stream';
  if (isStream) throw cannotWrite(path, 'it is a pipe or a device, not a file');
  if (!force && (await target.isTaken(path))) throw fileExists(path);
}

/** The error of a request, and what is wrong with its output. A missing folder is not created for a wrong request. */
export async function withOutputFault(
  error: unknown,
  plan: FilePlan,
  deps: Pick<Context, 'objects'>,
): Promise<unknown> {
  const { destination } = plan;
  if (!(error instanceof SoraError) || error.violations.length === 0) return error;
  if (destination.kind === 'stdout' || destination.kind === 'template') return error;
  if (isObjectAddress(destination.path) || !existsSync(folderOf(destination))) return error;
  try {
    await checkFiles(plan, deps);
    return error;
  } catch (fault) {
    const reason = fault instanceof SoraError && fault.causedBy !== null ? `: ${fault.causedBy}` : '';
    return error.with({ violations: [...error.violations, `${messageOf(fault)}${reason}`] });
  }
}

type SaveContext = Pick<Context, 'host' | 'output' | 'ledger' | 'objects'>;

export interface FinishedJob extends Pick<FoundJob, 'server' | 'record'> {
  readonly job: VideoJob;
  /** By the uptime: when to stop saving, perhaps never. */
  readonly deadlineMs: number;
}

/**
 * Saves a finished job's files, records them in the ledger and returns them; none for standard output. The error of one
 * is added to `errors`, and thrown if no file could be saved. Files in `saved` are not downloaded again.
 */
export async function saveFiles(
  finished: FinishedJob,
  { destination, variants, optional, force }: FilePlan,
  { host, output, ledger, objects }: SaveContext,
  errors: SoraError[],
  saved: readonly SavedFile[] = [],
): Promise<readonly SavedFile[]> {
  preferSmallHeap();
  const { server, record, job, deadlineMs } = finished;
  const deps = { client: server.client, clock: host.clock, signal: host.interrupt, ledger, objects };
  const describe = async (error: SoraError): Promise<SoraError> =>
    resumable(error, job.id, await ledger.shortId(job.id), targetOption(server.identity));
  if (destination.kind === 'stdout') {
    const sending = sendToStdout(finished, variants[0], deps, output.stdout);
    await sending.catch(async (thrown: unknown) => {
      throw await describe(knownError(thrown));
    });
    return [];
  }
  const progress = await output.progress(host.clock);
  let shown = 'saving';
  await progress.show(() => shown);
  const onProgress = (variant: Variant, doneBytes: number, totalBytes: number | null): void => {
    shown = `saving ${variant} ${describeBytes(doneBytes, totalBytes)}`;
  };
  const onNote = (note: string): void => output.note(note);
  try {
    const order = { job, record, destination, variants, optional, saved, force, deadlineMs, onProgress, onNote };
    const { files, errors: failures } = await save(deps, order);
    const described = await Promise.all(failures.map(describe));
    const hasFailed = files.length === 0 && described.length > 0;
    errors.push(...described.slice(hasFailed ? 1 : 0));
    if (hasFailed) throw described[0];
    return files;
  } finally {
    await progress.stop();
  }
}

async function sendToStdout(
  { record, job, deadlineMs }: FinishedJob,
  variant: Variant,
  deps: Parameters<typeof save>[0],
  stdout: Writable,
): Promise<void> {
  const source = { id: job.id, content: job.content };
  const order = { source, variant, isCompleted: job.status === 'completed' };
  const sent = await saveBefore(deadlineMs, deps, job.id, (signal) => downloadTo({ ...deps, signal }, order, stdout));
  if (sent === null || record === undefined) return;
  const file = { variant, path: STANDARD_OUTPUT, ...sent };
  await deps.ledger.tryAppend({ event: 'saved', key: record.key, atMs: deps.clock.now(), file });
}

/** Errors that another download would repeat. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set(['content_expired', 'not_supported']);

/** Errors whose own hints say to download later, without naming the server. */
const LATER: ReadonlySet<ErrorCode> = new Set(['content_not_ready', 'download_corrupt', 'wait_timeout']);

/** An interrupted or failed download, with the command that resumes it: the video is paid for. */
function resumable(error: SoraError, id: string, name: string, target: string): SoraError {
  const resume = `run \`${commandAbout(name, 'sora download', target)}\` to resume`;
  if (error.code === 'interrupted') {
    const title = 'interrupted; the video is finished and still on the server';
    return error.with({ title, jobId: id, hints: [resume] });
  }
  if (PERMANENT.has(error.code)) return error.with({ jobId: id });
  return error.with({ jobId: id, hints: LATER.has(error.code) ? [resume] : [resume, ...error.hints] });
}

function describeBytes(doneBytes: number, totalBytes: number | null): string {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return totalBytes === null ? megabytes(doneBytes) : `${megabytes(doneBytes)} of ${megabytes(totalBytes)}`;
}

export interface SavedVideos {
  readonly summaries: readonly JobSummary[];
  readonly plan: FilePlan | null;
  readonly errors: readonly SoraError[];
  /** Whether the command was asked for several videos. */
  readonly isSeveral: boolean;
}

/**
 * One path per line, or the ids if there is no plan; no answer if standard output is the video itself. In JSON a list if
 * several videos were asked for, however many there are.
 */
export async function savedResult(
  { summaries, plan, errors, isSeveral }: SavedVideos,
  deps: SidecarDeps,
): Promise<CommandResult> {
  const allErrors = [...errors, ...(plan === null ? [] : await writeSidecars(summaries, plan, deps))];
  const isEmpty = summaries.length === 0 && (allErrors.length > 0 || !isSeveral);
  if (isEmpty || plan?.destination.kind === 'stdout') return { errors: allErrors };
  const [toOpen] = plan?.open ? summaries.flatMap(({ files }) => fileToOpen(files) ?? []) : [];
  if (toOpen !== undefined) await openSaved(toOpen.path, deps);
  const documents = summaries.map((summary) => jobJson(summary));
  const lines = summaries.flatMap(({ id, files }) =>
    plan === null ? [cleanLine(id ?? '')] : files.map(({ path }) => shortPath(path, deps.host.cwd)),
  );
  const [only = {}] = documents;
  return {
    answer: {
      data: isSeveral ? { jobs: documents } : only,
      view: () => lines.map((line) => `${line}\n`).join(''),
    },
    errors: allErrors,
  };
}
