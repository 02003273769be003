import type { Yuv } from './colour.ts';
import { GLYPH_ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH, glyphOf } from './font.ts';
import { FULL_COVERAGE, type Mask } from './mask.ts';
import { chromaArea, type Picture, type Plane, type Rect } from './picture.ts';

/** Fills an area, in even numbers, so that no chroma sample is shared with what lies outside. */
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

/** Paints a luma value through a mask that lies inside the plane, its top left corner at (left, top). */
export function paintMask(plane: Plane, mask: Mask, left: number, top: number, value: number): void {
  for (const [y, { start, end }] of mask.solidRuns.entries()) {
    const offset = (top + y) * plane.width + left;
    blendRow(plane, offset, mask, y * mask.width, start, value);
    plane.samples.fill(value, offset + start, offset + end);
    blendRow(plane, offset + end, mask, y * mask.width + end, mask.width - end, value);
  }
}

/** Blends `count` samples of a plane with `value`, as much as the mask's coverage from `at` on says. */
function blendRow(plane: Plane, offset: number, { coverage }: Mask, at: number, count: number, value: number): void {
  const { samples } = plane;
  for (let i = 0; i < count; i++) {
    const share = (coverage[at + i] ?? 0) / FULL_COVERAGE;
    const below = samples[offset + i] ?? 0;
    samples[offset + i] = below + Math.round((value - below) * share);
  }
}

/**
 * Paints one line of text, its top left corner at (left, top), `scale` pixels to a font pixel. Text has luma only: light
 * text takes a tint of what it stands on, and its edges stay sharp where chroma's could not.
 */
export function paintText(plane: Plane, text: string, left: number, top: number, scale: number, luma: number): void {
  for (const [i, character] of Array.from(text).entries()) {
    paintGlyph(plane, character, left + i * GLYPH_ADVANCE * scale, top, scale, luma);
  }
}

function paintGlyph(plane: Plane, character: string, left: number, top: number, scale: number, luma: number): void {
  const isSet = glyphOf(character);
  for (let row = 0; row < GLYPH_HEIGHT; row++) {
    for (let column = 0; column < GLYPH_WIDTH; column++) {
      if (!isSet(column, row)) continue;
      fillPlane(plane, { x: left + column * scale, y: top + row * scale, width: scale, height: scale }, luma);
    }
  }
}
