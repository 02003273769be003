import { paintBackground } from './background.ts';
import { type ClipSpec, FRAMES_PER_SECOND, frameCount } from './clip-spec.ts';
import { rgbOfHsl, type Yuv, yuvOf } from './colour.ts';
import { CAPITAL_HEIGHT, GLYPH_ADVANCE } from './font.ts';
import { type Layout, layOut, type PlacedText } from './layout.ts';
import { discMask, fillArea, type Mask, paintMask, paintText } from './paint.ts';
import { copyArea, copyPicture, createPicture, type Picture, type Plane, type Rect } from './picture.ts';
import { seededRandom } from './random.ts';

const WHITE_LUMA = 235;
const GREY_LUMA = 180;
const BLACK_LUMA = 16;
const TEXT_LUMA: Readonly<Record<PlacedText['role'], number>> = {
  title: WHITE_LUMA,
  prompt: WHITE_LUMA,
  detail: GREY_LUMA,
};
/** The classic bars at 75%: white, yellow, cyan, green, magenta, red, blue. */
const BAR_COLOURS = [
  yuvOf([0.75, 0.75, 0.75]),
  yuvOf([0.75, 0.75, 0]),
  yuvOf([0, 0.75, 0.75]),
  yuvOf([0, 0.75, 0]),
  yuvOf([0.75, 0, 0.75]),
  yuvOf([0.75, 0, 0]),
  yuvOf([0, 0, 0.75]),
];
const PROGRESS_TRACK = yuvOf([0.12, 0.12, 0.14]);

const CROSSING_SECONDS = 4;
const BOUNCE_SECONDS = 1;
const MIN_DISC_DIAMETER = 6;

/** Draws the test card of one clip, frame by frame. */
export class TestCard {
  /** The frame drawn last. */
  readonly picture: Picture;
  /** The card without its moving parts. */
  readonly #background: Picture;
  readonly #layout: Layout;
  readonly #frames: number;
  readonly #progressColour: Yuv;
  readonly #disc: Mask;
  /** The starting point of the disc on its course, 0 to 1. */
  readonly #phase: number;
  #discArea: Rect | undefined;
  #clockText = '';
  #progressWidth = 0;

  constructor(spec: ClipSpec) {
    const random = seededRandom(`${spec.id}\n${spec.prompt}`);
    this.#layout = layOut(spec);
    this.#frames = frameCount(spec);
    this.#background = createPicture(spec.width, spec.height);
    paintBackground(this.#background, random);
    paintFixedParts(this.#background, this.#layout);
    this.#phase = random();
    this.#progressColour = yuvOf(rgbOfHsl(random(), 0.85, 0.6));
    this.#disc = discMask(discDiameter(spec, this.#layout.lane));
    this.picture = createPicture(spec.width, spec.height);
    copyPicture(this.#background, this.picture);
  }

  /** Draws a frame, counted from 0, later than the previous one. Returns the areas in which the two may differ. */
  drawFrame(frame: number): Rect[] {
    return [...this.#moveDisc(frame), ...this.#setClock(frame), this.#setProgress(frame)];
  }

  /** The disc, like text, has luma only. */
  #moveDisc(frame: number): Rect[] {
    const before = this.#discArea;
    if (before !== undefined) copyArea(this.#background.luma, this.picture.luma, before);
    const area = this.#discAreaAt(frame);
    paintMask(this.picture.luma, this.#disc, area.x, area.y, WHITE_LUMA);
    this.#discArea = area;
    return before === undefined ? [area] : [before, area];
  }

  /** The disc moves from side to side and back, and bounces like a ball. */
  #discAreaAt(frame: number): Rect {
    const { lane } = this.#layout;
    const { width, height } = this.#disc;
    const seconds = frame / FRAMES_PER_SECOND;
    const sweep = triangleWave(this.#phase + seconds / (2 * CROSSING_SECONDS));
    const fall = 1 - Math.abs(Math.sin(Math.PI * (this.#phase + seconds / BOUNCE_SECONDS)));
    return {
      x: lane.x + Math.round(sweep * (lane.width - width)),
      y: lane.y + Math.round(fall * (lane.height - height)),
      width,
      height,
    };
  }

  /** Draws the changed digits. */
  #setClock(frame: number): Rect[] {
    const { clock } = this.#layout;
    if (clock === undefined) return [];
    const text = timecode(frame);
    const areas: Rect[] = [];
    for (const [i, character] of Array.from(text).entries()) {
      if (character === this.#clockText[i]) continue;
      const width = GLYPH_ADVANCE * clock.scale;
      const area = { x: clock.x + i * width, y: clock.y, width, height: CAPITAL_HEIGHT * clock.scale };
      copyArea(this.#background.luma, this.picture.luma, area);
      paintText(this.picture.luma, character, area.x, area.y, clock.scale, WHITE_LUMA);
      areas.push(area);
    }
    this.#clockText = text;
    return areas;
  }

  /** The bar grows, and is full in the last frame. */
  #setProgress(frame: number): Rect {
    const { progress } = this.#layout;
    const width = evenNear((progress.width * (frame + 1)) / this.#frames);
    const grown = { ...progress, x: progress.x + this.#progressWidth, width: width - this.#progressWidth };
    fillArea(this.picture, grown, this.#progressColour);
    this.#progressWidth = width;
    return grown;
  }
}

function discDiameter({ width, height }: ClipSpec, lane: Rect): number {
  const wanted = Math.max(MIN_DISC_DIAMETER, Math.min(lane.height * 0.6, Math.min(width, height) / 8));
  return Math.floor(Math.min(wanted, lane.width, lane.height));
}

function paintFixedParts(picture: Picture, { texts, colourBars, progress }: Layout): void {
  if (colourBars !== undefined) paintColourBars(picture, colourBars);
  fillArea(picture, progress, PROGRESS_TRACK);
  for (const text of texts) paintShadowedText(picture.luma, text);
}

function paintColourBars(picture: Picture, area: Rect): void {
  const edgeOf = (i: number): number => area.x + evenNear((i * area.width) / BAR_COLOURS.length);
  for (const [i, colour] of BAR_COLOURS.entries()) {
    fillArea(picture, { ...area, x: edgeOf(i), width: edgeOf(i + 1) - edgeOf(i) }, colour);
  }
}

/** A shadow half a font pixel down and right makes text readable; the smallest text is clearer without one. */
function paintShadowedText(plane: Plane, { role, text, x, y, scale }: PlacedText): void {
  const offset = Math.trunc(scale / 2);
  if (offset > 0) paintText(plane, text, x + offset, y + offset, scale, BLACK_LUMA);
  paintText(plane, text, x, y, scale, TEXT_LUMA[role]);
}

/** The nearest even number: filled areas start and end where chroma samples do. */
function evenNear(length: number): number {
  return 2 * Math.round(length / 2);
}

/** Goes from 0 up to 1 and back to 0 as `turns` grows by one. */
function triangleWave(turns: number): number {
  return 1 - Math.abs(1 - 2 * (turns % 1));
}

/** MM:SS:FF. */
function timecode(frame: number): string {
  const seconds = Math.trunc(frame / FRAMES_PER_SECOND);
  const fields = [Math.trunc(seconds / 60) % 100, seconds % 60, frame % FRAMES_PER_SECOND];
  return fields.map((field) => String(field).padStart(2, '0')).join(':');
}
