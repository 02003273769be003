import { createPlane, type Plane } from './picture.ts';
import {
  dequantiseAc,
  forwardTransform,
  inverseTransform,
  quantiseAc,
  roundResidual,
  ZIGZAG_4X4,
} from './transform.ts';

const BLOCK = 4;
const BLOCK_SAMPLES = BLOCK * BLOCK;
/** A word of four equal samples is one sample times this. */
const FOUR_SAMPLES = 0x0101_0101;
/** Predicted sample value where there is no neighbour to predict from: mid grey. */
export const NO_NEIGHBOUR = 128;

/**
 * Codes one colour component of one macroblock at a time: DC prediction, transform, quantisation, and the decoder's own
 * reconstruction, from which later macroblocks are predicted. Luma and chroma differ in the steps left abstract.
 *
 * After `code`, `dcLevels` and `acLevels` hold the quantised levels in scan order, until the next call.
 */
export abstract class ComponentCoder {
  /** What a decoder shows after the macroblocks coded so far. */
  readonly reconstruction: Plane;
  /** Levels of the second-level (DC) transform. */
  readonly dcLevels: Int32Array;
  /** 16 entries for each 4x4 block in raster order; entry 0 of each is unused, its coefficient being in `dcLevels`. */
  readonly acLevels: Int32Array;

  /** 4x4 blocks across the macroblock in this component: 4 in luma, 2 in chroma. */
  readonly #blocksAcross: number;
  /** For each 4x4 block of the picture, how many AC levels were coded: the context of its neighbours (clause 9.2.1). */
  readonly #levelCounts: Uint8Array;
  /** 4x4 blocks across the picture. */
  readonly #countStride: number;

  /** Predicted value of each 4x4 block. */
  protected readonly predictions: Int32Array;
  /** DC coefficients of the blocks on their way in, and again on their way out. */
  protected readonly dcCoefficients: Int32Array;
  readonly #coefficients: Int32Array;
  /** 1 for each block with any AC level that is not zero. */
  readonly #blockHasAc: Uint8Array;
  #hasAc = false;

  constructor(width: number, height: number, blocksAcross: number) {
    const blocks = blocksAcross * blocksAcross;
    this.reconstruction = createPlane(width, height);
    this.dcLevels = new Int32Array(blocks);
    this.acLevels = new Int32Array(blocks * BLOCK_SAMPLES);
    this.predictions = new Int32Array(blocks);
    this.dcCoefficients = new Int32Array(blocks);
    this.#coefficients = new Int32Array(blocks * BLOCK_SAMPLES);
    this.#blockHasAc = new Uint8Array(blocks);
    this.#blocksAcross = blocksAcross;
    this.#countStride = width / BLOCK;
    this.#levelCounts = new Uint8Array((width / BLOCK) * (height / BLOCK));
  }

  /** Sets the predicted value of each 4x4 block, for the macroblock whose top left sample is (x, y). */
  protected abstract predict(x: number, y: number): void;
  /** Second-level transform: `dcCoefficients` to `dcLevels`. */
  protected abstract quantiseDcBlock(): void;
  /** And back: `dcLevels` to `dcCoefficients`, as a decoder does. */
  protected abstract dequantiseDcBlock(): void;

  /** Forgets the contexts of the previous picture: macroblocks that are skipped count as empty. */
  startPicture(): void {
    this.#levelCounts.fill(0);
  }

  /** Whether any of `acLevels` is not zero. */
  get hasAc(): boolean {
    return this.#hasAc;
  }

  /** Whether any of `dcLevels` is not zero. */
  get hasDc(): boolean {
    for (const level of this.dcLevels) if (level !== 0) return true;
    return false;
  }

  /** Codes the macroblock in the given column and row, from `source`. */
  code(source: Plane, column: number, row: number): void {
    const side = this.#blocksAcross * BLOCK;
    this.predict(column * side, row * side);
    this.#hasAc = false;
    let block = 0;
    for (let y = row * side; y < (row + 1) * side; y += BLOCK) {
      for (let x = column * side; x < (column + 1) * side; x += BLOCK) {
        this.#transformBlock(source, y * source.width + x, block++);
      }
    }
    this.quantiseDcBlock();
    this.dequantiseDcBlock();
    block = 0;
    for (let y = row * side; y < (row + 1) * side; y += BLOCK) {
      for (let x = column * side; x < (column + 1) * side; x += BLOCK) {
        this.#reconstructBlock(y * source.width + x, block++);
      }
    }
  }

  /** nC of a 4x4 block: the mean of the counts above and to the left, as far as they are in the picture. */
  contextOf(column: number, row: number, block: number): number {
    const index = this.#countIndex(column, row, block);
    const hasLeft = index % this.#countStride > 0;
    const hasAbove = index >= this.#countStride;
    const left = hasLeft ? (this.#levelCounts[index - 1] ?? 0) : 0;
    const above = hasAbove ? (this.#levelCounts[index - this.#countStride] ?? 0) : 0;
    return hasLeft && hasAbove ? (left + above + 1) >> 1 : left + above;
  }

  /** Notes how many levels of a block were coded, as context for its neighbours. */
  recordCount(column: number, row: number, block: number, levels: number): void {
    this.#levelCounts[this.#countIndex(column, row, block)] = levels;
  }

  #countIndex(column: number, row: number, block: number): number {
    const across = this.#blocksAcross;
    const blockColumn = column * across + (block % across);
    const blockRow = row * across + Math.trunc(block / across);
    return blockRow * this.#countStride + blockColumn;
  }

  #transformBlock(source: Plane, offset: number, block: number): void {
    const at = block * BLOCK_SAMPLES;
    const prediction = this.predictions[block] ?? 0;
    if (this.#blockHasAc[block] === 1) this.acLevels.fill(0, at, at + BLOCK_SAMPLES);
    this.#blockHasAc[block] = 0;
    if (isFlat(source, offset)) {
      // Most of a test card is flat at this scale, and the transform of a flat block is its sum.
      this.dcCoefficients[block] = BLOCK_SAMPLES * ((source.samples[offset] ?? 0) - prediction);
      return;
    }
    const coefficients = this.#coefficients;
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const sample = source.samples[offset + (i >> 2) * source.width + (i & 3)] ?? 0;
      coefficients[at + i] = sample - prediction;
    }
    forwardTransform(coefficients, at);
    this.dcCoefficients[block] = coefficients[at] ?? 0;
    if (!this.#quantiseAcBlock(at)) return;
    this.#blockHasAc[block] = 1;
    this.#hasAc = true;
  }

  /** AC coefficients to levels, and back to what a decoder recovers from those. Returns whether any is not zero. */
  #quantiseAcBlock(at: number): boolean {
    const coefficients = this.#coefficients;
    const levels = this.acLevels;
    let hasAc = false;
    for (let i = 1; i < BLOCK_SAMPLES; i++) {
      const position = ZIGZAG_4X4[i] ?? 0;
      const level = quantiseAc(coefficients[at + position] ?? 0, position);
      levels[at + i] = level;
      coefficients[at + position] = dequantiseAc(level, position);
      if (level !== 0) hasAc = true;
    }
    return hasAc;
  }

  #reconstructBlock(offset: number, block: number): void {
    const { samples, words, width } = this.reconstruction;
    const prediction = this.predictions[block] ?? 0;
    const dc = this.dcCoefficients[block] ?? 0;
    if (this.#blockHasAc[block] === 0) {
      const word = Math.imul(clipToByte(prediction + roundResidual(dc)), FOUR_SAMPLES);
      for (let i = 0; i < BLOCK; i++) words[(offset + i * width) >> 2] = word;
      return;
    }
    const at = block * BLOCK_SAMPLES;
    const coefficients = this.#coefficients;
    coefficients[at] = dc;
    inverseTransform(coefficients, at);
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const residual = roundResidual(coefficients[at + i] ?? 0);
      samples[offset + (i >> 2) * width + (i & 3)] = clipToByte(prediction + residual);
    }
  }
}

/** Whether the 4x4 block at a sample offset has one value throughout. */
function isFlat({ samples, words, width }: Plane, offset: number): boolean {
  const word = Math.imul(samples[offset] ?? 0, FOUR_SAMPLES);
  const first = offset >> 2;
  const stride = width >> 2;
  return (
    words[first] === word &&
    words[first + stride] === word &&
    words[first + 2 * stride] === word &&
    words[first + 3 * stride] === word
  );
}

function clipToByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
