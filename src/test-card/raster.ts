import { packedRgbOf } from './colour.ts';
import type { Picture, Plane } from './picture.ts';

/** A still image: one 0xRRGGBB integer for each pixel, row by row. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

/** The visible part of a picture, every `divisor` by `divisor` pixels averaged into one. */
export function rasterise(picture: Picture, divisor: number): Raster {
  const width = Math.max(1, Math.floor(picture.width / divisor));
  const height = Math.max(1, Math.floor(picture.height / divisor));
  const pixels = new Uint32Array(width * height);
  const chromaSide = Math.max(1, divisor >> 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const left = x * divisor;
      const top = y * divisor;
      pixels[y * width + x] = packedRgbOf(
        meanOfSquare(picture.luma, left, top, divisor),
        meanOfSquare(picture.cb, left >> 1, top >> 1, chromaSide),
        meanOfSquare(picture.cr, left >> 1, top >> 1, chromaSide),
      );
    }
  }
  return { width, height, pixels };
}

function meanOfSquare({ samples, width }: Plane, left: number, top: number, side: number): number {
  let sum = 0;
  for (let row = top * width + left; row < (top + side) * width + left; row += width) {
    for (let i = row; i < row + side; i++) sum += samples[i] ?? 0;
  }
  return sum / (side * side);
}

/** Images of one size in rows, from left to right and top to bottom. Unused places are black. */
export function contactSheet(tiles: readonly Raster[], columns: number): Raster {
  const [first] = tiles;
  if (first === undefined) throw new RangeError('a contact sheet needs at least one tile');
  const width = first.width * columns;
  const height = first.height * Math.ceil(tiles.length / columns);
  const pixels = new Uint32Array(width * height);
  for (const [i, tile] of tiles.entries()) {
    const left = (i % columns) * tile.width;
    const top = Math.trunc(i / columns) * tile.height;
    for (let y = 0; y < tile.height; y++) {
      const row = tile.pixels.subarray(y * tile.width, (y + 1) * tile.width);
      pixels.set(row, (top + y) * width + left);
    }
  }
  return { width, height, pixels };
}
