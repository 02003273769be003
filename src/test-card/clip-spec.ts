/** What a clip shows, its size and its length. */
export interface ClipSpec {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  /** More than 0 and at most 600; may be a fraction. */
  readonly seconds: number;
  /** Even numbers of pixels from 16 to 4096: 4:2:0 video has no odd sizes. */
  readonly width: number;
  readonly height: number;
}

export const FRAMES_PER_SECOND = 30;
/** Ticks per second of the video track; each frame has a whole number of them. */
export const VIDEO_TIMESCALE = 90_000;
export const FRAME_TICKS = VIDEO_TIMESCALE / FRAMES_PER_SECOND;

const MIN_SIDE = 16;
const MAX_SIDE = 4096;
/** Far more than any video model renders; a clip is in memory as a whole. */
const MAX_SECONDS = 600;

/** Throws a RangeError that states the limits if the size or length is not supported. */
export function checkSpec({ width, height, seconds }: ClipSpec): void {
  const isSide = (side: number): boolean => side >= MIN_SIDE && side <= MAX_SIDE && side % 2 === 0;
  if (!isSide(width) || !isSide(height)) {
    throw new RangeError(
      `could not render ${width}x${height}: width and height must be even, from ${MIN_SIDE} to ${MAX_SIDE}`,
    );
  }
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new RangeError(`could not render ${seconds} seconds: a clip lasts more than 0 and at most ${MAX_SECONDS}`);
  }
}

/** The clip's length in ticks of the video track. */
export function durationTicks(spec: ClipSpec): number {
  return Math.max(1, Math.round(spec.seconds * VIDEO_TIMESCALE));
}

/** The number of frames; the last one may be shown for a shorter time. */
export function frameCount(spec: ClipSpec): number {
  return Math.ceil(durationTicks(spec) / FRAME_TICKS);
}
