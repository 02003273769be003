import { describe, expect, it } from 'vitest';
import { NAL_TYPE, nalUnit } from '../../src/test-card/nal.ts';

const HEADER = 0x67;

describe('nalUnit', () => {
  it.each([
    ['leaves harmless bytes alone', [1, 0, 0, 4, 5], [1, 0, 0, 4, 5]],
    ['escapes a start code', [0, 0, 1], [0, 0, 3, 1]],
    ['escapes what looks like an escape', [0, 0, 3], [0, 0, 3, 3]],
    ['escapes every pair of a run of zeros', [0, 0, 0, 0, 0, 1], [0, 0, 3, 0, 0, 3, 0, 1]],
    ['restarts counting after an escape', [0, 0, 2, 0, 1], [0, 0, 3, 2, 0, 1]],
  ])('%s', (_, payload, expected) => {
    expect([...nalUnit(NAL_TYPE.sequenceParameters, Uint8Array.from(payload))]).toEqual([HEADER, ...expected]);
  });
});
