import { open } from 'node:fs/promises';
import { type MediaKind, mediaOf, SNIFF_BYTES, sniffMedia } from '../../domain/media.ts';
import type { JobSummary } from '../../domain/summary.ts';
import type { Variant } from '../../domain/video.ts';
import type { Host } from '../../platform/host.ts';
import { runProgram } from '../../platform/run-program.ts';
import type { RgbPicture } from './png.ts';

/** How many frames of a video a sheet shows. */
export const FRAMES = 4;

/** ffmpeg's reader for each kind. It is named, so that a file cannot choose one that reads other files. */
const READERS: Readonly<Partial<Record<MediaKind, string>>> = {
  mp4: 'mov',
  mov: 'mov',
  webm: 'matroska',
  mkv: 'matroska',
  avi: 'avi',
  mpg: 'mpeg',
  ts: 'mpegts',
  ogv: 'ogg',
  flv: 'flv',
  wmv: 'asf',
  gif: 'gif',
  webp: 'webp_pipe',
  jpg: 'jpeg_pipe',
  png: 'png_pipe',
};

/** A saved file that ffmpeg can read. */
interface PictureSource {
  readonly path: string;
  readonly reader: string;
  readonly isVideo: boolean;
}

type FfmpegHost = Pick<Host, 'env' | 'interrupt'>;

/**
 * Frames of the saved video of a job, evenly apart, or its saved picture; each in the middle of `width` by `height` pixels.
 * Empty if nothing is saved that can be read. Rejects with a `ProgramFailure` where ffmpeg cannot be used.
 */
export async function framesOf(
  { files, seconds }: JobSummary,
  { width, height }: Pick<RgbPicture, 'width' | 'height'>,
  host: FfmpegHost,
): Promise<readonly RgbPicture[]> {
  const source =
    (await sourceOf(files, 'video')) ?? (await sourceOf(files, 'thumbnail')) ?? (await sourceOf(files, 'spritesheet'));
  if (source === null) return [];
  const fit = `scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1`;
  const filter = source.isVideo && seconds !== null ? `fps=${FRAMES}/${seconds},${fit}` : fit;
  const count = source.isVideo ? FRAMES : 1;
  const bytes = await decode(source, 0, count, filter, ['-f', 'rawvideo', '-pix_fmt', 'rgb24'], host);
  const frameBytes = width * height * 3;
  return Array.from({ length: Math.floor(bytes.length / frameBytes) }, (_, at) => ({
    width,
    height,
    rgb: bytes.subarray(at * frameBytes, (at + 1) * frameBytes),
  }));
}

const POSTER_WIDTH = 640;

/** A frame from the middle of the saved video of a job, as a JPEG; null without one. Rejects as `framesOf` does. */
export async function posterOf({ files, seconds }: JobSummary, host: FfmpegHost): Promise<Uint8Array | null> {
  const source = await sourceOf(files, 'video');
  if (source === null) return null;
  const filter = `scale=w='min(${POSTER_WIDTH},iw)':h=-2`;
  const bytes = await decode(source, (seconds ?? 0) / 2, 1, filter, ['-f', 'mjpeg', '-q:v', '5'], host);
  return bytes.length === 0 ? null : bytes;
}

/** Null if the file is gone, or of a kind that ffmpeg is not asked to read. */
async function sourceOf(files: JobSummary['files'], wanted: Variant): Promise<PictureSource | null> {
  const path = files.findLast(({ variant }) => variant === wanted)?.path;
  const kind = path === undefined ? null : await kindOf(path);
  const reader = kind === null ? undefined : READERS[kind];
  if (path === undefined || kind === null || reader === undefined) return null;
  return { path, reader, isVideo: mediaOf(kind) === 'video' };
}

/** `count` frames from a second on, in the format of `output`. */
function decode(
  { path, reader }: PictureSource,
  startSeconds: number,
  count: number,
  filter: string,
  output: readonly string[],
  { env, interrupt: signal }: FfmpegHost,
): Promise<Uint8Array> {
  const start = ['-ss', String(startSeconds)];
  const input = [
    '-v',
    'error',
    '-nostdin',
    '-protocol_whitelist',
    'file',
    ...start,
    ...(count === 1 ? ['-threads', '1'] : []), // starting more takes longer than one frame
    '-f',
    reader,
    '-i',
    `file:${path}`,
  ];
  const frames = ['-an', '-vf', filter, '-frames:v', String(count)];
  return runProgram('ffmpeg', [...input, ...frames, ...output, 'pipe:1'], { env, signal });
}

/** Null if the file is gone or of no known kind. */
async function kindOf(path: string): Promise<MediaKind | null> {
  const file = await open(path).catch(() => null);
  if (file === null) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    return sniffMedia(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
