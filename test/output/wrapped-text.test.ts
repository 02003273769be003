import { describe, expect, it } from 'vitest';
import { wrapLine } from '../../src/output/clean-text.ts';

describe('wrapLine', () => {
  it.each([
    ['a short line', 20, ['a short line']],
    ['one that is too long for it', 12, ['one that is', 'too long for', 'it']],
    ['run `sora config set a b` at once', 10, ['run', '`sora config set a b`', 'at once']],
    ['an-address-without-an-end is kept', 8, ['an-address-without-an-end', 'is kept']],
    ['海の波 海の波', 10, ['海の波', '海の波']],
    ['', 10, ['']],
  ])('wraps %j at %d columns', (line, columns, expected) => {
    expect(wrapLine(line, columns)).toEqual(expected);
  });
});
