import { describe, expect, it } from 'vitest';
import { type ClipSpec, renderClip, renderSpritesheet, renderThumbnail } from '../../src/test-card/clip.ts';
import { encodeJpeg } from '../../src/test-card/jpeg.ts';
import { seededRandom } from '../../src/test-card/random.ts';
import type { Raster } from '../../src/test-card/raster.ts';
import { encodeWebp } from '../../src/test-card/webp.ts';
import { decode, hasFfmpeg } from './ffmpeg.ts';

const SPEC: ClipSpec = { id: 'video_1', prompt: 'A calico cat', model: 'sora-2', seconds: 1, width: 96, height: 64 };

function webpSize(file: Uint8Array): { width: number; height: number } {
  const bits = new DataView(file.buffer, file.byteOffset).getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
}

/** Size in the frame header of a JPEG, found by walking its segments. */
function jpegSize(file: Uint8Array): { width: number; height: number } {
  const view = new DataView(file.buffer, file.byteOffset);
  let at = 2;
  while (view.getUint16(at) !== 0xffc0) at += 2 + view.getUint16(at + 2);
  return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
}

function raster(width: number, height: number, pixelAt: (i: number) => number): Raster {
  return { width, height, pixels: Uint32Array.from({ length: width * height }, (_, i) => pixelAt(i)) };
}

function rgbOf({ pixels }: Raster): number[] {
  return [...pixels].flatMap((pixel) => [(pixel >> 16) & 0xff, (pixel >> 8) & 0xff, pixel & 0xff]);
}

function meanError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / a.length;
}

const random = seededRandom('pixels');
const RASTERS: readonly (readonly [string, Raster])[] = [
  ['noise', raster(37, 21, () => Math.floor(random() * 0x1000000))],
  ['one pixel', raster(1, 1, () => 0x123456)],
  ['one colour', raster(300, 40, () => 0xfedcba)],
  ['two colours', raster(33, 9, (i) => (i % 7 === 0 ? 0xffffff : 0))],
  ['every level of grey', raster(16, 16, (i) => i * 0x010101)],
  ['a gradient', raster(64, 64, (i) => ((Math.trunc(i / 64) * 4) << 16) | (((i % 64) * 4) << 8) | 0x40)],
];

describe('renderThumbnail', () => {
  it('is a WebP file of the clip’s size if that is small', () => {
    const file = renderThumbnail(SPEC);
    const view = new DataView(file.buffer, file.byteOffset);
    expect(Buffer.from(file.subarray(0, 16)).toString('latin1')).toMatch(/^RIFF....WEBPVP8L$/s);
    expect(view.getUint32(4, true)).toBe(file.length - 8);
    expect(webpSize(file)).toEqual({ width: 96, height: 64 });
  });

  it('shrinks larger clips', () => {
    expect(webpSize(renderThumbnail({ ...SPEC, width: 360, height: 720 }))).toEqual({ width: 180, height: 360 });
  });

  it('refuses invalid clips', () => {
    expect(() => renderThumbnail({ ...SPEC, width: 33 })).toThrow(RangeError);
  });

  it.skipIf(!hasFfmpeg)('looks like the frame at one third of the clip (needs ffmpeg)', () => {
    const size = SPEC.width * SPEC.height * 3;
    const frames = decode(renderClip(SPEC), 'rgb24');
    const thumbnail = decode(renderThumbnail(SPEC), 'rgb24');
    const errors = Array.from({ length: 30 }, (_, i) =>
      meanError(thumbnail, frames.subarray(i * size, (i + 1) * size)),
    );
    expect(errors.indexOf(Math.min(...errors))).toBe(10);
  });
});

describe('renderSpritesheet', () => {
  it.each([
    [{}, { width: 384, height: 192 }],
    [
      { width: 640, height: 360 },
      { width: 852, height: 360 },
    ],
    [{ seconds: 1 / 30 }, { width: 96, height: 64 }],
  ])('is a JPEG of up to twelve frames in rows of four: %j', (changes, size) => {
    const file = renderSpritesheet({ ...SPEC, ...changes });
    expect([...file.subarray(0, 2), ...file.subarray(-2)]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
    expect(jpegSize(file)).toEqual(size);
  });

  it('refuses invalid clips', () => {
    expect(() => renderSpritesheet({ ...SPEC, seconds: 0 })).toThrow(RangeError);
  });
});

describe.skipIf(!hasFfmpeg)('the still encoders, checked with ffmpeg (needs ffmpeg)', () => {
  it.each(RASTERS)('reproduce %s exactly in WebP', (_, image) => {
    expect([...decode(encodeWebp(image), 'rgb24')]).toEqual(rgbOf(image));
  });

  it.each(RASTERS.slice(0, 2))('reproduce %s closely in JPEG', (_, image) => {
    const decoded = decode(encodeJpeg(image), 'rgb24');
    expect(decoded).toHaveLength(image.pixels.length * 3);
    expect(meanError(decoded, rgbOf(image))).toBeLessThan(12);
  });
});
