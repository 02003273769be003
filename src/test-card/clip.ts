// The only file of the test card that other folders use: renders a clip and its stills as files.

import { AUDIO_FRAME_SAMPLES, AUDIO_SAMPLE_RATE, aacSampleEntry, SILENT_FRAME } from './aac-silence.ts';
import { avcSample, avcSampleEntry } from './avc-sample-entry.ts';
import { clampLines, printable, wrap } from './caption-text.ts';
import {
  type ClipSpec,
  checkSpec,
  durationTicks,
  FRAME_TICKS,
  FRAMES_PER_SECOND,
  frameCount,
  VIDEO_TIMESCALE,
} from './clip-spec.ts';
import { GLYPH_ADVANCE, GLYPH_HEIGHT } from './font.ts';
import { H264Encoder } from './h264-encoder.ts';
import { encodeJpeg } from './jpeg.ts';

import { type MediaTrack, mp4File } from './mp4.ts';
import { contactSheet, rasterise } from './raster.ts';
import { TestCard } from './test-card.ts';
import { encodeWebp } from './webp.ts';

export type { ClipSpec } from './clip-spec.ts';
export { textPixels } from './font.ts';

/** A player that seeks decodes at most five seconds, most of them skipped macroblocks. */
const KEY_FRAME_INTERVAL = 5 * FRAMES_PER_SECOND;
/** Maximum length of the longer side of a thumbnail, and of each picture of a spritesheet, in pixels. */
const THUMBNAIL_SIDE = 640;
const TILE_SIDE = 256;
const SHEET_COLUMNS = 4;
const SHEET_TILES = 12;

/**
 * An MP4 file with a moving test card: H.264 Constrained Baseline video of exactly the size and length in the spec, and
 * silent AAC sound. The same spec gives the same bytes. Throws a RangeError if the size or length is not supported.
 */
export function renderClip(spec: ClipSpec): Uint8Array {
  checkSpec(spec);
  return mp4File({
    timescale: VIDEO_TIMESCALE,
    duration: durationTicks(spec),
    title: spec.id,
    tracks: [videoTrack(spec), silentTrack(spec)],
  });
}

/** The frame at one third of the clip, as a lossless WebP file. Throws like `renderClip`. */
export function renderThumbnail(spec: ClipSpec): Uint8Array {
  checkSpec(spec);
  const card = new TestCard(spec);
  card.drawFrame(Math.floor(frameCount(spec) / 3));
  return encodeWebp(rasterise(card.picture, divisorFor(spec, THUMBNAIL_SIDE)));
}

/** Frames spread evenly over the clip, from its first to its last, as one JPEG. Throws like `renderClip`. */
export function renderSpritesheet(spec: ClipSpec): Uint8Array {
  checkSpec(spec);
  const card = new TestCard(spec);
  const lastFrame = frameCount(spec) - 1;
  const count = Math.min(SHEET_TILES, lastFrame + 1);
  const tiles = Array.from({ length: count }, (_, i) => {
    card.drawFrame(Math.round((lastFrame * i) / Math.max(1, count - 1)));
    return rasterise(card.picture, divisorFor(spec, TILE_SIDE));
  });
  return encodeJpeg(contactSheet(tiles, Math.min(SHEET_COLUMNS, count)));
}

/** How much to shrink a picture so that its longer side is at most `side`. */
function divisorFor({ width, height }: ClipSpec, side: number): number {
  return Math.ceil(Math.max(width, height) / side);
}

function videoTrack(spec: ClipSpec): MediaTrack {
  const { width, height } = spec;
  const card = new TestCard(spec);
  const encoder = new H264Encoder({ width, height, framesPerSecond: FRAMES_PER_SECOND });
  const samples: Uint8Array[] = [];
  const syncSamples: number[] = [];
  for (let frame = 0; frame < frameCount(spec); frame++) {
    const touched = card.drawFrame(frame);
    const isKeyFrame = frame % KEY_FRAME_INTERVAL === 0;
    const unit = isKeyFrame ? encoder.encodeKeyFrame(card.picture) : encoder.encodeChanges(card.picture, touched);
    samples.push(avcSample(unit));
    if (isKeyFrame) syncSamples.push(frame + 1);
  }
  return {
    picture: { width, height },
    timescale: VIDEO_TIMESCALE,
    samples,
    sampleDuration: FRAME_TICKS,
    duration: durationTicks(spec),
    syncSamples,
    sampleEntry: avcSampleEntry({ width, height, ...encoder }),
  };
}

function silentTrack(spec: ClipSpec): MediaTrack {
  const duration = Math.max(1, Math.round(spec.seconds * AUDIO_SAMPLE_RATE));
  return {
    timescale: AUDIO_SAMPLE_RATE,
    samples: Array.from({ length: Math.ceil(duration / AUDIO_FRAME_SAMPLES) }, () => SILENT_FRAME),
    sampleDuration: AUDIO_FRAME_SAMPLES,
    duration,
    sampleEntry: aacSampleEntry(),
  };
}

/** Height of a line of text and the step from one character to the next, in font pixels. */
export const FONT = { height: GLYPH_HEIGHT, advance: GLYPH_ADVANCE } as const;

/** A text in at most `maxLines` lines of at most `columns` characters that the font has. */
export function captionLines(text: string, columns: number, maxLines: number): string[] {
  return clampLines(wrap(printable(text), columns), maxLines, columns);
}
