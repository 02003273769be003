import type { BitWriter } from './bit-writer.ts';
import { type CodeWord, coeffTokenCode, runBeforeCode, totalZerosCode } from './cavlc-tables.ts';

const MAX_LEVELS = 16;
/** level_prefix 15 announces a 12-bit level_suffix; 14 a 4-bit one, but only while suffixLength is 0 (clause 9.2.2.1). */
const ESCAPE_PREFIX = 15;
const ESCAPE_SUFFIX_BITS = 12;
const SHORT_ESCAPE_PREFIX = 14;
const SHORT_ESCAPE_SUFFIX_BITS = 4;
const MAX_SUFFIX_LENGTH = 6;

/** Writes blocks of quantised transform levels as residual_block_cavlc() (clauses 7.3.5.3.2 and 9.2). */
export class CavlcWriter {
  /** The non-zero levels of the current block in scan order, the number of zeros just before each, and their sum. */
  readonly #levels = new Int32Array(MAX_LEVELS);
  readonly #runs = new Int32Array(MAX_LEVELS);
  #zeros = 0;

  /**
   * Writes `count` levels of `scan` from `start` on, in zig-zag order, with the context `nC` of the neighbouring blocks.
   * Levels must be within ±2048. Returns how many are not zero: the context of later blocks.
   */
  writeBlock(out: BitWriter, scan: Int32Array, start: number, count: number, nC: number): number {
    const total = this.#collect(scan, start, count);
    const trailingOnes = this.#countTrailingOnes(total);
    writeCode(out, coeffTokenCode(nC, total, trailingOnes));
    if (total === 0) return 0;
    this.#writeLevels(out, total, trailingOnes);
    let zerosLeft = this.#zeros;
    if (total < count) writeCode(out, totalZerosCode(nC, total, zerosLeft));
    for (let i = total - 1; i > 0 && zerosLeft > 0; i--) {
      const run = this.#runs[i] ?? 0;
      writeCode(out, runBeforeCode(zerosLeft, run));
      zerosLeft -= run;
    }
    return total;
  }

  #collect(scan: Int32Array, start: number, count: number): number {
    let total = 0;
    let run = 0;
    this.#zeros = 0;
    for (let i = start; i < start + count; i++) {
      const level = scan[i] ?? 0;
      if (level === 0) {
        run++;
        continue;
      }
      this.#levels[total] = level;
      this.#runs[total] = run;
      this.#zeros += run;
      total++;
      run = 0;
    }
    return total;
  }

  #countTrailingOnes(total: number): number {
    let ones = 0;
    while (ones < 3 && ones < total && Math.abs(this.#levels[total - 1 - ones] ?? 0) === 1) ones++;
    return ones;
  }

  /** Writes levels from the highest frequency down; the code adapts to the magnitudes so far. */
  #writeLevels(out: BitWriter, total: number, trailingOnes: number): void {
    for (let i = total - 1; i >= total - trailingOnes; i--) out.flag((this.#levels[i] ?? 0) < 0);
    const first = total - 1 - trailingOnes;
    let suffixLength = total > 10 && trailingOnes < 3 ? 1 : 0;
    for (let i = first; i >= 0; i--) {
      const level = this.#levels[i] ?? 0;
      const magnitude = Math.abs(level);
      let levelCode = 2 * magnitude - (level > 0 ? 2 : 1);
      // With fewer than three trailing ones the next level cannot be ±1, so its code starts two lower.
      if (i === first && trailingOnes < 3) levelCode -= 2;
      writeLevel(out, levelCode, suffixLength);
      if (suffixLength === 0) suffixLength = 1;
      if (magnitude > 3 << (suffixLength - 1) && suffixLength < MAX_SUFFIX_LENGTH) suffixLength++;
    }
  }
}

function writeCode(out: BitWriter, code: CodeWord): void {
  out.bits(code.width, code.value);
}

/** level_prefix, as a number of zeros and a one, then level_suffix. */
function writeLevel(out: BitWriter, levelCode: number, suffixLength: number): void {
  const escapeFrom = suffixLength === 0 ? 30 : ESCAPE_PREFIX << suffixLength;
  if (levelCode >= escapeFrom) {
    out.bits(ESCAPE_PREFIX + 1, 1);
    out.bits(ESCAPE_SUFFIX_BITS, levelCode - escapeFrom);
  } else if (suffixLength > 0) {
    out.bits((levelCode >> suffixLength) + 1, 1);
    out.bits(suffixLength, levelCode & ((1 << suffixLength) - 1));
  } else if (levelCode >= SHORT_ESCAPE_PREFIX) {
    out.bits(SHORT_ESCAPE_PREFIX + 1, 1);
    out.bits(SHORT_ESCAPE_SUFFIX_BITS, levelCode - SHORT_ESCAPE_PREFIX);
  } else {
    out.bits(levelCode + 1, 1);
  }
}
