/** The characters of bars and spinners. */
export interface Glyphs {
  readonly full: string;
  readonly empty: string;
  /** Left out for the usual one. */
  readonly spinner?: { readonly interval: number; readonly frames: string[] };
}

const UNICODE: Glyphs = { full: '━', empty: '─' };
const ASCII: Glyphs = { full: '=', empty: '-', spinner: { interval: 130, frames: ['-', '\\', '|', '/'] } };

/** Plain ASCII if the locale requires it, as with `LANG=C`. */
export function glyphsFor({ LC_ALL, LC_CTYPE, LANG }: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = LC_ALL || LC_CTYPE || LANG;
  return locale && !/utf-?8/i.test(locale) ? ASCII : UNICODE;
}

/** `━━━━───── `: a bar of `cells` cells. */
export function renderBar(percent: number, cells: number, { full, empty }: Glyphs): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * cells);
  return full.repeat(filled) + empty.repeat(cells - filled);
}
