import { hasGlyph, MISSING_CHARACTER } from './font.ts';

/** Characters that Unicode does not decompose into ASCII, each followed by what readers take it for. */
const LOOKALIKES = new Map(
  `‘' ’' ‚, “" ”" „" «" »" ‐- –- —- −- ·- •- ×x ⁄/ ßss æae ÆAE œoe ŒOE øo ØO łl ŁL đd ĐD ıi`
    .split(' ')
    .map((pair) => [pair.charAt(0), pair.slice(1)]),
);

/**
 * The text in characters that the font has: without accents and invisible marks, and with a box for any unknown
 * character.
 */
export function printable(text: string): string {
  const characters = Array.from(text.normalize('NFKC').replace(/[\s\p{Cc}]+/gu, ' '));
  return characters.map(printableCharacter).join('').trim();
}

function printableCharacter(character: string): string {
  const lookalike = LOOKALIKES.get(character);
  if (lookalike !== undefined) return lookalike;
  const bare = character.normalize('NFKD').replace(/[\p{M}\p{Cf}]/gu, '');
  return Array.from(bare).every(hasGlyph) ? bare : MISSING_CHARACTER;
}

/** Breaks printable text into lines of at most `columns` characters: between words, or inside a longer word. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((whole) => piecesOf(whole, columns))) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length > columns) lines.push(line);
    line = joined.length > columns ? word : joined;
  }
  return line === '' ? lines : [...lines, line];
}

function piecesOf(word: string, columns: number): string[] {
  const count = Math.ceil(word.length / columns);
  return Array.from({ length: count }, (_, i) => word.slice(i * columns, (i + 1) * columns));
}

/** The first `maxLines` of some wrapped lines; the last one ends with an ellipsis if there are more. */
export function clampLines(lines: readonly string[], maxLines: number, columns: number): string[] {
  if (lines.length <= maxLines) return [...lines];
  const kept = lines.slice(0, maxLines);
  const last = kept.pop();
  return last === undefined ? [] : [...kept, `${last.slice(0, columns - 3).trimEnd()}...`];
}
