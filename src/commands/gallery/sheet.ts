import { captionLines, FONT, textPixels } from '../../test-card/clip.ts';
import { FRAMES } from './frames.ts';
import type { RgbPicture } from './png.ts';

/** One video of a contact sheet. */
export interface SheetRow {
  readonly caption: string;
  /** All of one size; at most as many as fit in a row. */
  readonly frames: readonly RgbPicture[];
}

const LONG_SIDE = 320;
const SHORT_SIDE = 180;
const MARGIN = 16;
const GAP = 8;
const SCALE = 2;
const LINE_HEIGHT = FONT.height * SCALE + 6;
const MAX_TITLE_LINES = 4;

type Colour = readonly [red: number, green: number, blue: number];
const GROUND: Colour = [18, 20, 30];
const EMPTY: Colour = [30, 33, 46];
const INK: Colour = [238, 240, 248];
const SOFT: Colour = [165, 172, 196];

/** The size of a frame on a sheet of videos of this size (WIDTHxHEIGHT, or null). */
export function frameSize(size: string | null): Pick<RgbPicture, 'width' | 'height'> {
  const [width = 16, height = 9] = (size ?? '').split('x').map(Number);
  if (width === height) return { width: SHORT_SIDE, height: SHORT_SIDE };
  return height > width ? { width: SHORT_SIDE, height: LONG_SIDE } : { width: LONG_SIDE, height: SHORT_SIDE };
}

/** Draws the videos of one request below each other, with the request above them. */
export function drawSheet(
  title: string,
  facts: string,
  rows: readonly SheetRow[],
  frame: Pick<RgbPicture, 'width' | 'height'>,
): RgbPicture {
  const width = 2 * MARGIN + FRAMES * frame.width + (FRAMES - 1) * GAP;
  const columns = Math.floor((width - 2 * MARGIN) / (FONT.advance * SCALE));
  const lines = captionLines(title, columns, MAX_TITLE_LINES);
  const headHeight = MARGIN + (lines.length + 1) * LINE_HEIGHT + GAP;
  const rowHeight = LINE_HEIGHT + frame.height + MARGIN;
  const sheet = new Sheet(width, headHeight + rows.length * rowHeight);
  for (const [at, line] of [...lines, ...captionLines(facts, columns, 1)].entries()) {
    sheet.write(line, MARGIN, MARGIN + at * LINE_HEIGHT, at < lines.length ? INK : SOFT);
  }
  for (const [at, { caption, frames }] of rows.entries()) {
    const top = headHeight + at * rowHeight;
    for (const line of captionLines(caption, columns, 1)) sheet.write(line, MARGIN, top, SOFT);
    for (let place = 0; place < FRAMES; place++) {
      const left = MARGIN + place * (frame.width + GAP);
      const picture = frames[place];
      if (picture === undefined) sheet.fill(left, top + LINE_HEIGHT, frame.width, frame.height, EMPTY);
      else sheet.place(picture, left, top + LINE_HEIGHT);
    }
  }
  return sheet;
}

/** A canvas. Everything drawn is inside of it. */
class Sheet implements RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.rgb = new Uint8Array(width * height * 3);
    this.fill(0, 0, width, height, GROUND);
  }

  fill(left: number, top: number, width: number, height: number, colour: Colour): void {
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) this.rgb.set(colour, (y * this.width + x) * 3);
    }
  }

  place({ width, height, rgb }: RgbPicture, left: number, top: number): void {
    for (let y = 0; y < height; y++) {
      this.rgb.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * this.width + left) * 3);
    }
  }

  write(line: string, left: number, top: number, colour: Colour): void {
    for (const [x, y] of textPixels(line)) this.fill(left + x * SCALE, top + y * SCALE, SCALE, SCALE, colour);
  }
}
