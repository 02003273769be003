import { expect, it } from 'vitest';
import { CAPITAL_HEIGHT, GLYPH_HEIGHT, textPixels } from '../../src/test-card/font.ts';

const BASELINE = CAPITAL_HEIGHT - 1;

function rowsOf(character: string): boolean[] {
  const used = new Set([...textPixels(character)].map(([, row]) => row));
  return Array.from({ length: GLYPH_HEIGHT }, (_, row) => used.has(row));
}

it('draws descenders below the baseline, so that "p" differs from a small "P"', () => {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz');
  expect(
    letters
      .filter((letter) =>
        rowsOf(letter)
          .slice(BASELINE + 1)
          .includes(true),
      )
      .join(''),
  ).toBe('gjpqy');
  const capitals = letters.map((letter) => letter.toUpperCase());
  expect(capitals.filter((letter) => rowsOf(letter).lastIndexOf(true) !== BASELINE)).toEqual([]);
});
