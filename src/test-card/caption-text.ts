import { hasGlyph, MISSING_CHARACTER } from './font.ts';

/** Characters that Unicode does not decompose into ASCII but readers do. */
const LOOKALIKES = new Map(
  Object.entries({
    '‘': "'",
    '’': "'",
    '‚': ',',
    '“': '"',
    '”': '"',
    '„': '"',
    '«': '"',
    '»': '"',
    '‐': '-',
    '–': '-',
    '—': '-',
    '−': '-',
    '·': '-',
    '•': '-',
    '×': 'x',
    '⁄': '/',
    ß: 'ss',
    æ: 'ae',
    Æ: 'AE',
    œ: 'oe',
    Œ: 'OE',
    ø: 'o',
    Ø: 'O',
    ł: 'l',
    Ł: 'L',
    đ: 'd',
    Đ: 'D',
    ı: 'i',
  }),
);

/**
 * The text in characters the font has: accents and invisible marks go, typographic characters become their plain
 * counterparts, anything else becomes the missing-character box, and white space is reduced to single spaces.
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

/** Breaks printable text into lines of at most `columns` characters: between words, or inside one that is longer. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((whole) => piecesOf(whole, columns))) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length <= columns) {
      line = joined;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return line === '' ? lines : [...lines, line];
}

function piecesOf(word: string, columns: number): string[] {
  const count = Math.ceil(word.length / columns);
  return Array.from({ length: count }, (_, i) => word.slice(i * columns, (i + 1) * columns));
}

/** The first `maxLines` of some wrapped lines; an ellipsis ends the last where there were more. */
export function clampLines(lines: readonly string[], maxLines: number, columns: number): string[] {
  if (lines.length <= maxLines) return [...lines];
  const kept = lines.slice(0, maxLines);
  const last = kept.pop();
  return last === undefined ? [] : [...kept, `${last.slice(0, columns - 3).trimEnd()}...`];
}
