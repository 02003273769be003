import { dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import pLimit from 'p-limit';
import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { FILTER_OPTIONS, readFilter } from '../../app/job-filter.ts';
import { isListed } from '../../app/job-lists.ts';
import { ofServerInUse } from '../../app/job-names.ts';
import { summaryOf } from '../../app/known-jobs.ts';
import { openSaved } from '../../app/opening.ts';
import { type OptionValues, option, parseWholeNumber, refuseFaults } from '../../app/option-values.ts';
import { mediaTypeOf, sniffMedia } from '../../domain/media.ts';
import { isObjectAddress } from '../../domain/object-address.ts';
import type { JobRecord } from '../../domain/record.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import { cannotWrite, checkDestination, fileExists, outputFault, parseDestination } from '../../jobs/destination.ts';
import type { Answer } from '../../output/output.ts';
import { shortPath } from '../../output/short-path.ts';
import { attempt } from '../../platform/attempt.ts';
import { createFile, defaultFileMode, replaceFile, statsOf } from '../../platform/files.ts';
import type { Host } from '../../platform/host.ts';
import { readRegular } from '../../platform/open-input.ts';
import { ProgramFailure } from '../../platform/run-program.ts';
import { posterOf } from './frames.ts';
import { type GalleryEntry, renderGallery } from './page.ts';
import { writeSheets } from './sheets.ts';

const DEFAULT_NAME = 'gallery.html';
const DEFAULT_LIMIT = 200;
const MOST_SHOWN = 2_000;
/** About the most that the pictures of a page take, so that it can still be sent to others. */
const MOST_PICTURE_CHARS = 64_000_000;
/** Frames that ffmpeg reads from saved videos at the same time. */
const FRAMES_AT_ONCE = 4;
/** Extensions of files that current browsers play. */
const PLAYABLE = /^\.(mp4|m4v|webm|mov|ogv)$/i;

const OPTIONS = {
  ...FILTER_OPTIONS,
  limit: option('-L, --limit <n>', `how many (default ${DEFAULT_LIMIT})`),
  output: option(
    '-o, --output <file|dir>',
    `where to write it (default ${DEFAULT_NAME}); with --sheet a folder (default: here)`,
  ),
  sheet: option('--sheet', 'write a contact sheet for each request instead (needs ffmpeg)'),
  force: option('--force', 'overwrite an existing file'),
  open: option('--open', 'open it in the browser'),
} as const;

export const galleryCommand = defineCommand({
  name: 'gallery',
  description:
    'Writes the videos of the local ledger, newest first, as one HTML file to look at or to send: their pictures are inside it (the saved thumbnail, or a frame of the saved video if ffmpeg is installed), saved videos are linked by their relative paths. It needs no network and no script. Prints its path. With `--profile`, only that server’s videos. With `--sheet` it writes PNG contact sheets instead, one for each request, with frames of all its variations; ffmpeg reads them from the saved files.',
  options: OPTIONS,
  json: '{"path","jobs"}; with --sheet: {"sheets":[{"path","jobs":["id"…]}]}',
  errors: ['file_exists', 'cannot_write', 'not_supported'],
  examples: [
    ['sora gallery --status completed --since 7d --open', 'look at what was made in the last week'],
    ['sora gallery --batch shots.jsonl -o shots/ --force', 'a page beside the videos of a manifest'],
    ['sora gallery --search "paper boat" --sheet', 'compare the variations of one request in a picture'],
  ],

  async run(
    { options },
    deps: Pick<
      Context,
      'host' | 'ledger' | 'objects' | 'output' | 'jobs' | 'configuration' | 'servers' | 'isServerNamed'
    >,
  ) {
    const { host, output } = deps;
    const faults: string[] = [];
    const range = { min: 1, max: MOST_SHOWN, fallback: DEFAULT_LIMIT };
    const limit = parseWholeNumber('--limit', options.limit, range, faults);
    const filter = readFilter(options, host, faults);
    const path = galleryPath(options.output, deps, faults);
    if (options.sheet && /\.\w{3,4}$/.test(options.output ?? ''))
      faults.push(`\`-o ${options.output}\`: \`--sheet\` writes one file for each request, so it needs a folder`);
    refuseFaults(faults);
    const force = options.force ?? false;
    if (!options.sheet) checkDestination({ kind: 'file', path }, ['video'], force);

    const isOfServer = ofServerInUse(deps);
    const isWanted = (record: JobRecord): boolean => {
      const isInScope = !deps.isServerNamed || isOfServer(record);
      const job = summarize(record.profile, record, null);
      if (!isInScope || !filter.hasStatus(job) || !filter.matches(job, record)) return false;
      return isListed(record) || summaryOf(record.profile, record, null).files.length > 0;
    };
    const records = await deps.ledger.newest(limit + 1, isWanted);
    if (records.length > limit) output.note(`only the newest ${limit} are shown; \`--limit\` shows more`);
    if (options.sheet) return writeAllSheets(records.slice(0, limit), options, deps);
    const shown = records.slice(0, limit).map((record) => summaryOf(record.profile, record, null));
    if (shown.length === 0) output.note('no videos match, so the page is empty');
    const html = renderGallery(await entriesOf(shown, dirname(path), deps), {
      madeAtMs: host.clock.now(),
      filter: describeFilter(options),
      redact: (text) => output.secrets.redact(text),
    });
    await write(path, html, force);
    if (options.open) await openSaved(path, deps);
    return { answer: { data: { path, jobs: shown.length }, view: () => `${shortPath(path, host.cwd)}\n` } };
  },
});

async function writeAllSheets(
  records: readonly JobRecord[],
  { output = '.', force = false, open = false }: OptionValues<typeof OPTIONS>,
  deps: Pick<Context, 'host' | 'ledger' | 'objects' | 'output'>,
): Promise<{ readonly answer: Answer }> {
  const folder = resolve(deps.host.cwd, output);
  const sheets = await writeSheets(records, { folder, force }, (path, bytes) => write(path, bytes, force), deps);
  if (records.length === 0) deps.output.note('no videos match, so there are no sheets');
  const [first] = sheets;
  if (open && first !== undefined) await openSaved(first.path, deps);
  const view = (): string => sheets.map(({ path }) => `${shortPath(path, deps.host.cwd)}\n`).join('');
  return { answer: { data: { sheets }, view } };
}

/** A folder gets the default name. */
function galleryPath(output: string | undefined, { host }: Pick<Context, 'host'>, faults: string[]): string {
  const destination = parseDestination(output ?? DEFAULT_NAME, host.cwd);
  if (destination.kind === 'stdout' || destination.kind === 'template') {
    faults.push(`\`-o ${output}\` is not the name of a file, to which the page links the videos`);
    return '';
  }
  const fault =
    outputFault(output ?? DEFAULT_NAME, 0, host.platform) ??
    (isObjectAddress(destination.path) ? 'a gallery is a file' : null);
  const { kind, path } = destination;
  if (kind === 'file' && statsOf(path)?.isFile() === false) faults.push(`\`-o ${output}\` is not a regular file`);
  if (fault !== null) faults.push(`\`-o ${output}\`: ${fault}`);
  return kind === 'folder' ? join(path, DEFAULT_NAME) : path;
}

function describeFilter(options: Readonly<Record<string, unknown>>): string {
  const given = Object.keys(FILTER_OPTIONS).filter((name) => options[name] !== undefined);
  return given.map((name) => `${name}: ${[options[name]].flat().join(', ')}`).join(' · ');
}

async function entriesOf(
  jobs: readonly JobSummary[],
  folder: string,
  { ledger, host, output }: Pick<Context, 'ledger' | 'host' | 'output'>,
): Promise<GalleryEntry[]> {
  const shortIds = await ledger.shortIds(jobs.map(({ id, submission }) => id ?? submission ?? ''));
  const progress = await output.progress(host.clock);
  let done = 0;
  await progress.show(() => `reading pictures: ${done} of ${jobs.length}`);
  const limit = pLimit(FRAMES_AT_ONCE);
  let pictureRoom = MOST_PICTURE_CHARS;
  const entries = limit.map(jobs, async (job, at) => {
    const video = job.files.findLast(({ variant }) => variant === 'video');
    const poster = pictureRoom > 0 ? (savedPoster(job, pictureRoom) ?? (await frameOf(job, host))) : null;
    pictureRoom -= poster?.length ?? 0;
    done++;
    return {
      job,
      shortId: shortIds[at] ?? '',
      poster,
      videoUrl: video === undefined || isObjectAddress(video.path) ? null : urlOf(video.path, folder),
      isPlayable: video !== undefined && PLAYABLE.test(extname(video.path)),
    };
  });
  return entries.finally(() => progress.stop());
}

/** The saved thumbnail as a data URL; null if it is not an image, too large, or cannot be read. */
function savedPoster({ files }: JobSummary, mostBytes: number): string | null {
  const thumbnail = files.findLast(({ variant, bytes }) => variant === 'thumbnail' && bytes <= mostBytes);
  const bytes = thumbnail && attempt(() => readRegular(thumbnail.path));
  return bytes ? pictureUrl(bytes) : null;
}

/** A frame of the saved video as a data URL; null without ffmpeg or for a video that it cannot read. */
async function frameOf(job: JobSummary, host: Host): Promise<string | null> {
  const bytes = await posterOf(job, host).catch((error: unknown) => {
    if (error instanceof ProgramFailure) return null;
    throw error;
  });
  return bytes && pictureUrl(bytes);
}

function pictureUrl(bytes: Uint8Array): string | null {
  const kind = sniffMedia(bytes);
  const type = kind === null ? '' : mediaTypeOf(kind);
  return type.startsWith('image/') ? `data:${type};base64,${Buffer.from(bytes).toString('base64')}` : null;
}

/** Relative, so that the page and the videos can be moved together; another drive of Windows has only an address. */
function urlOf(path: string, folder: string): string {
  const way = relative(folder, path);
  return isAbsolute(way) ? pathToFileURL(path).href : way.split(sep).map(encodeURIComponent).join('/');
}

async function write(path: string, content: string | Uint8Array, force: boolean): Promise<void> {
  const mode = defaultFileMode();
  try {
    if (force) return await replaceFile(path, content, mode);
    if (await createFile(path, content, mode)) return;
  } catch (error) {
    throw cannotWrite(path, error);
  }
  throw fileExists(path);
}
