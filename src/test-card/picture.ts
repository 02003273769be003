/** One colour component: rows of bytes without padding between them. The width is a multiple of 4. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8Array;
  /** The same memory, four samples at a time: faster to compare, copy and fill in 4x4 blocks. */
  readonly words: Int32Array;
}

/** An area of a picture, in luma pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A 4:2:0 picture, BT.709 limited range. Width and height are those of the visible part; the planes have whole macroblocks. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly luma: Plane;
  readonly cb: Plane;
  readonly cr: Plane;
}

/** Side of a macroblock, in luma pixels. */
export const MACROBLOCK = 16;

/** A plane of zeros. */
export function createPlane(width: number, height: number): Plane {
  const samples = new Uint8Array(width * height);
  return { width, height, samples, words: new Int32Array(samples.buffer) };
}

/** An empty picture of the given visible size, in pixels. */
export function createPicture(width: number, height: number): Picture {
  const codedWidth = Math.ceil(width / MACROBLOCK) * MACROBLOCK;
  const codedHeight = Math.ceil(height / MACROBLOCK) * MACROBLOCK;
  return {
    width,
    height,
    luma: createPlane(codedWidth, codedHeight),
    cb: createPlane(codedWidth / 2, codedHeight / 2),
    cr: createPlane(codedWidth / 2, codedHeight / 2),
  };
}

/** The chroma samples of an area whose position and size are even. */
export function chromaArea({ x, y, width, height }: Rect): Rect {
  return { x: x / 2, y: y / 2, width: width / 2, height: height / 2 };
}

/** Copies all samples between pictures of one size. */
export function copyPicture(from: Picture, to: Picture): void {
  to.luma.samples.set(from.luma.samples);
  to.cb.samples.set(from.cb.samples);
  to.cr.samples.set(from.cr.samples);
}

/** Copies an area between planes of one size. */
export function copyArea(from: Plane, to: Plane, { x, y, width, height }: Rect): void {
  for (let row = y; row < y + height; row++) {
    const start = row * from.width + x;
    to.samples.set(from.samples.subarray(start, start + width), start);
  }
}

/** Copies a square of a grid between planes. Returns whether it was different. `side` is a multiple of 4. */
export function updateSquare(from: Plane, to: Plane, column: number, row: number, side: number): boolean {
  const stride = from.width / 4;
  const width = side / 4;
  let differs = false;
  for (let y = row * side; y < (row + 1) * side; y++) {
    const start = y * stride + column * width;
    for (let i = start; i < start + width; i++) {
      const word = from.words[i] ?? 0;
      if (word === to.words[i]) continue;
      to.words[i] = word;
      differs = true;
    }
  }
  return differs;
}
