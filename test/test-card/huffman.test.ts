import { describe, expect, it } from 'vitest';
import { canonicalCodes, codeLengths } from '../../src/test-card/huffman.ts';

describe('codeLengths', () => {
  it('gives frequent symbols short codes and absent ones none', () => {
    expect(codeLengths([0, 8, 4, 2, 2], 15)).toEqual([0, 1, 2, 3, 3]);
  });

  it('stays within the limit, as a complete code', () => {
    const fibonacci = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144];
    const lengths = codeLengths(fibonacci, 7);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(7);
    expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
  });
});

describe('canonicalCodes', () => {
  it('counts up within a length and continues with the next', () => {
    // The example of RFC 1951, 3.2.2.
    expect(canonicalCodes([3, 3, 3, 3, 3, 2, 4, 4])).toEqual([2, 3, 4, 5, 6, 0, 14, 15]);
  });
});
