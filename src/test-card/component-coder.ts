import { createPlane, MACROBLOCK, type Plane } from './picture.ts';
import {
  dequantiseAc,
  dequantiseChromaDc,
  dequantiseLumaDc,
  forwardTransform,
  hadamard2x2,
  hadamard4x4,
  inverseTransform,
  quantiseAc,
  quantiseDc,
  roundResidual,
  ZIGZAG_4X4,
} from './transform.ts';

const BLOCK = 4;
const BLOCK_SAMPLES = BLOCK * BLOCK;
/** A word of four equal samples is one sample times this. */
const FOUR_SAMPLES = 0x0101_0101;
/** Predicted sample value where there is no neighbour to predict from: mid grey. */
const NO_NEIGHBOUR = 128;

/** Sums of `count` samples just above or to the left of a macroblock, from one of its samples on; undefined outside of the picture. */
interface Neighbours {
  above(from: number, count: number): number | undefined;
  left(from: number, count: number): number | undefined;
}

/** What distinguishes luma from chroma in an Intra_16x16 macroblock with DC prediction. */
interface ComponentKind {
  /** 4x4 blocks across the macroblock. */
  readonly blocksAcross: number;
  /** The order in which its blocks are coded: raster positions. */
  readonly blockOrder: readonly number[];
  /** Sets the predicted value of each block. */
  predict(neighbours: Neighbours, predictions: Int32Array): void;
  /** The second-level transform of the blocks' DC coefficients, which is its own inverse, up to scale. */
  hadamard(block: Int32Array): void;
  /** The raster position of each of its levels. */
  readonly dcScan: ArrayLike<number>;
  /** Its output on the scale of `quantiseDc`. */
  dcScaled(coefficient: number): number;
  dequantiseDc(value: number): number;
}

/** Clauses 6.4.3, 8.3.3.3 and 8.5.10. */
export const LUMA: ComponentKind = {
  blocksAcross: 4,
  blockOrder: [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15],
  /** One value for the whole macroblock: the mean of the row above and the column to the left. */
  predict({ above, left }, predictions) {
    predictions.fill(meanOf(MACROBLOCK, above(0, MACROBLOCK), left(0, MACROBLOCK)));
  },
  hadamard: hadamard4x4,
  dcScan: ZIGZAG_4X4,
  dcScaled: (coefficient) => (coefficient + 1) >> 1, // halved, as the forward transform of a DC block is defined
  dequantiseDc: dequantiseLumaDc,
};

/** Clauses 6.4.7, 8.3.4 and 8.5.11. */
export const CHROMA: ComponentKind = {
  blocksAcross: 2,
  blockOrder: [0, 1, 2, 3],
  /** Each block has its own mean; those off the diagonal prefer the neighbour on their own side. */
  predict({ above, left }, predictions) {
    const [aboveLeft, aboveRight] = [above(0, BLOCK), above(BLOCK, BLOCK)];
    const [leftTop, leftBottom] = [left(0, BLOCK), left(BLOCK, BLOCK)];
    predictions[0] = meanOf(BLOCK, aboveLeft, leftTop);
    predictions[1] = meanOf(BLOCK, aboveRight ?? leftTop);
    predictions[2] = meanOf(BLOCK, leftBottom ?? aboveLeft);
    predictions[3] = meanOf(BLOCK, aboveRight, leftBottom);
  },
  hadamard: hadamard2x2,
  dcScan: [0, 1, 2, 3],
  dcScaled: (coefficient) => coefficient,
  dequantiseDc: dequantiseChromaDc,
};

/**
 * Codes one colour component, one macroblock at a time: DC prediction, transform, quantisation, and the reconstruction of
 * a decoder, from which later macroblocks are predicted.
 *
 * After `code`, `dcLevels` and `acLevels` contain the quantised levels in scan order, until the next call.
 */
export class ComponentCoder {
  readonly kind: ComponentKind;
  /** What a decoder shows after the macroblocks coded so far. */
  readonly reconstruction: Plane;
  /** Levels of the second-level (DC) transform. */
  readonly dcLevels: Int32Array;
  /** 16 entries for each 4x4 block in raster order; entry 0 of each is unused, because `dcLevels` has its level. */
  readonly acLevels: Int32Array;

  /** The number of AC levels coded for each 4x4 block of the picture: the context of its neighbours (clause 9.2.1). */
  readonly #levelCounts: Uint8Array;
  /** 4x4 blocks across the picture. */
  readonly #countStride: number;

  /** Predicted value of each 4x4 block. */
  readonly #predictions: Int32Array;
  /** DC coefficients of the blocks, before quantisation and again after it. */
  readonly #dcCoefficients: Int32Array;
  readonly #coefficients: Int32Array;
  /** 1 for each block with a non-zero AC level. */
  readonly #blockHasAc: Uint8Array;
  #hasAc = false;

  /** `kind` is `LUMA` or `CHROMA`; the plane has whole macroblocks. */
  constructor(kind: ComponentKind, { width, height }: Plane) {
    const blocks = kind.blockOrder.length;
    this.kind = kind;
    this.reconstruction = createPlane(width, height);
    this.dcLevels = new Int32Array(blocks);
    this.acLevels = new Int32Array(blocks * BLOCK_SAMPLES);
    this.#predictions = new Int32Array(blocks);
    this.#dcCoefficients = new Int32Array(blocks);
    this.#coefficients = new Int32Array(blocks * BLOCK_SAMPLES);
    this.#blockHasAc = new Uint8Array(blocks);
    this.#countStride = width / BLOCK;
    this.#levelCounts = new Uint8Array((width / BLOCK) * (height / BLOCK));
  }

  #sum(offset: number, step: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.reconstruction.samples[offset + i * step] ?? 0;
    return sum;
  }

  #neighboursOf(left: number, top: number): Neighbours {
    const { width } = this.reconstruction;
    return {
      above: (from, count) => (top === 0 ? undefined : this.#sum((top - 1) * width + left + from, 1, count)),
      left: (from, count) => (left === 0 ? undefined : this.#sum((top + from) * width + left - 1, width, count)),
    };
  }

  /** The second-level transform: DC coefficients to levels, and back to the coefficients of a decoder. */
  #codeDc(): void {
    const { hadamard, dcScan, dcScaled, dequantiseDc } = this.kind;
    const coefficients = this.#dcCoefficients;
    const levels = this.dcLevels;
    hadamard(coefficients);
    for (let i = 0; i < levels.length; i++) levels[i] = quantiseDc(dcScaled(coefficients[dcScan[i] ?? 0] ?? 0));
    for (let i = 0; i < levels.length; i++) coefficients[dcScan[i] ?? 0] = levels[i] ?? 0;
    hadamard(coefficients);
    for (let i = 0; i < levels.length; i++) coefficients[i] = dequantiseDc(coefficients[i] ?? 0);
  }

  /** Clears the contexts of the previous picture: macroblocks that are skipped count as empty. */
  startPicture(): void {
    this.#levelCounts.fill(0);
  }

  /** Whether any of `acLevels` is not zero. */
  get hasAc(): boolean {
    return this.#hasAc;
  }

  /** Whether any of `dcLevels` is not zero. */
  get hasDc(): boolean {
    return this.dcLevels.some((level) => level !== 0);
  }

  /** Codes the macroblock in the given column and row, from `source`. */
  code(source: Plane, column: number, row: number): void {
    const across = this.kind.blocksAcross;
    const left = column * across * BLOCK;
    const top = row * across * BLOCK;
    const offsetOf = (block: number): number =>
      (top + BLOCK * Math.trunc(block / across)) * source.width + left + BLOCK * (block % across);
    this.kind.predict(this.#neighboursOf(left, top), this.#predictions);
    this.#hasAc = false;
    for (let block = 0; block < this.dcLevels.length; block++) this.#transformBlock(source, offsetOf(block), block);
    this.#codeDc();
    for (let block = 0; block < this.dcLevels.length; block++) this.#reconstructBlock(offsetOf(block), block);
  }

  /** nC of a 4x4 block: the mean of the counts above and to the left that are inside the picture. */
  contextOf(column: number, row: number, block: number): number {
    const index = this.#countIndex(column, row, block);
    const hasLeft = index % this.#countStride > 0;
    const hasAbove = index >= this.#countStride;
    const left = hasLeft ? (this.#levelCounts[index - 1] ?? 0) : 0;
    const above = hasAbove ? (this.#levelCounts[index - this.#countStride] ?? 0) : 0;
    return hasLeft && hasAbove ? (left + above + 1) >> 1 : left + above;
  }

  /** Stores how many levels of a block were coded, as the context of its neighbours. */
  recordCount(column: number, row: number, block: number, levels: number): void {
    this.#levelCounts[this.#countIndex(column, row, block)] = levels;
  }

  #countIndex(column: number, row: number, block: number): number {
    const across = this.kind.blocksAcross;
    const blockColumn = column * across + (block % across);
    const blockRow = row * across + Math.trunc(block / across);
    return blockRow * this.#countStride + blockColumn;
  }

  #transformBlock(source: Plane, offset: number, block: number): void {
    const at = block * BLOCK_SAMPLES;
    const prediction = this.#predictions[block] ?? 0;
    if (this.#blockHasAc[block] === 1) this.acLevels.fill(0, at, at + BLOCK_SAMPLES);
    this.#blockHasAc[block] = 0;
    if (isFlat(source, offset)) {
      // Most of a test card is flat at this scale; the transform of a flat block is its sum.
      this.#dcCoefficients[block] = BLOCK_SAMPLES * ((source.samples[offset] ?? 0) - prediction);
      return;
    }
    const coefficients = this.#coefficients;
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const sample = source.samples[offset + (i >> 2) * source.width + (i & 3)] ?? 0;
      coefficients[at + i] = sample - prediction;
    }
    forwardTransform(coefficients, at);
    this.#dcCoefficients[block] = coefficients[at] ?? 0;
    if (!this.#quantiseAcBlock(at)) return;
    this.#blockHasAc[block] = 1;
    this.#hasAc = true;
  }

  /** AC coefficients to levels, and back to the coefficients of a decoder. Returns whether any level is not zero. */
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
    const prediction = this.#predictions[block] ?? 0;
    const dc = this.#dcCoefficients[block] ?? 0;
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

/** Whether all samples of the 4x4 block at an offset are equal. */
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

/** Rounded mean of up to two sums of `count` samples each. */
function meanOf(count: number, first: number | undefined, second?: number | undefined): number {
  if (first !== undefined && second !== undefined) return Math.trunc((first + second + count) / (2 * count));
  const sum = first ?? second;
  return sum === undefined ? NO_NEIGHBOUR : Math.trunc((sum + count / 2) / count);
}
