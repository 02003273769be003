import { describe, expect, it } from 'vitest';
import { BitWriter } from '../../src/test-card/bit-writer.ts';

function bitsOf(write: (out: BitWriter) => void): string {
  const out = new BitWriter(1);
  write(out);
  out.stop();
  const all = Array.from(out.bytes(), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return all.slice(0, all.lastIndexOf('1'));
}

describe('BitWriter', () => {
  // Table 9-2 of ITU-T H.264.
  it.each([
    [0, '1'],
    [1, '010'],
    [2, '011'],
    [3, '00100'],
    [4, '00101'],
    [5, '00110'],
    [6, '00111'],
    [7, '0001000'],
    [8, '0001001'],
    [9, '0001010'],
    [8159, '0000000000001111111100000'],
  ])('codes ue(%i) as %s', (value, bits) => {
    expect(bitsOf((out) => out.ue(value))).toBe(bits);
  });

  // Table 9-3, with the code words of Table 9-2.
  it.each([
    [0, '1'],
    [1, '010'],
    [-1, '011'],
    [2, '00100'],
    [-2, '00101'],
    [3, '00110'],
  ])('codes se(%i) as %s', (value, bits) => {
    expect(bitsOf((out) => out.se(value))).toBe(bits);
  });

  it('keeps the order of fields across byte boundaries, and grows', () => {
    const bits = bitsOf((out) => {
      out.bits(3, 0b101);
      out.bits(24, 0xabcdef);
      out.flag(true);
      out.bits(0, 0);
    });
    expect(bits).toBe(`101${(0xabcdef).toString(2)}1`);
  });

  it('aligns with ones or zeros, and does nothing when already aligned', () => {
    const out = new BitWriter();
    out.bits(3, 0);
    out.align(1);
    out.align(1);
    out.bits(3, 7);
    out.align(0);
    expect([...out.bytes()]).toEqual([0b00011111, 0b11100000]);
  });
});
