import type { Yuv } from './colour.ts';
import { textPixels } from './font.ts';
import { chromaArea, type Picture, type Plane, type Rect } from './picture.ts';

/** Fills an area whose position and size are even, so that it shares no chroma sample with its surroundings. */
export function fillArea(picture: Picture, area: Rect, colour: Yuv): void {
  fillPlane(picture.luma, area, colour.y);
  fillPlane(picture.cb, chromaArea(area), colour.u);
  fillPlane(picture.cr, chromaArea(area), colour.v);
}

function fillPlane(plane: Plane, { x, y, width, height }: Rect, value: number): void {
  for (let row = y; row < y + height; row++) {
    plane.samples.fill(value, row * plane.width + x, row * plane.width + x + width);
  }
}

/** A shape to paint through: how much of each pixel it covers, 0 to 255, row by row. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly coverage: Uint8Array;
}

const FULL_COVERAGE = 255;

/** A disc with a smooth edge; its diameter is in pixels. */
export function discMask(diameter: number): Mask {
  const radius = diameter / 2;
  const coverage = Uint8Array.from({ length: diameter * diameter }, (_, i) => {
    const [x, y] = [(i % diameter) + 0.5, Math.trunc(i / diameter) + 0.5];
    const inside = radius - Math.hypot(x - radius, y - radius) + 0.5;
    return Math.round(FULL_COVERAGE * Math.min(1, Math.max(0, inside)));
  });
  return { width: diameter, height: diameter, coverage };
}

/** Paints a luma value through a mask that lies inside the plane, with its top left corner at (left, top). */
export function paintMask({ samples, width }: Plane, mask: Mask, left: number, top: number, value: number): void {
  for (let y = 0; y < mask.height; y++) {
    const offset = (top + y) * width + left;
    for (let x = 0; x < mask.width; x++) {
      const share = (mask.coverage[y * mask.width + x] ?? 0) / FULL_COVERAGE;
      const below = samples[offset + x] ?? 0;
      samples[offset + x] = share === 1 ? value : below + Math.round((value - below) * share);
    }
  }
}

/**
 * Paints one line of text, its top left corner at (left, top), `scale` pixels to a font pixel. Text has luma only: it
 * takes a tint of its background, and its edges are sharper than chroma allows.
 */
export function paintText(plane: Plane, text: string, left: number, top: number, scale: number, luma: number): void {
  for (const [x, y] of textPixels(text)) {
    fillPlane(plane, { x: left + x * scale, y: top + y * scale, width: scale, height: scale }, luma);
  }
}
