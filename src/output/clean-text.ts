import { stripVTControlCharacters } from 'node:util';

// What a terminal may obey although JSON lets it stand: C1 controls, and the marks that reorder or hide text.
const MARKS = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// C0 and C1 controls other than newline and tab, and the marks that reorder or hide text.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text from outside as it may be printed: no terminal sequences, no invisible or direction-changing characters. */
export function cleanText(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROLS, '');
}

/** JSON as it may be printed: nothing is lost, as a program reads the escapes back. */
export function escapeMarks(json: string): string {
  return json.replace(MARKS, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same on one line, cut to a width; for tables and progress. */
export function cleanLine(text: string, maxCharacters = Number.POSITIVE_INFINITY): string {
  const line = cleanText(text).replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length <= maxCharacters ? line : `${characters.slice(0, Math.max(0, maxCharacters - 1)).join('')}…`;
}
