import { clampLines, printable, wrap } from './caption-text.ts';
import type { ClipSpec } from './clip-spec.ts';
import { CAPITAL_HEIGHT, GLYPH_ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH } from './font.ts';
import type { Rect } from './picture.ts';

/** One line of text: its top left corner in pixels, and how many pixels wide a font pixel is. */
export interface PlacedText {
  readonly role: 'title' | 'prompt' | 'detail';
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** The positions of all parts of the card. What does not fit into a small picture is left out; nothing overlaps. */
export interface Layout {
  readonly texts: readonly PlacedText[];
  readonly colourBars: Rect | undefined;
  /** The area in which the disc moves. */
  readonly lane: Rect;
  readonly clock: Omit<PlacedText, 'role' | 'text'> | undefined;
  readonly progress: Rect;
}

interface Block {
  readonly texts: readonly PlacedText[];
  /** Where the next part below may start. */
  readonly bottom: number;
}

/** The lengths that determine all others, in pixels. */
interface Grid {
  /** Scale of the small text: the shorter side is 180 times as long. */
  readonly unit: number;
  readonly margin: number;
  /** Space between two parts. */
  readonly gap: number;
  /** Width inside the margins. */
  readonly width: number;
  /** Whether the height allows larger parts. */
  readonly isRoomy: boolean;
}

const TITLE = 'SORA SIMULATOR';
/** Minutes, seconds and frames, two digits each, with colons between. */
const CLOCK_COLUMNS = 8;
/** The shortest line that is used: the longer word of the title. */
const MIN_COLUMNS = 'SIMULATOR'.length;
/** The share of the height that captions of any length leave to the disc. */
const LANE_SHARE = 0.14;

/** Plans the card: header at the top, footer at the bottom, captions below the header, and the disc in between. */
export function layOut(spec: ClipSpec): Layout {
  const grid = gridOf(spec);
  const { clock, progress, top: footerTop } = layOutFooter(spec, grid);
  const { colourBars, ...header } = layOutHeader(spec, grid);
  const captionHeight = footerTop - Math.floor(LANE_SHARE * spec.height) - header.bottom;
  const captions = layOutCaptions(spec, grid, header.bottom, captionHeight);
  const lane = { x: grid.margin, y: captions.bottom, width: grid.width, height: footerTop - captions.bottom };
  return { texts: [...header.texts, ...captions.texts], colourBars, lane, clock, progress };
}

function gridOf({ width, height }: ClipSpec): Grid {
  const unit = Math.max(1, Math.round(Math.min(width, height) / 180));
  const margin = toGrid(unit === 1 ? 2 : 5 * unit);
  return { unit, margin, gap: unit === 1 ? 1 : 2 * unit, width: width - 2 * margin, isRoomy: height >= 100 * unit };
}

/**
 * Painted at even positions, where chroma samples start, and mostly at 4x4 blocks, which are the fastest and smallest
 * to encode.
 */
function toGrid(length: number): number {
  return length - (length % (length < 16 ? 2 : 4));
}

function columnsAt(scale: number, { width }: Grid): number {
  const lastSpace = (GLYPH_ADVANCE - GLYPH_WIDTH) * scale;
  return Math.floor((width + lastSpace) / (GLYPH_ADVANCE * scale));
}

/** The distance between two lines; the smallest text has no space between them. */
function lineStep(scale: number): number {
  return toGrid((GLYPH_HEIGHT + (scale === 1 ? 0 : 1)) * scale);
}

function layOutFooter(spec: ClipSpec, grid: Grid): Pick<Layout, 'clock' | 'progress'> & { readonly top: number } {
  const { unit, margin, gap } = grid;
  const barHeight = 2 * unit;
  const barTop = toGrid(spec.height - margin - barHeight);
  const progress = { x: margin, y: barTop, width: toGrid(grid.width), height: barHeight };
  const scale = grid.isRoomy && columnsAt(2 * unit, grid) >= CLOCK_COLUMNS ? 2 * unit : unit;
  const clock = { x: margin, y: toGrid(barTop - gap - CAPITAL_HEIGHT * scale), scale };
  const hasClock = columnsAt(scale, grid) >= CLOCK_COLUMNS && clock.y >= spec.height / 2;
  return hasClock ? { clock, progress, top: clock.y - gap } : { clock: undefined, progress, top: barTop - gap };
}

function layOutHeader(spec: ClipSpec, grid: Grid): Block & Pick<Layout, 'colourBars'> {
  const { unit, margin, gap } = grid;
  if (columnsAt(unit, grid) < MIN_COLUMNS) return { texts: [], bottom: margin, colourBars: undefined };
  const scale = largestScale(2 * unit, unit, (candidate) => columnsAt(candidate, grid) >= TITLE.length);
  const lines = wrap(TITLE, columnsAt(scale, grid));
  const maxLines = Math.floor((spec.height / 2 - margin) / lineStep(scale));
  const title = stackLines('title', lines.slice(0, maxLines), scale, margin, margin);
  if (!grid.isRoomy) return { ...title, colourBars: undefined };
  const colourBars = { x: margin, y: toGrid(title.bottom + gap), width: toGrid(grid.width), height: 4 * unit };
  return { texts: title.texts, colourBars, bottom: colourBars.y + colourBars.height + 2 * gap };
}

function layOutCaptions(spec: ClipSpec, grid: Grid, top: number, height: number): Block {
  const { unit, margin } = grid;
  const columns = columnsAt(unit, grid);
  if (columns < MIN_COLUMNS) return { texts: [], bottom: top };
  const gap = grid.isRoomy ? 2 * grid.gap : 0;
  const prompt = printable(spec.prompt);
  const facts = wrap(printable(`${spec.model} ${spec.width}x${spec.height} ${spec.seconds}s`), columns);
  const id = wrap(printable(spec.id), columns);

  // The prompt is larger if it then still fits with all the details below it.
  const detailCount = facts.length + id.length;
  const promptHeight = height - gap - detailCount * lineStep(unit);
  const scale = largestScale(Math.round(1.5 * unit), unit, (candidate) => {
    return wrap(prompt, columnsAt(candidate, grid)).length * lineStep(candidate) <= promptHeight;
  });

  // If there is too much text for the height, the prompt may take half the lines, and the id is cut first.
  const capacity = Math.max(0, Math.floor((height - gap) / lineStep(unit)));
  const promptCapacity = Math.max(Math.floor(promptHeight / lineStep(scale)), Math.floor(capacity / 2));
  const promptColumns = columnsAt(scale, grid);
  const promptLines = clampLines(wrap(prompt, promptColumns), promptCapacity, promptColumns);
  const promptBlock = stackLines('prompt', promptLines, scale, margin, top);

  const detailsTop = promptBlock.bottom + (promptLines.length > 0 ? gap : 0);
  const detailCapacity = Math.max(0, Math.floor((top + height - detailsTop) / lineStep(unit)));
  const factLines = facts.slice(0, detailCapacity);
  const idLines = clampLines(id, detailCapacity - factLines.length, columns);
  const details = stackLines('detail', [...factLines, ...idLines], unit, margin, detailsTop);
  return { texts: [...promptBlock.texts, ...details.texts], bottom: details.bottom };
}

/** The largest scale that fits, from `largest` down to `smallest`. */
function largestScale(largest: number, smallest: number, fits: (scale: number) => boolean): number {
  let scale = largest;
  while (scale > smallest && !fits(scale)) scale--;
  return scale;
}

function stackLines(role: PlacedText['role'], lines: readonly string[], scale: number, x: number, top: number): Block {
  const texts = lines.map((text, i) => ({ role, text, x, y: top + i * lineStep(scale), scale }));
  return { texts, bottom: top + lines.length * lineStep(scale) };
}
