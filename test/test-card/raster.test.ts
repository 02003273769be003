import { describe, expect, it } from 'vitest';
import { packedRgbOf, rgbOfHsl, yuvOf } from '../../src/test-card/colour.ts';
import { fillArea } from '../../src/test-card/paint.ts';
import { createPicture } from '../../src/test-card/picture.ts';
import { contactSheet, rasterise } from '../../src/test-card/raster.ts';

describe('colours', () => {
  // Limited-range BT.709 code values of the 100 % primaries.
  it.each([
    ['white', [1, 1, 1], [235, 128, 128], 0xffffff],
    ['black', [0, 0, 0], [16, 128, 128], 0x000000],
    ['red', [1, 0, 0], [63, 102, 240], 0xff0000],
    ['green', [0, 1, 0], [173, 42, 26], 0x00ff00],
    ['blue', [0, 0, 1], [32, 240, 118], 0x0000ff],
  ] as const)('%s converts to BT.709 and back', (_, rgb, [y, u, v], packed) => {
    expect(yuvOf(rgb)).toEqual({ y, u, v });
    const back = packedRgbOf(y, u, v);
    for (const shift of [16, 8, 0]) {
      expect(Math.abs(((back >> shift) & 0xff) - ((packed >> shift) & 0xff))).toBeLessThanOrEqual(2);
    }
  });

  it('follow the hue circle', () => {
    expect(rgbOfHsl(0, 1, 0.5)).toEqual([1, 0, 0]);
    expect(rgbOfHsl(1 / 3, 1, 0.5).map(Math.round)).toEqual([0, 1, 0]);
    expect(rgbOfHsl(-1 / 3, 1, 0.5).map(Math.round)).toEqual([0, 0, 1]);
  });
});

describe('rasterise', () => {
  it('averages pixels when it shrinks, and ignores the padding', () => {
    const picture = createPicture(24, 16);
    fillArea(picture, { x: 0, y: 0, width: 32, height: 16 }, yuvOf([1, 1, 1]));
    fillArea(picture, { x: 2, y: 0, width: 2, height: 4 }, yuvOf([0, 0, 0]));
    const { width, height, pixels } = rasterise(picture, 4);
    expect([width, height]).toEqual([6, 4]);
    expect(pixels[0]).toBe(0x808080);
    expect(pixels[1]).toBe(0xffffff);
  });
});

describe('contactSheet', () => {
  it('fills rows from left to right and leaves the rest black', () => {
    const tile = (colour: number) => ({ width: 1, height: 2, pixels: Uint32Array.of(colour, colour) });
    const sheet = contactSheet([tile(1), tile(2), tile(3)], 2);
    expect([sheet.width, sheet.height]).toEqual([2, 4]);
    expect([...sheet.pixels]).toEqual([1, 2, 1, 2, 3, 0, 3, 0]);
  });
});
