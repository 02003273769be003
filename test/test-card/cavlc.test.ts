import { describe, expect, it } from 'vitest';
import { BitWriter } from '../../src/test-card/bit-writer.ts';
import { CavlcWriter } from '../../src/test-card/cavlc.ts';
import { CHROMA_DC_CONTEXT, coeffTokenCode, runBeforeCode, totalZerosCode } from '../../src/test-card/cavlc-tables.ts';

function encode(levels: readonly number[], nC: number): { bits: string; total: number } {
  const out = new BitWriter();
  const total = new CavlcWriter().writeBlock(out, Int32Array.from(levels), 0, levels.length, nC);
  out.stop();
  const all = Array.from(out.bytes(), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return { bits: all.slice(0, all.lastIndexOf('1')), total };
}

/** Scan-ordered levels padded to a 4x4 block. */
function block(...levels: number[]): number[] {
  return [...levels, ...Array.from({ length: 16 - levels.length }, () => 0)];
}

describe('CavlcWriter', () => {
  // Worked examples of Richardson, "H.264 and MPEG-4 Video Compression", 6.4.13.
  it.each([
    [block(0, 3, 0, 1, -1, -1, 0, 1), '000010001110010111101101', 5],
    [block(-2, 4, 3, -3, 0, 0, -1), '000000011010001001000010111001100', 5],
    [block(0, 0, 0, 1, 0, 1, 0, 0, 0, -1), '0001110001110010', 3],
    [block(), '1', 0],
  ])('codes %j as in the literature', (levels, bits, total) => {
    expect(encode(levels, 0)).toEqual({ bits, total });
  });

  it('codes a chroma DC block with its own tables', () => {
    expect(encode([0, 1, 0, 0], CHROMA_DC_CONTEXT).bits).toBe(['1', '0', '01'].join(''));
  });

  it('escapes large levels with a 12-bit suffix', () => {
    // One level: levelCode 2 * 1000 - 2 - 2, minus 30 for the escape.
    expect(encode([1000, 0, 0, 0], CHROMA_DC_CONTEXT).bits).toBe(
      ['000111', '0000000000000001', (1996 - 30).toString(2).padStart(12, '0'), '1'].join(''),
    );
  });
});

const TOTALS = Array.from({ length: 17 }, (_, total) => total);
const tokensOf = (nC: number, maxTotal: number) =>
  TOTALS.slice(0, maxTotal + 1).flatMap((total) =>
    [0, 1, 2, 3].filter((ones) => ones <= total).map((ones) => coeffTokenCode(nC, total, ones)),
  );
const totalZerosOf = (nC: number, total: number, count: number) =>
  Array.from({ length: count - total + 1 }, (_, zeros) => totalZerosCode(nC, total, zeros));
const runsOf = (zerosLeft: number, longest: number) =>
  Array.from({ length: longest + 1 }, (_, run) => runBeforeCode(zerosLeft, run));

describe('the code tables', () => {
  it.each([
    ...[0, 2, 4, 8].map((nC) => [`coeff_token for nC ${nC}`, tokensOf(nC, 16)] as const),
    ['coeff_token for chroma DC', tokensOf(CHROMA_DC_CONTEXT, 4)] as const,
    ...TOTALS.slice(1, 16).map((total) => [`total_zeros of ${total}`, totalZerosOf(0, total, 16)] as const),
    ...[1, 2, 3].map((total) => [`chroma total_zeros of ${total}`, totalZerosOf(CHROMA_DC_CONTEXT, total, 4)] as const),
    ...[1, 2, 3, 4, 5, 6].map((left) => [`run_before with ${left} left`, runsOf(left, left)] as const),
    ['run_before with more left', runsOf(7, 14)] as const,
  ])('%s is a prefix code', (_, codes) => {
    const words = codes.map(({ width, value }) => value.toString(2).padStart(width, '0')).sort();
    // In sorted order, a word that starts another comes right before one it starts.
    const clashes = words.filter((word, i) => words[i + 1]?.startsWith(word));
    expect(clashes).toEqual([]);
  });
});
