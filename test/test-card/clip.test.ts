import { describe, expect, it } from 'vitest';
import { type ClipSpec, renderClip } from '../../src/test-card/clip.ts';
import { complaintsAbout, decode, hasFfmpeg, probe } from './ffmpeg.ts';
import { type Box, findAll, findOne, readBoxes, readTable, sampleRanges } from './mp4-reader.ts';

const SPEC: ClipSpec = { id: 'video_1', prompt: 'A calico cat', model: 'sora-2', seconds: 2.5, width: 128, height: 96 };
const SILENT_FRAME = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];

function tracksOf(file: Uint8Array): { boxes: Box[]; video: Box; audio: Box } {
  const boxes = readBoxes(file);
  const [video, audio] = findAll(boxes, 'moov/trak');
  if (video === undefined || audio === undefined) throw new Error('expected two tracks');
  return { boxes, video, audio };
}

/** Timescale and duration of a track, and the sum of its samples' durations. */
function timesOf(track: Box): { timescale: number; duration: number; sum: number } {
  const { body } = findOne(track.children, 'mdia/mdhd');
  const runs = readTable(findOne(track.children, 'mdia/minf/stbl/stts'), 2);
  const sum = runs.reduce((total, [count = 0, delta = 0]) => total + count * delta, 0);
  return { timescale: body.getUint32(12), duration: body.getUint32(16), sum };
}

describe('renderClip', () => {
  it('renders identical bytes for equal specs, and different ones otherwise', () => {
    const clip = renderClip(SPEC);
    expect(Buffer.compare(renderClip({ ...SPEC }), clip)).toBe(0);
    expect(Buffer.compare(renderClip({ ...SPEC, prompt: 'A dog' }), clip)).not.toBe(0);
  });

  it('puts the index before the media, so that playback can start at once', () => {
    expect(readBoxes(renderClip(SPEC)).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'mdat']);
  });

  it.each([0.01, 1, 2.5, 2.51])('lasts exactly %d seconds wherever that is stated', (seconds) => {
    const { boxes, video, audio } = tracksOf(renderClip({ ...SPEC, seconds, width: 16, height: 16 }));
    for (const [track, timescale] of [
      [video, 90_000],
      [audio, 48_000],
    ] as const) {
      const duration = Math.round(seconds * timescale);
      expect(timesOf(track)).toEqual({ timescale, duration, sum: duration });
    }
    const movie = findOne(boxes, 'moov/mvhd').body;
    expect(movie.getUint32(16) / movie.getUint32(12)).toBe(seconds);
    for (const { children } of [video, audio]) {
      expect(findOne(children, 'tkhd').body.getUint32(20)).toBe(movie.getUint32(16));
    }
  });

  it('has exactly the requested size', () => {
    const { video } = tracksOf(renderClip({ ...SPEC, width: 162, height: 90 }));
    const header = findOne(video.children, 'tkhd').body;
    expect([header.getUint32(76) / 65_536, header.getUint32(80) / 65_536]).toEqual([162, 90]);
    const sampleEntry = findOne(video.children, 'mdia/minf/stbl/stsd').body;
    expect([sampleEntry.getUint16(40), sampleEntry.getUint16(42)]).toEqual([162, 90]);
  });

  it('fills the media with samples where the index says they are', () => {
    const file = renderClip(SPEC);
    const { boxes, video, audio } = tracksOf(file);
    const frames = sampleRanges(video);
    const sounds = sampleRanges(audio);
    expect(frames).toHaveLength(75);
    expect(sounds).toHaveLength(Math.ceil((2.5 * 48_000) / 1024));

    const view = new DataView(file.buffer, file.byteOffset);
    for (const { start, end } of frames) expect(view.getUint32(start)).toBe(end - start - 4);
    for (const { start, end } of sounds) expect([...file.subarray(start, end)]).toEqual(SILENT_FRAME);

    const media = findOne(boxes, 'mdat');
    let next = media.start;
    for (const { start, end } of [...frames, ...sounds].sort((a, b) => a.start - b.start)) {
      expect(start).toBe(next);
      next = end;
    }
    expect(next).toBe(media.start + media.body.byteLength);
  });

  it('marks IDR pictures as sync samples, at most five seconds apart', () => {
    const file = renderClip({ ...SPEC, seconds: 11, width: 16, height: 16 });
    const { video } = tracksOf(file);
    const idrFrames = sampleRanges(video).flatMap(({ start }, i) =>
      ((file[start + 4] ?? 0) & 31) === 5 ? [i + 1] : [],
    );
    expect(idrFrames).toEqual([1, 151, 301]);
    expect(readTable(findOne(video.children, 'mdia/minf/stbl/stss'), 1).flat()).toEqual(idrFrames);
  });

  it('has its id as the title', () => {
    const { body } = findOne(readBoxes(renderClip({ ...SPEC, id: 'vidéo' })), 'moov/udta').children[0] ?? {
      body: undefined,
    };
    expect(Buffer.from(body?.buffer ?? new ArrayBuffer(0), body?.byteOffset, body?.byteLength).toString()).toContain(
      'vidéo',
    );
  });

  it.each([
    [33, 64],
    [64, 33],
    [14, 64],
    [64, 4098],
    [64.5, 64],
    [Number.NaN, 64],
  ])('refuses %dx%d', (width, height) => {
    expect(() => renderClip({ ...SPEC, width, height })).toThrow(
      new RangeError(`could not render ${width}x${height}: width and height must be even, from 16 to 4096`),
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d seconds', (seconds) => {
    expect(() => renderClip({ ...SPEC, seconds })).toThrow(RangeError);
  });
});

describe.skipIf(!hasFfmpeg)('renderClip, checked with ffmpeg (needs ffmpeg and ffprobe)', () => {
  it.each([
    ['a common size', {}],
    ['the smallest size', { width: 16, height: 16, seconds: 0.5 }],
    ['a size that is not a multiple of 16', { width: 162, height: 90, seconds: 1.01 }],
    ['a prompt without a single glyph', { prompt: '猫が🎹を弾く', seconds: 0.5 }],
    ['a very long prompt', { prompt: 'word '.repeat(2000), seconds: 0.5 }],
  ])('produces a valid file with %s', (_, changes) => {
    expect(complaintsAbout(renderClip({ ...SPEC, ...changes }))).toBe('');
  });

  it('has the right streams and durations', () => {
    const entries = 'stream=codec_name,profile,width,height,sample_rate,channels,start_time,duration:format=duration';
    expect(probe(renderClip(SPEC), entries)).toEqual([
      'codec_name=h264',
      'profile=Constrained Baseline',
      'width=128',
      'height=96',
      'start_time=0.000000',
      'duration=2.500000',
      'codec_name=aac',
      'profile=LC',
      'sample_rate=48000',
      'channels=2',
      'start_time=0.000000',
      'duration=2.500000',
      'duration=2.500000',
    ]);
  });

  it('moves: every frame differs from the one before', () => {
    const frames = decode(renderClip({ ...SPEC, seconds: 1 }), 'gray');
    const size = SPEC.width * SPEC.height;
    expect(frames).toHaveLength(30 * size);
    for (let i = 1; i < 30; i++) {
      const [before, after] = [i - 1, i].map((n) => frames.subarray(n * size, (n + 1) * size));
      expect(Buffer.compare(before ?? frames, after ?? frames)).not.toBe(0);
    }
  });
});
