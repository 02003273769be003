/** The characters of bars and spinners. */
export interface Glyphs {
  readonly full: string;
  readonly empty: string;
  /** One character for each frame. */
  readonly spinner: string;
}

const ASCII: Glyphs = { full: '=', empty: '-', spinner: '--\\\\||//' };
const UNICODE: Glyphs = { full: '━', empty: '─', spinner: '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' };

/** Plain ASCII if the locale requires it, as with `LANG=C`. The consoles of Linux and of older Windows have no Braille. */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (locale && !/utf-?8/i.test(locale)) return ASCII;
  const isConsole =
    env.TERM === 'linux' || (env.OS === 'Windows_NT' && !(env.WT_SESSION || env.TERM_PROGRAM || env.TERM));
  return isConsole ? { ...UNICODE, spinner: ASCII.spinner } : UNICODE;
}

/** `━━━━───── `: a bar of `cells` cells. */
export function renderBar(percent: number, cells: number, { full, empty }: Glyphs): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * cells);
  return full.repeat(filled) + empty.repeat(cells - filled);
}
