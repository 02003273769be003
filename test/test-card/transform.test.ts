import { describe, expect, it } from 'vitest';
import {
  dequantiseAc,
  dequantiseLumaDc,
  forwardTransform,
  hadamard2x2,
  hadamard4x4,
  inverseTransform,
  quantiseAc,
  quantiseDc,
  roundResidual,
} from '../../src/test-card/transform.ts';

const RAMP = Array.from({ length: 16 }, (_, i) => 9 * i - 70);

describe('the Hadamard transforms', () => {
  it('are their own inverse, up to scale', () => {
    const block4x4 = Int32Array.from(RAMP);
    hadamard4x4(block4x4);
    hadamard4x4(block4x4);
    expect([...block4x4]).toEqual(RAMP.map((value) => 16 * value));

    const block2x2 = Int32Array.of(7, -3, 12, 5);
    hadamard2x2(block2x2);
    hadamard2x2(block2x2);
    expect([...block2x2]).toEqual([28, -12, 48, 20]);
  });

  it('order the 2x2 outputs as sum, across, down, diagonal', () => {
    const block = Int32Array.of(1, 2, 4, 8);
    hadamard2x2(block);
    expect([...block]).toEqual([15, -5, -9, 3]);
  });
});

describe('the core transform', () => {
  it('turns a flat residual into its sum', () => {
    const block = new Int32Array(16).fill(5);
    forwardTransform(block, 0);
    expect([...block]).toEqual([80, ...Array.from({ length: 15 }, () => 0)]);
  });

  it('is inverted within the quantisation error', () => {
    const block = new Int32Array(32);
    block.set(RAMP, 16);
    forwardTransform(block, 16);
    for (let i = 0; i < 16; i++) block[16 + i] = dequantiseAc(quantiseAc(block[16 + i] ?? 0, i), i);
    inverseTransform(block, 16);
    const errors = RAMP.map((value, i) => Math.abs(value - roundResidual(block[16 + i] ?? 0)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(5);
  });

  it.each([-200, -31, 0, 1, 17, 255])(
    'reproduces a macroblock that is flat at %i through the DC path alone',
    (value) => {
      const dc = new Int32Array(16).fill(16 * value);
      hadamard4x4(dc);
      const levels = Int32Array.from(dc, (coefficient) => quantiseDc(coefficient >> 1));
      hadamard4x4(levels);
      const back = Array.from(levels, (level) => roundResidual(dequantiseLumaDc(level)));
      expect(Math.max(...back.map((pixel) => Math.abs(pixel - value)))).toBeLessThanOrEqual(1);
    },
  );
});
