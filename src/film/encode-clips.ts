import type { MovieFacts } from '../domain/movie-facts.ts';
import { type ProgramLimits, runProgram } from '../platform/run-program.ts';
import type { FilmOrder } from './copy-clips.ts';

const FRAMES_PER_SECOND = 30;
const SAMPLE_RATE = 48_000;

/** What ffmpeg needs to know about a clip. */
export interface EncodedClip {
  readonly path: string;
  readonly hasSound: boolean;
  readonly seconds: number;
}

/** Longer than a long film takes on a slow machine. */
const LONGEST_MS = 3_600_000;

/** Whether ffmpeg can be started. */
export async function hasFfmpeg(limits: ProgramLimits): Promise<boolean> {
  try {
    await runProgram('ffmpeg', ['-version'], limits);
    return true;
  } catch {
    limits.signal.throwIfAborted();
    return false;
  }
}

/** Writes the sound of a file as AAC to another file. */
export async function encodeSound(from: string, to: string, limits: ProgramLimits): Promise<void> {
  const output = ['-vn', '-c:a', 'aac', '-f', 'mp4', `file:${to}`];
  await runProgram('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-i', `file:${from}`, ...output], {
    ...limits,
    timeoutMs: LONGEST_MS,
  });
}

/**
 * Joins clips with ffmpeg, which encodes them again in the size of the first one. Rejects with ffmpeg's error, or the
 * signal’s reason.
 */
export async function encodeClips(
  clips: readonly EncodedClip[],
  { audio, fingerprint, target }: Pick<FilmOrder, 'audio' | 'fingerprint' | 'target'>,
  size: NonNullable<MovieFacts['size']>,
  limits: ProgramLimits,
): Promise<void> {
  const [width, height] = size.split('x').map((side) => 2 * Math.round(Number(side) / 2));
  const silence = `anullsrc=r=${SAMPLE_RATE}:cl=stereo`;
  const parts = clips.flatMap(({ hasSound, seconds }, at) => [
    `[${at}:v:0]scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1,setsar=1,fps=${FRAMES_PER_SECOND},format=yuv420p,trim=duration=${seconds},setpts=PTS-STARTPTS[v${at}]`,
    `${hasSound ? `[${at}:a:0]aformat=sample_rates=${SAMPLE_RATE}:channel_layouts=stereo,apad` : silence},atrim=duration=${seconds},asetpts=PTS-STARTPTS[a${at}]`,
  ]);
  const inputs = clips.map((_, at) => `[v${at}][a${at}]`).join('');
  const total = clips.reduce((sum, { seconds }) => sum + seconds, 0);
  const joined = `${inputs}concat=n=${clips.length}:v=1:a=1[v][sound]`;
  const voice =
    audio === null ? '[sound]anull[a]' : `[sound]anullsink;[${clips.length}:a:0]apad,atrim=duration=${total}[a]`;
  const files = [...clips.map(({ path }) => path), ...(audio === null ? [] : [audio])];
  await runProgram(
    'ffmpeg',
    [
      ...['-v', 'error', '-nostdin', '-y'],
      ...files.flatMap((path) => ['-i', `file:${path}`]),
      ...['-filter_complex', [...parts, joined, voice].join(';'), '-map', '[v]', '-map', '[a]'],
      ...['-c:v', 'libx264', '-crf', '18', '-c:a', 'aac', '-movflags', '+faststart', '-t', String(total)],
      ...['-metadata', `comment=${fingerprint}`, '-f', 'mp4', `file:${target}`],
    ],
    { ...limits, timeoutMs: LONGEST_MS },
  );
}
