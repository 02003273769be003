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

/**
 * Codes one colour component, one macroblock at a time: DC prediction, transform, quantisation, and the reconstruction of
 * a decoder, from which later macroblocks are predicted.
 *
 * After `code`, `dcLevels` and `acLevels` contain the quantised levels in scan order, until the next call.
 */
export abstract class ComponentCoder {
  /** What a decoder shows after the macroblocks coded so far. */
  readonly reconstruction: Plane;
  /** Levels of the second-level (DC) transform. */
  readonly dcLevels: Int32Array;
  /** 16 entries for each 4x4 block in raster order; entry 0 of each is unused, because `dcLevels` has its level. */
  readonly acLevels: Int32Array;

  /** 4x4 blocks across the macroblock in this component: 4 in luma, 2 in chroma. */
  readonly #blocksAcross: number;
  /** The number of AC levels coded for each 4x4 block of the picture: the context of its neighbours (clause 9.2.1). */
  readonly #levelCounts: Uint8Array;
  /** 4x4 blocks across the picture. */
  readonly #countStride: number;

  /** Predicted value of each 4x4 block. */
  protected readonly predictions: Int32Array;
  /** DC coefficients of the blocks, before quantisation and again after it. */
  protected readonly dcCoefficients: Int32Array;
  readonly #coefficients: Int32Array;
  /** 1 for each block with a non-zero AC level. */
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
  /** The inverse, as in a decoder: `dcLevels` to `dcCoefficients`. */
  protected abstract dequantiseDcBlock(): void;

  /** Sum of the `count` samples just above row `y` from column `x` on; undefined at the top of the picture. */
  protected sumAbove(x: number, y: number, count: number): number | undefined {
    return y === 0 ? undefined : this.#sum((y - 1) * this.reconstruction.width + x, 1, count);
  }

  /** Sum of the `count` samples to the left of column `x` from row `y` down; undefined at the left of the picture. */
  protected sumLeft(x: number, y: number, count: number): number | undefined {
    const { width } = this.reconstruction;
    return x === 0 ? undefined : this.#sum(y * width + x - 1, width, count);
  }

  #sum(offset: number, step: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.reconstruction.samples[offset + i * step] ?? 0;
    return sum;
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
    const across = this.#blocksAcross;
    const left = column * across * BLOCK;
    const top = row * across * BLOCK;
    const offsetOf = (block: number): number =>
      (top + BLOCK * Math.trunc(block / across)) * source.width + left + BLOCK * (block % across);
    this.predict(left, top);
    this.#hasAc = false;
    for (let block = 0; block < this.dcLevels.length; block++) this.#transformBlock(source, offsetOf(block), block);
    this.quantiseDcBlock();
    this.dequantiseDcBlock();
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
      // Most of a test card is flat at this scale; the transform of a flat block is its sum.
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

/** Luma of an Intra_16x16 macroblock with DC prediction (clause 8.3.3.3). */
export class LumaCoder extends ComponentCoder {
  constructor(width: number, height: number) {
    super(width, height, 4);
  }

  /** One value for the whole macroblock: the mean of the row above and the column to the left. */
  protected override predict(x: number, y: number): void {
    const above = this.sumAbove(x, y, MACROBLOCK);
    const left = this.sumLeft(x, y, MACROBLOCK);
    this.predictions.fill(meanOf(MACROBLOCK, above, left));
  }

  protected override quantiseDcBlock(): void {
    hadamard4x4(this.dcCoefficients);
    for (let i = 0; i < this.dcLevels.length; i++) {
      const coefficient = this.dcCoefficients[ZIGZAG_4X4[i] ?? 0] ?? 0;
      // Halved, as the forward transform of a DC block is defined; quantiseDc expects that scale.
      this.dcLevels[i] = quantiseDc((coefficient + 1) >> 1);
    }
  }

  protected override dequantiseDcBlock(): void {
    for (let i = 0; i < this.dcLevels.length; i++) {
      this.dcCoefficients[ZIGZAG_4X4[i] ?? 0] = this.dcLevels[i] ?? 0;
    }
    hadamard4x4(this.dcCoefficients);
    for (let i = 0; i < this.dcCoefficients.length; i++) {
      this.dcCoefficients[i] = dequantiseLumaDc(this.dcCoefficients[i] ?? 0);
    }
  }
}

/** One chroma component of an intra macroblock with DC prediction (clause 8.3.4). */
export class ChromaCoder extends ComponentCoder {
  constructor(width: number, height: number) {
    super(width, height, 2);
  }

  /** Each 4x4 block has its own mean; those off the diagonal prefer the neighbour on their own side. */
  protected override predict(x: number, y: number): void {
    const aboveLeft = this.sumAbove(x, y, BLOCK);
    const aboveRight = this.sumAbove(x + BLOCK, y, BLOCK);
    const leftTop = this.sumLeft(x, y, BLOCK);
    const leftBottom = this.sumLeft(x, y + BLOCK, BLOCK);
    this.predictions[0] = meanOf(BLOCK, aboveLeft, leftTop);
    this.predictions[1] = meanOf(BLOCK, aboveRight ?? leftTop);
    this.predictions[2] = meanOf(BLOCK, leftBottom ?? aboveLeft);
    this.predictions[3] = meanOf(BLOCK, aboveRight, leftBottom);
  }

  protected override quantiseDcBlock(): void {
    hadamard2x2(this.dcCoefficients);
    for (let i = 0; i < this.dcLevels.length; i++) this.dcLevels[i] = quantiseDc(this.dcCoefficients[i] ?? 0);
  }

  protected override dequantiseDcBlock(): void {
    this.dcCoefficients.set(this.dcLevels);
    hadamard2x2(this.dcCoefficients);
    for (let i = 0; i < this.dcCoefficients.length; i++) {
      this.dcCoefficients[i] = dequantiseChromaDc(this.dcCoefficients[i] ?? 0);
    }
  }
}

/** Rounded mean of up to two sums of `count` samples each. */
function meanOf(count: number, first: number | undefined, second?: number | undefined): number {
  if (first !== undefined && second !== undefined) return Math.trunc((first + second + count) / (2 * count));
  const sum = first ?? second;
  return sum === undefined ? NO_NEIGHBOUR : Math.trunc((sum + count / 2) / count);
}
