/**
 * Transforms and quantisation of H.264 (clause 8.5), at one fixed quantiser.
 * A 4x4 block is 16 consecutive integers of a larger array, in raster order, starting at `at`.
 */
import { entryAt } from './table.ts';

/**
 * The quantiser of every block, QP'Y and QP'C alike (they are equal below 30, Table 8-15). Fine enough for crisp text and
 * for flat areas within one grey level. A multiple of 6, so that each position needs only one scale.
 */
export const QP = 24;

/** Zig-zag scan of a 4x4 block (Table 8-12): raster position of each scan index. */
export const ZIGZAG_4X4 = Uint8Array.of(0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15);

/** Position classes of a 4x4 block: which of the three scales below each raster position takes. */
const SCALE_CLASS = [0, 2, 0, 2, 2, 1, 2, 1, 0, 2, 0, 2, 2, 1, 2, 1];
/** normAdjust4x4 for QP % 6 = 0 (clause 8.5.9), times 2^(QP / 6): level to coefficient. */
const DEQUANT = Int32Array.from(SCALE_CLASS, (scale) => entryAt([10, 16, 13], scale) << (QP / 6));
/** The same for the forward direction, in units of 2^-QUANT_SHIFT: coefficient to level. */
const QUANT = Int32Array.from(SCALE_CLASS, (scale) => entryAt([13107, 5243, 8066], scale));
const QUANT_SHIFT = 15 + QP / 6;

const DC_DEQUANT = DEQUANT[0] ?? 0;
const DC_QUANT = QUANT[0] ?? 0;

/** Rounds to nearest, which is closest to the source; the bits that this costs do not matter here. */
function quantise(coefficient: number, multiplier: number, shift: number): number {
  const magnitude = (Math.abs(coefficient) * multiplier + (1 << (shift - 1))) >> shift;
  return coefficient < 0 ? -magnitude : magnitude;
}

/** Level of the AC coefficient at a raster position. */
export function quantiseAc(coefficient: number, position: number): number {
  return quantise(coefficient, QUANT[position] ?? 0, QUANT_SHIFT);
}

/** Level of one coefficient of a second-level (Hadamard) transform. */
export function quantiseDc(coefficient: number): number {
  return quantise(coefficient, DC_QUANT, QUANT_SHIFT + 1);
}

/** AC coefficient from its level (clause 8.5.12.1, exact at this QP). */
export function dequantiseAc(level: number, position: number): number {
  return level * (DEQUANT[position] ?? 0);
}

/** Luma DC coefficient from the inverse Hadamard's output (clause 8.5.10, exact at this QP). */
export function dequantiseLumaDc(value: number): number {
  return (value * DC_DEQUANT) >> 2;
}

/** Chroma DC coefficient from the inverse Hadamard's output (clause 8.5.11.2, exact at this QP). */
export function dequantiseChromaDc(value: number): number {
  return (value * DC_DEQUANT) >> 1;
}

/** A one-dimensional transform of the four integers that begin at `at`, in place. */
type Butterfly = (block: Int32Array, at: number, step: number) => void;

/** A 4x4 transform in place, of the block at `at`: of its rows, then of its columns. */
function transformOf(butterfly: Butterfly): (block: Int32Array, at?: number) => void {
  return (block, at = 0) => {
    for (let i = at; i < at + 16; i += 4) butterfly(block, i, 1);
    for (let i = at; i < at + 4; i++) butterfly(block, i, 4);
  };
}

/** The forward core transform of a residual. */
export const forwardTransform = transformOf((block, at, step) => {
  const [a, b, c, d] = [block[at] ?? 0, block[at + step] ?? 0, block[at + 2 * step] ?? 0, block[at + 3 * step] ?? 0];
  block[at] = a + b + c + d;
  block[at + step] = 2 * a + b - c - 2 * d;
  block[at + 2 * step] = a - b - c + d;
  block[at + 3 * step] = a - 2 * b + 2 * c - d;
});

/** The inverse core transform (clause 8.5.12.2); `roundResidual` turns its output into pixel differences. */
export const inverseTransform = transformOf((block, at, step) => {
  const [a, b, c, d] = [block[at] ?? 0, block[at + step] ?? 0, block[at + 2 * step] ?? 0, block[at + 3 * step] ?? 0];
  const [even, evenDifference] = [a + c, a - c];
  const [odd, oddDifference] = [b + (d >> 1), (b >> 1) - d];
  block[at] = even + odd;
  block[at + step] = evenDifference + oddDifference;
  block[at + 2 * step] = evenDifference - oddDifference;
  block[at + 3 * step] = even - odd;
});

/** The 4x4 Hadamard transform of clause 8.5.10; applied twice it multiplies by 16. */
export const hadamard4x4 = transformOf((block, at, step) => {
  const [a, b, c, d] = [block[at] ?? 0, block[at + step] ?? 0, block[at + 2 * step] ?? 0, block[at + 3 * step] ?? 0];
  block[at] = a + b + c + d;
  block[at + step] = a + b - c - d;
  block[at + 2 * step] = a - b - c + d;
  block[at + 3 * step] = a - b + c - d;
});

/** Removes the scale of the inverse transform from one of its outputs. */
export function roundResidual(value: number): number {
  return (value + 32) >> 6;
}

/** The 2x2 Hadamard transform of clause 8.5.11.1, in place; applied twice it multiplies by 4. */
export function hadamard2x2(block: Int32Array): void {
  const a = block[0] ?? 0;
  const b = block[1] ?? 0;
  const c = block[2] ?? 0;
  const d = block[3] ?? 0;
  block[0] = a + b + c + d;
  block[1] = a - b + c - d;
  block[2] = a + b - c - d;
  block[3] = a - b - c + d;
}
