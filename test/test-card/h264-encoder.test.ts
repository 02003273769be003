import { describe, expect, it } from 'vitest';
import { H264Encoder } from '../../src/test-card/h264-encoder.ts';
import { levelFor, sequenceParameterSet } from '../../src/test-card/parameter-sets.ts';
import { createPicture, type Picture } from '../../src/test-card/picture.ts';
import { seededRandom } from '../../src/test-card/random.ts';
import { BitReader, payloadOf } from './bit-reader.ts';
import { decode, hasFfmpeg } from './ffmpeg.ts';

const START_CODE = [0, 0, 0, 1];

function annexB(units: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(units.flatMap((unit) => [...START_CODE, ...unit]));
}

/** Smooth on the left and noisier to the right, so that every kind of block and context occurs. */
function testPicture(width: number, height: number): Picture {
  const picture = createPicture(width, height);
  const random = seededRandom('noise');
  for (const plane of [picture.luma, picture.cb, picture.cr]) {
    for (let i = 0; i < plane.samples.length; i++) {
      const x = (i % plane.width) / plane.width;
      plane.samples[i] = 100 + 40 * x + 230 * Math.max(0, x - 0.3) * (random() - 0.5) + (x > 0.9 ? 255 * random() : 0);
    }
  }
  return picture;
}

function samplesOf({ luma, cb, cr }: Pick<Picture, 'luma' | 'cb' | 'cr'>): number[] {
  return [luma, cb, cr].flatMap(({ samples }) => [...samples]);
}

function meanError(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

describe('the sequence parameter set', () => {
  it.each([
    [64, 64, 30],
    [720, 480, 30],
    [1280, 720, 31],
    [720, 1280, 31],
    [1920, 1080, 40],
    [4096, 16, 40],
    [2560, 1440, 50],
    [3840, 2160, 51],
    [4096, 4096, 60],
  ])('declares level_idc of %ix%i at 30 frames a second as %3$i', (width, height, level) => {
    expect(levelFor({ width, height, framesPerSecond: 30 })).toBe(level);
  });

  it('crops the padding to the requested size', () => {
    const sps = new BitReader(sequenceParameterSet({ width: 162, height: 90, framesPerSecond: 30 }));
    expect([sps.bits(8), sps.bits(8), sps.bits(8)]).toEqual([66, 0xc0, 30]);
    sps.skip(1 + 1 + 3 + 3 + 1); // up to gaps_in_frame_num_value_allowed_flag
    const sizeInMacroblocks = [sps.ue() + 1, sps.ue() + 1];
    sps.skip(2); // frame_mbs_only_flag, direct_8x8_inference_flag
    const cropping = [sps.bits(1), sps.ue(), sps.ue(), sps.ue(), sps.ue()];
    expect(sizeInMacroblocks).toEqual([11, 6]);
    expect(cropping).toEqual([1, 0, (176 - 162) / 2, 0, (96 - 90) / 2]);
  });
});

describe('H264Encoder', () => {
  it('reconstructs a picture close to its source', () => {
    const picture = testPicture(64, 48);
    const encoder = new H264Encoder({ width: 64, height: 48, framesPerSecond: 30 });
    encoder.encodeKeyFrame(picture);
    expect(meanError(samplesOf(encoder.reconstruction), samplesOf(picture))).toBeLessThan(3);
  });

  it('skips an unchanged picture', () => {
    const picture = testPicture(64, 48);
    const encoder = new H264Encoder({ width: 64, height: 48, framesPerSecond: 30 });
    encoder.encodeKeyFrame(picture);
    const slice = new BitReader(payloadOf(encoder.encodeChanges(picture, [{ x: 0, y: 0, width: 64, height: 48 }])));
    expect([slice.ue(), slice.ue(), slice.ue(), slice.bits(4)]).toEqual([0, 5, 0, 1]); // first_mb, type P, PPS, frame_num
    slice.skip(3 + 1 + 3); // list flags, slice_qp_delta, disable_deblocking_filter_idc
    expect(slice.ue()).toBe(12); // mb_skip_run over all macroblocks
    expect(slice.isAtStop()).toBe(true);
  });

  it('codes only what changed', () => {
    const picture = testPicture(64, 48);
    const encoder = new H264Encoder({ width: 64, height: 48, framesPerSecond: 30 });
    encoder.encodeKeyFrame(picture);
    const before = encoder.reconstruction.luma.samples.slice();
    const pixel = 20 * picture.luma.width + 20;
    picture.luma.samples[pixel] = (picture.luma.samples[pixel] ?? 0) ^ 0x80;
    encoder.encodeChanges(picture, [{ x: 0, y: 0, width: 64, height: 48 }]);
    const changed = [...encoder.reconstruction.luma.samples].flatMap((sample, i) => (sample === before[i] ? [] : [i]));
    expect(changed).toContain(pixel);
    expect(changed.every((i) => i % 64 >= 16 && i % 64 < 32 && i >= 16 * 64 && i < 32 * 64)).toBe(true);
  });

  it.skipIf(!hasFfmpeg)('reconstructs exactly what ffmpeg decodes, even across changes (needs ffmpeg)', () => {
    const picture = testPicture(128, 64);
    const encoder = new H264Encoder({ width: 128, height: 64, framesPerSecond: 30 });
    const units = [encoder.sequenceParameters, encoder.pictureParameters, encoder.encodeKeyFrame(picture)];
    const expected = samplesOf(encoder.reconstruction);
    for (const [x, value] of [
      [8, 255],
      [60, 0],
      [70, 255],
    ] as const) {
      picture.luma.samples.fill(value, 20 * 128 + x, 20 * 128 + x + 40);
      picture.cr.samples.fill(value, 10 * 64 + x / 2, 10 * 64 + x / 2 + 20);
      units.push(encoder.encodeChanges(picture, [{ x, y: 20, width: 40, height: 2 }]));
      expected.push(...samplesOf(encoder.reconstruction));
    }
    units.push(encoder.encodeKeyFrame(picture));
    expected.push(...samplesOf(encoder.reconstruction));
    expect(Buffer.compare(decode(annexB(units), 'yuv420p'), Uint8Array.from(expected))).toBe(0);
  });
});
