import { describe, expect, it } from 'vitest';
import { cleanLine, cleanText, columnsOf, cutMiddle, escapeMarks } from '../../src/output/clean-text.ts';

describe('outside text', () => {
  it.each([
    ['colours', 'a\x1b[31mb\x1b[0m', 'ab'],
    ['terminal commands', 'a\x1b]0;title\x07b\x1b[2J', 'ab'],
    ['bells and backspaces', 'a\x07\x08b', 'ab'],
    ['C1 controls', 'a\x9bb', 'ab'],
    ['direction marks', 'a\u202eb\u2066c\u200fd', 'abcd'],
    ['zero-width characters', 'a\u200bb\ufeffc', 'abc'],
    ['carriage returns', 'real\rfake', 'realfake'],
    ['tags', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['soft hyphens', 'a\u00adb', 'ab'],
    ['fillers', 'a\u3164\u115f\u1160\uffa0b', 'ab'],
    ['joiners and selectors with nothing to join or vary', 'a\u200db\u200cc\ufe0fd\ufe00e\u{e0100}f', 'abcdef'],
  ])('is printed without %s', (_, text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });

  it('keeps its lines, tabs, accents and emoji', () => {
    const text = 'é\tü\n👩‍🚀 ❤️‍🔥 👩🏽‍🚀 1️⃣ ☺︎ 漢 می‌خواهم क्‍ष';
    expect(cleanText(text)).toBe(text);
  });

  it('is printed on one line in a table', () => {
    expect(cleanLine('  one\n two\t\tthree ')).toBe('one two three');
  });

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['漢字漢字', 8, '漢字漢字'],
    ['漢字漢字', 7, '漢字漢…'],
    ['漢字漢字', 6, '漢字…'],
    ['🚤🚤🚤', 4, '🚤…'],
  ])('%s is shortened to %i columns', (text, columns, cut) => {
    expect(cleanLine(text, columns)).toBe(cut);
    expect(columnsOf(cut)).toBeLessThanOrEqual(columns);
  });

  it('is measured in linear time', () => {
    expect(columnsOf('👩‍👩‍👧'.repeat(50_000))).toBe(100_000);
    expect(columnsOf('🇫🇷'.repeat(50_000))).toBe(100_000);
    expect(columnsOf(`a${'\u0301'.repeat(50_000)}`)).toBe(1);
  });
});

it('JSON escapes direction marks without losing them', () => {
  const text = 'a\u202eb\x9bc';
  const shown = escapeMarks(JSON.stringify({ text }));
  expect(shown).toBe('{"text":"a\\u202eb\\u009bc"}');
  expect(JSON.parse(shown)).toEqual({ text });
});

describe('a path that is too long', () => {
  it.each([
    ['clips/001-a-harbour-at-dawn-59a30b07.mp4', 25, 'clips/001-a-…59a30b07.mp4'],
    ['clips/001-日本の夜市-雨-ネオン-8d3ec8a5.mp4', 25, 'clips/001-日…8d3ec8a5.mp4'],
    ['b/1.mp4', 25, 'b/1.mp4'],
  ])('%s is shortened in the middle', (path, columns, shown) => {
    expect(cutMiddle(path, columns)).toBe(shown);
    expect(columnsOf(shown)).toBeLessThanOrEqual(columns);
  });
});
