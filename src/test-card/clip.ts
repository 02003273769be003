import { AUDIO_FRAME_SAMPLES, AUDIO_SAMPLE_RATE, aacSampleEntry, SILENT_FRAME } from './aac-silence.ts';
import { avcSample, avcSampleEntry } from './avc-sample-entry.ts';
import {
  type ClipSpec,
  checkSpec,
  durationTicks,
  FRAME_TICKS,
  FRAMES_PER_SECOND,
  frameCount,
  VIDEO_TIMESCALE,
} from './clip-spec.ts';
import { H264Encoder } from './h264-encoder.ts';
import type { MediaTrack } from './media-track.ts';
import { mp4File } from './mp4.ts';
import { drawSpritesheet, drawThumbnail } from './stills.ts';
import { TestCard } from './test-card.ts';

export type { ClipSpec } from './clip-spec.ts';

/** A player that seeks decodes five seconds at most, nearly all of them skipped macroblocks. */
const KEY_FRAME_INTERVAL = 5 * FRAMES_PER_SECOND;

/**
 * The clip as an MP4 file: a moving test card with H.264 Constrained Baseline video of exactly the size and length asked
 * for, and silent AAC sound. The same spec gives the same bytes. Throws a RangeError for a size or length that no such
 * file can have: sides must be even, from 16 to 4096 pixels.
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

/** The clip's frame at one third, at most 640 pixels wide or high, as a lossless WebP file. Throws like `renderClip`. */
export function renderThumbnail(spec: ClipSpec): Uint8Array {
  checkSpec(spec);
  return drawThumbnail(spec);
}

/** Twelve of the clip's frames in rows of four, each at most 256 pixels wide or high, as a JPEG. Throws like `renderClip`. */
export function renderSpritesheet(spec: ClipSpec): Uint8Array {
  checkSpec(spec);
  return drawSpritesheet(spec);
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
