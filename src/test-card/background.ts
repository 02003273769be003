import { rgbOfHsl, type Yuv, yuvOf } from './colour.ts';
import { fillArea } from './paint.ts';
import type { Picture, Plane } from './picture.ts';

/**
 * Side of the squares of the background, in pixels: one 4x4 chroma block. A flat square takes almost nothing to encode, and
 * at this size the steps between squares are hardly visible.
 */
const CELL = 8;
const BLOBS = 6;

interface Blob {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Yuv;
}

/** Fills the picture, padding included, with soft dark blobs of similar hues, chosen by `random`. */
export function paintBackground(picture: Picture, random: () => number): void {
  const { width, height } = picture.luma;
  const hue = random();
  const top = yuvOf(rgbOfHsl(hue, 0.6, 0.25));
  const bottom = yuvOf(rgbOfHsl(hue + 0.15, 0.7, 0.1));
  const blobs: Blob[] = Array.from({ length: BLOBS }, () => ({
    x: random() * width,
    y: random() * height,
    radius: (0.15 + 0.2 * random()) * Math.max(width, height),
    colour: yuvOf(rgbOfHsl(hue + 0.4 * random(), 0.7, 0.2 + 0.2 * random())),
  }));
  for (let y = 0; y < height; y += CELL) {
    const ground = mix(top, bottom, y / height);
    for (let x = 0; x < width; x += CELL) {
      fillArea(picture, { x, y, width: CELL, height: 2 }, colourAt(x, y, ground, blobs));
    }
    // Copying whole rows is much faster than filling every row of every cell.
    repeatRow(picture.luma, y, CELL);
    repeatRow(picture.cb, y / 2, CELL / 2);
    repeatRow(picture.cr, y / 2, CELL / 2);
  }
}

/** Copies row `y` to the following rows, so that `count` rows are equal. */
function repeatRow({ samples, width }: Plane, y: number, count: number): void {
  for (let row = y + 1; row < y + count; row++) samples.copyWithin(row * width, y * width, (y + 1) * width);
}

/** The colour of the ground with the light of all blobs. Works with plain numbers, because it runs for every cell. */
function colourAt(x: number, y: number, ground: Yuv, blobs: readonly Blob[]): Yuv {
  let { y: luma, u, v } = ground;
  for (const { x: centreX, y: centreY, radius, colour } of blobs) {
    const distance = ((x - centreX) ** 2 + (y - centreY) ** 2) / radius ** 2;
    const share = 0.7 * Math.exp(-distance);
    luma += (colour.y - luma) * share;
    u += (colour.u - u) * share;
    v += (colour.v - v) * share;
  }
  return { y: luma, u, v };
}

/** The colour a share (0 to 1) of the way from one to the other, unrounded. */
function mix(from: Yuv, to: Yuv, share: number): Yuv {
  return {
    y: from.y + (to.y - from.y) * share,
    u: from.u + (to.u - from.u) * share,
    v: from.v + (to.v - from.v) * share,
  };
}
