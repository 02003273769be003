import { type ClipSpec, frameCount } from './clip-spec.ts';
import { encodeJpeg } from './jpeg.ts';
import { contactSheet, rasterise } from './raster.ts';
import { TestCard } from './test-card.ts';
import { encodeWebp } from './webp.ts';

/** Longer side of a thumbnail and of one picture of a spritesheet, at most, in pixels. */
const THUMBNAIL_SIDE = 640;
const TILE_SIDE = 256;
const SHEET_COLUMNS = 4;
const SHEET_TILES = 12;

/** The frame at one third of the clip, as WebP. */
export function drawThumbnail(spec: ClipSpec): Uint8Array {
  const card = new TestCard(spec);
  card.drawFrame(Math.floor(frameCount(spec) / 3));
  return encodeWebp(rasterise(card.picture, divisorFor(spec, THUMBNAIL_SIDE)));
}

/** Frames spread evenly over the clip, from its first to its last, as one JPEG; fewer where the clip has fewer. */
export function drawSpritesheet(spec: ClipSpec): Uint8Array {
  const card = new TestCard(spec);
  const lastFrame = frameCount(spec) - 1;
  const count = Math.min(SHEET_TILES, lastFrame + 1);
  const tiles = Array.from({ length: count }, (_, i) => {
    card.drawFrame(Math.round((lastFrame * i) / Math.max(1, count - 1)));
    return rasterise(card.picture, divisorFor(spec, TILE_SIDE));
  });
  return encodeJpeg(contactSheet(tiles, Math.min(SHEET_COLUMNS, count)));
}

/** By how much to shrink the picture for its longer side to be no more than `side`. */
function divisorFor({ width, height }: ClipSpec, side: number): number {
  return Math.ceil(Math.max(width, height) / side);
}
