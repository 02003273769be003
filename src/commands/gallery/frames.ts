import { open } from 'node:fs/promises';
import { type MediaKind, mediaOf, SNIFF_BYTES, sniffMedia } from '../../domain/media.ts';
import type { JobSummary } from '../../domain/summary.ts';
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

/**
 * Frames of the saved video of a job, evenly apart, or its saved picture; each in the middle of `width` by `height` pixels.
 * Empty if nothing is saved that can be read. Rejects with a `ProgramFailure` where ffmpeg cannot be used.
 */
export async function framesOf(
  { files, seconds }: JobSummary,
  { width, height }: Pick<RgbPicture, 'width' | 'height'>,
  { env, interrupt: signal }: Pick<Host, 'env' | 'interrupt'>,
): Promise<readonly RgbPicture[]> {
  for (const wanted of ['video', 'thumbnail', 'spritesheet'] as const) {
    const path = files.findLast(({ variant }) => variant === wanted)?.path;
    const kind = path === undefined ? null : await kindOf(path);
    const reader = kind === null ? undefined : READERS[kind];
    if (path === undefined || kind === null || reader === undefined) continue;
    const isVideo = mediaOf(kind) === 'video';
    const fit = `scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1`;
    const filter = isVideo && seconds !== null ? `fps=${FRAMES}/${seconds},${fit}` : fit;
    const input = ['-v', 'error', '-nostdin', '-protocol_whitelist', 'file', '-f', reader, '-i', `file:${path}`];
    const output = ['-frames:v', String(isVideo ? FRAMES : 1), '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
    const bytes = await runProgram('ffmpeg', [...input, '-an', '-vf', filter, ...output], { env, signal });
    const frameBytes = width * height * 3;
    return Array.from({ length: Math.floor(bytes.length / frameBytes) }, (_, at) => ({
      width,
      height,
      rgb: bytes.subarray(at * frameBytes, (at + 1) * frameBytes),
    }));
  }
  return [];
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
