import { describe, expect, it } from 'vitest';
import { clampLines, printable, wrap } from '../../src/test-card/caption-text.ts';

const BOX = '\uFFFD';

describe('printable', () => {
  it.each([
    ['plain text, as it is: ~{}[]', 'plain text, as it is: ~{}[]'],
    ['Ünïcödé Łódź', 'Unicode Lodz'],
    ['e\u0301 and \u00e9', 'e and e'],
    ['“quotes” — it’s…', '"quotes" - it\'s...'],
    ['½ ﬁne ×2', '1/2 fine x2'],
    ['two\n\tlines\u0000 ', 'two lines'],
    ['猫 says', `${BOX} says`],
    ['🐈\u200d⬛\ufe0f', `${BOX}${BOX}`],
    ['\ud800', BOX],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });
});

describe('wrap', () => {
  it.each([
    ['a bb ccc dddd', 6, ['a bb', 'ccc', 'dddd']],
    ['abcdefgh ij', 3, ['abc', 'def', 'gh', 'ij']],
    ['fits', 4, ['fits']],
    ['', 4, []],
  ])('wraps %j at %i columns', (text, columns, lines) => {
    expect(wrap(text, columns)).toEqual(lines);
  });
});

describe('clampLines', () => {
  it('marks what it cuts, within the columns', () => {
    expect(clampLines(['one two', 'three f', 'four'], 2, 7)).toEqual(['one two', 'thre...']);
    expect(clampLines(['one'], 1, 7)).toEqual(['one']);
    expect(clampLines(['one'], 0, 7)).toEqual([]);
  });
});
