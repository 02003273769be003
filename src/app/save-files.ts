import { existsSync } from 'node:fs';
import type { ErrorCode } from '../domain/catalogue.ts';
import { ABILITIES, type ApiForm } from '../domain/dialect.ts';
import { SoraError } from '../domain/errors.ts';
import type { JobRecord, SavedFile } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import { VARIANTS, type Variant, type VideoJob } from '../domain/video.ts';
import { checkDestination, type Destination, fileExists, parseDestination, sidecarPath } from '../jobs/destination.ts';
import { downloadTo } from '../jobs/download.ts';
import { save } from '../jobs/save.ts';
import { Interrupt } from '../platform/host.ts';
import type { Context } from './context.ts';
import type { OptionSpecs } from './option-specs.ts';
import { type Server, targetOption } from './server.ts';

const GROUP = 'Files:';

/** The options that say where files go, for every command that saves some. */
export const FILE_OPTIONS = {
  output: { group: GROUP, flags: '-o, --output <file|dir|->', summary: 'where to save; `-` is standard output' },
  variant: {
    group: GROUP,
    flags: '--variant <name>',
    summary: `${VARIANTS.join(', ')} (repeatable, default video)`,
    repeatable: true,
  },
  force: { group: GROUP, flags: '--force', summary: 'overwrite an existing file' },
  sidecar: {
    group: GROUP,
    flags: '--sidecar',
    summary: 'write FILE.json beside it: request, server, ids, times, cost, hashes',
  },
} as const satisfies OptionSpecs;

export interface FilePlan {
  readonly destination: Destination;
  readonly variants: readonly [Variant, ...Variant[]];
  readonly force: boolean;
  /** Whether a JSON file goes beside the first one. */
  readonly sidecar: boolean;
}

/** Reports that one name was given for what are several videos. */
export const SEVERAL_NEED_FOLDER = 'several videos need a folder: end the name after `-o` in a slash';

interface FileChoices {
  readonly output: string | undefined;
  readonly variant: readonly string[] | undefined;
  readonly force: boolean | undefined;
  readonly sidecar?: boolean | undefined;
}

/** Settles what is saved where; what is wrong with the options is added to the faults. */
export function planFiles(choices: FileChoices, context: Context, faults: string[]): FilePlan {
  const { output, variant, force = false, sidecar = context.configuration.sidecar } = choices;
  const destination = parseDestination(output, context.host.cwd);
  const variants = [...new Set(variant ?? ['video'])].filter((name): name is Variant => {
    const isVariant = VARIANTS.some((known) => known === name);
    if (!isVariant) faults.push(`the variant \`${name}\` is not one of ${VARIANTS.join(', ')}`);
    return isVariant;
  });
  const [first = 'video', ...others] = variants;
  if (destination.kind === 'stdout' && others.length > 0) faults.push('`-o -` takes one variant only');
  if (destination.kind === 'stdout' && context.options.json)
    faults.push('`-o -` and `--json` both want standard output');
  if (destination.kind === 'stdout' && choices.sidecar)
    faults.push('`-o -` has no file that `--sidecar` could stand beside');
  return { destination, variants: [first, ...others], force, sidecar };
}

/** Adds to the faults what a form of the API has no file for, so that it is known before anything is paid. */
export function refuseVariants({ variants }: FilePlan, form: ApiForm, faults: string[]): void {
  const { name, variants: known } = ABILITIES[form];
  faults.push(...variants.filter((variant) => !known.includes(variant)).map((variant) => `${name} has no ${variant}`));
}

/** Throws `file_exists` or `cannot_write` before anything is paid for. */
export function checkFiles({ destination, variants, force, sidecar }: FilePlan): void {
  checkDestination(destination, variants, force);
  if (!sidecar || force || destination.kind !== 'file') return;
  const path = sidecarPath(destination.path);
  if (existsSync(path)) throw fileExists(path);
}

export interface SaveOrder {
  readonly server: Server;
  readonly record: JobRecord | undefined;
  readonly job: VideoJob;
  readonly plan: FilePlan;
}

/** Saves a finished job's files and writes them into the ledger; nothing is returned for standard output. */
export async function saveFiles({ server, record, job, plan }: SaveOrder, context: Context): Promise<SavedFile[]> {
  const { host, output, ledger } = context;
  const { destination, variants, force } = plan;
  const deps = { client: server.client, clock: host.clock, signal: host.interrupt };
  if (destination.kind === 'stdout') {
    const source = { id: job.id, content: job.content };
    const order = { source, variant: variants[0], isCompleted: job.status === 'completed' };
    await resumable(server, job.id, () => downloadTo(deps, order, output.stdout));
    return [];
  }
  const progress = await output.progress();
  let shown = 'saving';
  progress.show(() => shown);
  const onProgress = (variant: Variant, doneBytes: number, totalBytes: number | null): void => {
    shown = `saving ${variant} ${describeBytes(doneBytes, totalBytes)}`;
  };
  try {
    const order = { job, record, destination, variants, force, onProgress };
    return await resumable(server, job.id, () => save({ ...deps, ledger }, order));
  } finally {
    progress.stop();
  }
}

/** A download that is run again meets these again. */
const NEVER_MENDS: ReadonlySet<ErrorCode> = new Set(['content_expired', 'not_supported']);

/** What was cut by Ctrl-C, or failed after the video was paid for, says how to get it all the same. */
async function resumable<T>(server: Server, id: string, save: () => Promise<T>): Promise<T> {
  const resume = `run \`${commandAbout(id, 'sora download', targetOption(server.identity))}\` to go on`;
  try {
    return await save();
  } catch (error) {
    if (error instanceof Interrupt) {
      throw new SoraError('interrupted', {
        title: 'interrupted; the video is finished and waits at the server',
        jobId: id,
        hints: [resume],
        cause: error,
      });
    }
    if (!(error instanceof SoraError)) throw error;
    if (NEVER_MENDS.has(error.code)) throw error.with({ jobId: id });
    // What the error itself says of these commands does not name the server.
    const others = error.hints.filter((hint) => !/^run `sora (download|status) /.test(hint));
    throw error.with({ jobId: id, hints: [resume, ...others] });
  }
}

function describeBytes(doneBytes: number, totalBytes: number | null): string {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return totalBytes === null ? megabytes(doneBytes) : `${megabytes(doneBytes)} of ${megabytes(totalBytes)}`;
}
