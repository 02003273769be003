import { chmodSync, closeSync, existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, extname, parse, resolve } from 'node:path';
import { type CommandResult, defineCommand } from '../../app/command.ts';
import { ofServerInUse } from '../../app/job-names.ts';
import { inGroup, type OptionValues, option } from '../../app/option-values.ts';
import { type BatchPlan, filesOf, type PlannedRow, planBatch } from '../../batch/plan.ts';
import { SoraError } from '../../domain/errors.ts';
import { isObjectAddress } from '../../domain/object-address.ts';
import type { SavedFile } from '../../domain/record.ts';
import {
  fingerprintAt,
  fingerprintOfFilm,
  hasSound,
  isSigned,
  joinClips,
  requireEncoder,
  requireJoiner,
} from '../../film/film.ts';
import { cannotWrite, checkDestination, fileExists, parseDestination } from '../../jobs/destination.ts';
import { SUMMARY_JSON_SHAPE } from '../../output/batch-view.ts';
import { shortPath } from '../../output/short-path.ts';
import { pathFault } from '../../platform/file-names.ts';
import { claimName, defaultFileMode, renameOver, statsOf, writeTargetOf } from '../../platform/files.ts';
import { hashFile } from '../../platform/hash-file.ts';
import {
  abandonedFiles,
  abandonPrivateFile,
  adoptPrivateFile,
  createPrivateFile,
  removePrivateFile,
} from '../../platform/private-files.ts';
import { type ProduceDeps, produceRows } from './batch.ts';
import { ManifestRows } from './manifest-rows.ts';
import { BATCH_OPTIONS, manifestPath, readBatchOptions } from './options.ts';

const { output, force, results, schema, variant, serverBatch, queue, priority, detach, ...SHARED } = BATCH_OPTIONS;

const FILM_OPTIONS = {
  ...SHARED,
  ...inGroup(output.group, {
    output: option('-o, --output <file>', 'the film: an MP4 file (default: the name of the manifest)'),
    clips: option(
      '--clips <dir|template>',
      'where the clips are saved (default: a folder `NAME-clips` beside the film)',
    ),
    audio: option('--audio <file>', 'the sound of the film, in place of that of the clips; cut to its length'),
    force: { ...force, summary: 'overwrite an existing film, and existing clips' },
  }),
  results,
};

type FilmOptions = OptionValues<typeof FILM_OPTIONS>;

/** Marks the temporary file of a film. */
const TAG = 'film';

export const filmCommand = defineCommand({
  name: 'film',
  description:
    'Creates the clips of a manifest as `sora batch` does, and joins them in its order into one film. It can be stopped at any time and run again; a changed row replaces its own clip only. Clips of equal codec and size are copied without encoding them again; for others ffmpeg is needed. A row that another row extends is part of the extension’s clip.',
  arguments: [{ form: '<file>', summary: 'the manifest of the shots, as for `sora batch`' }],
  options: FILM_OPTIONS,
  json: `{"film":{"path","bytes","sha256","seconds","shots","encoded"}|null,"summary":${SUMMARY_JSON_SHAPE}}; with --dry-run: {"rows":[…],"summary"}`,
  errors: [
    'invalid_manifest',
    'file_exists',
    'cost_cap_exceeded',
    'moderation_blocked',
    'outcome_unknown',
    'job_failed',
    'wait_timeout',
    'cannot_write',
    'not_supported',
  ],
  examples: [
    ['sora film shots.yaml -o film.mp4 --simulate', 'three shots, free and offline'],
    ['sora film shots.yaml -o film.mp4 --audio music.m4a --max-cost 5', 'with music, at most $5'],
  ],

  usesPrices: ({ dryRun }) => !dryRun,

  async run({ args: [file = ''], options }, deps: ProduceDeps): Promise<CommandResult> {
    const faults: string[] = [];
    const film = await readFilm(file, options, deps, faults);
    const order = { ...options, output: film.clips };
    const settings = { ...readBatchOptions(file, order, deps, faults), printsRows: false };
    await new ManifestRows(settings, order, deps, null).refuseWith(faults);
    let plan: BatchPlan | undefined;
    const made = await produceRows(settings, order, deps, async (planned, toBePaid) => {
      plan = planned;
      requireVideos(planned);
      await requireJoiner();
      // An unchanged film stays: its fingerprint is compared once all clips are saved.
      if (toBePaid.length === 0) return;
      checkDestination({ kind: 'file', path: film.path }, ['video'], film.force);
      const sizes = shotsOf(planned).flatMap(({ row }) => (row.facts ?? row.request).size ?? []);
      const [size, ...others] = new Set(sizes);
      if (others.length > 0)
        await requireEncoder(`${size} is not ${others[0]}`, { env: deps.host.env, signal: deps.host.interrupt });
    });
    if (options.dryRun || plan === undefined) return made;
    const shots = await savedShots(plan, deps);
    const summary = Object(made.answer?.data).summary;
    if (shots.length < shotsOf(plan).length || made.exitCode !== undefined) {
      deps.output.note(`no film yet: ${shots.length} of ${shotsOf(plan).length} shots are saved`);
      return { ...made, answer: { data: { film: null, summary }, view: () => '' } };
    }
    const joined = await join(shots, film, deps);
    const view = (): string => `${shortPath(joined.path, deps.host.cwd)}\n`;
    return { ...made, answer: { data: { film: joined, summary }, view } };
  },
});

type FilmPlan = Awaited<ReturnType<typeof readFilm>>;

/** Reads the options of the film itself; its paths are absolute. Problems are added to the faults. */
async function readFilm(file: string, options: FilmOptions, { host }: Pick<ProduceDeps, 'host'>, faults: string[]) {
  const { output: named, clips, audio, force: overwrites = false } = options;
  const name = `${manifestPath(file, host.cwd) === null ? 'film' : parse(file).name}.mp4`;
  const destination = parseDestination(named ?? name, host.cwd);
  const typed = named ?? name;
  let path = destination.kind === 'stdout' ? '' : destination.path;
  if (destination.kind === 'folder') path = resolve(path, name);
  if (destination.kind === 'stdout' || destination.kind === 'template')
    faults.push(`\`-o ${typed}\`: a film is one file`);
  else if (isObjectAddress(path))
    faults.push(`\`-o ${typed}\`: a film is saved to a file; copy it to object storage afterwards`);
  else {
    const fault = pathFault(path, 0, host.platform);
    if (fault !== null) faults.push(`\`-o ${typed}\`: ${fault}`);
    if (!['.mp4', '.m4v', '.mov'].includes(extname(path).toLowerCase()))
      faults.push(`\`-o ${typed}\`: a film is an MP4 file, such as film.mp4`);
    if (statsOf(path)?.isFile() === false) faults.push(`\`-o ${typed}\` is not a regular file`);
  }
  if (clips !== undefined && isObjectAddress(clips))
    faults.push('`--clips` names object storage; clips are joined from files');
  const { dir, name: stem } = parse(path);
  const folder = clips ?? `${resolve(dir, `${stem}-clips`)}/`;
  return { path, clips: folder, ...(await readSound(audio, host.cwd, faults)), force: overwrites };
}

/** Null for the sound of the clips. */
async function readSound(named: string | undefined, cwd: string, faults: string[]) {
  if (named === undefined) return { audio: null, audioSha256: null };
  const audio = resolve(cwd, named);
  if (statsOf(audio)?.isFile() !== true) {
    faults.push(`\`--audio ${named}\`: there is no such file`);
    return { audio, audioSha256: null };
  }
  if (!(await hasSound(audio))) faults.push(`\`--audio ${named}\`: the file has no sound`);
  return { audio, audioSha256: await hashFile(audio) };
}

/** The rows whose clips are in the film. */
function shotsOf({ rows }: BatchPlan): PlannedRow[] {
  const extended = new Set(rows.map(({ row: { from } }) => (from?.operation === 'extend' ? from.row.ref.key : null)));
  return rows.filter(({ row }) => !extended.has(row.ref.key));
}

/** Throws `invalid_manifest` if a shot is not saved as a video. */
function requireVideos(plan: BatchPlan): void {
  const without = shotsOf(plan).filter(({ row }) => !row.variants.includes('video'));
  if (without.length === 0) return;
  throw new SoraError('invalid_manifest', {
    violations: without.map(({ row }) => `line ${row.line}: \`variant\` leaves out the video, which the film needs`),
  });
}

/** The saved clips of the shots, in order; missing ones are left out. */
async function savedShots(plan: BatchPlan, deps: ProduceDeps): Promise<SavedFile[]> {
  const shots = shotsOf(plan);
  const [first] = shots;
  if (first === undefined) return [];
  const { ledger, configuration } = deps;
  const { batch } = first.row.ref;
  const order = { batch, profile: configuration.profile.value, isOfServer: ofServerInUse(deps) };
  const rows = shots.map(({ row }) => row);
  const now = await planBatch(rows, order, ledger);
  return now.rows.flatMap((planned) => filesOf(planned)?.find(({ variant }) => variant === 'video') ?? []);
}

interface SavedFilm extends Pick<SavedFile, 'path' | 'bytes' | 'sha256'> {
  readonly seconds: number | null;
  readonly shots: number;
  readonly encoded: boolean;
}

/** Joins the clips into a temporary file, which replaces nothing until it is whole. */
async function join(
  shots: readonly SavedFile[],
  film: FilmPlan,
  { host, output: out }: ProduceDeps,
): Promise<SavedFilm> {
  const fingerprint = fingerprintOfFilm(shots, film.audioSha256);
  if (existsSync(film.path) && (await fingerprintAt(film.path)) === fingerprint) {
    out.note(`${shortPath(film.path, host.cwd)} is up to date`);
    return { ...(await measured(film.path)), path: film.path, seconds: null, shots: shots.length, encoded: false };
  }
  checkDestination({ kind: 'file', path: film.path }, ['video'], film.force);
  const signed = shots.filter(({ path }) => isSigned(path)).length;
  if (signed > 0)
    out.note(`${signed} of ${shots.length} clips have a C2PA signature, which the film cannot keep; the clips do`);
  const target = writeTargetOf(film.path).path;
  const temporary = await openTemporary(dirname(target), film.path);
  try {
    const clips = shots.map(({ path }) => path);
    const order = { clips, audio: film.audio, fingerprint, target: temporary };
    const { seconds, encodedBecause } = await joinClips(order, { env: host.env, signal: host.interrupt });
    if (encodedBecause !== null) out.note(`the clips were encoded again: ${encodedBecause}`);
    chmodSync(temporary, defaultFileMode()); // not earlier: only a private file of a killed run is removed
    if (film.force) await renameOver(temporary, target);
    else if (!(await claimName(temporary, target))) throw fileExists(film.path);
    const encoded = encodedBecause !== null;
    return { ...(await measured(target)), path: film.path, seconds, shots: shots.length, encoded };
  } catch (error) {
    host.interrupt.throwIfAborted();
    throw error instanceof SoraError ? error : cannotWrite(film.path, error);
  } finally {
    abandonPrivateFile(temporary);
    await rm(temporary, { force: true });
  }
}

/** A private file in the folder of the film; those that killed runs have left are removed. */
async function openTemporary(folder: string, path: string): Promise<string> {
  try {
    for (const name of abandonedFiles(folder, TAG)) {
      const adopted = adoptPrivateFile(folder, name, TAG);
      if (adopted !== null) removePrivateFile(adopted);
    }
    const { path: temporary, descriptor } = await createPrivateFile(folder, TAG);
    closeSync(descriptor);
    return temporary;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

async function measured(path: string): Promise<Pick<SavedFile, 'bytes' | 'sha256'>> {
  return { bytes: statSync(path).size, sha256: await hashFile(path) };
}
