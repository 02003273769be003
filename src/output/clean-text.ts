import { stripVTControlCharacters } from 'node:util';
import { escapeInvisible, replaceInvisible } from '../domain/invisible.ts';

/** Matches most text, which is safe unchanged; the full check is fifty times slower. */
const PLAIN = /^[ -~]*$/;

/** Makes text from outside safe to print: no terminal sequences, no invisible or direction-changing characters. */
export function cleanText(text: string): string {
  if (PLAIN.test(text)) return text;
  return replaceInvisible(stripVTControlCharacters(text), () => '');
}

/** Makes JSON safe to print; nothing is lost, as parsers decode the escapes. */
export function escapeMarks(json: string): string {
  return escapeInvisible(json);
}

/** The same on one line, cut to a number of terminal columns; for tables and progress. */
export function cleanLine(text: string, maxColumns = Number.POSITIVE_INFINITY): string {
  return cutLine(cleanText(text).replace(/\s+/g, ' ').trim(), maxColumns);
}

/** A clean line, cut to a number of terminal columns; its blanks stay as they are. */
export function cutLine(line: string, maxColumns: number): string {
  const mayFit = line.length <= maxColumns * LONGEST_CHARACTER;
  if (mayFit && columnsOf(line) <= maxColumns) return line;
  let kept = '';
  let columns = 1; // for the ellipsis
  for (const character of charactersOf(mayFit ? line : line.slice(0, maxColumns * LONGEST_CHARACTER))) {
    columns += columnsOf(character);
    if (columns > maxColumns) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The same, but it keeps both ends: of a path, the folder and the id. */
export function cutMiddle(line: string, maxColumns: number): string {
  if (columnsOf(line) <= maxColumns) return line;
  const characters = [...charactersOf(line)];
  const endColumns = Math.floor((maxColumns - 1) / 2);
  let end = '';
  while (characters.length > 0 && columnsOf(`${characters.at(-1)}${end}`) <= endColumns)
    end = `${characters.pop()}${end}`;
  return `${cutLine(line, maxColumns - columnsOf(end))}${end}`;
}

/** Wraps a line to a number of terminal columns. Text in backticks is never split, so that it can be copied. */
export function wrapLine(line: string, columns: number): string[] {
  const words = line.match(/(?:`[^`]*`|\S)+/g) ?? [];
  const lines: string[] = [];
  let current = '';
  for (const word of words) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && columnsOf(longer) > columns) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current];
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
/** No character that a person sees takes more UTF-16 units than this for each of its columns. */
const LONGEST_CHARACTER = 32;
const COMPOSED = /\p{Mn}|\p{Emoji_Presentation}|\ufe0f/u;
/** One picture, of whatever many parts. */
const PICTURE = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
const COMBINING = /\p{Mn}|\ufe0f/u;

/** The terminal columns of a text: two for a wide character, zero for a combining one. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const character of charactersOf(text)) {
    if (PICTURE.test(character)) columns += 2;
    else for (const part of character) if (!COMBINING.test(part)) columns += WIDE.test(part) ? 2 : 1;
  }
  return columns;
}

let segmenter: Intl.Segmenter | undefined;
/** UTF-16 units to segment at a time: for a whole text it takes quadratic time. */
const PIECE = 500;

/** Characters as a person sees them: an accent belongs to its letter, and a flag is one. */
function* charactersOf(text: string): Generator<string> {
  if (!COMPOSED.test(text)) {
    yield* text;
    return;
  }
  segmenter ??= new Intl.Segmenter();
  for (let start = 0; start < text.length; ) {
    const characters = Array.from(segmenter.segment(text.slice(start, start + PIECE)), ({ segment }) => segment);
    // The last one may continue, and the one before it if the last is half a code point.
    if (start + PIECE < text.length && characters.length > 2) characters.splice(-2);
    yield* characters;
    start += characters.join('').length;
  }
}
