/** What a clip shows and how large and long it is. */
export interface ClipSpec {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  /** More than 0 and at most 600; fractions are fine. */
  readonly seconds: number;
  /** Even numbers of pixels from 16 to 4096: 4:2:0 video cannot show odd ones. */
  readonly width: number;
  readonly height: number;
}

export const FRAMES_PER_SECOND = 30;
/** Ticks a second of the video track: whole for a frame, and fine enough for any length a user would ask for. */
export const VIDEO_TIMESCALE = 90_000;
export const FRAME_TICKS = VIDEO_TIMESCALE / FRAMES_PER_SECOND;

const MIN_SIDE = 16;
const MAX_SIDE = 4096;
/** Far beyond what any video model makes; all of a clip is held in memory. */
const MAX_SECONDS = 600;

/** Throws a RangeError that names the field and its limits where no clip can be made to this spec. */
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

/** Frames in the clip; where its length is no whole number of them, the last shows for less. */
export function frameCount(spec: ClipSpec): number {
  return Math.ceil(durationTicks(spec) / FRAME_TICKS);
}
