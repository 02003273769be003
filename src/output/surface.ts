import { styleText } from 'node:util';
import type { Host, OutputStream } from '../platform/host.ts';

export type ColorMode = 'auto' | 'always' | 'never';

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;
export type Palette = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>;

/** What a stream can show; views are written for it. */
export interface Surface {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly palette: Palette;
}

const DEFAULT_COLUMNS = 80;

export function createSurface(stream: OutputStream, env: Host['env'], mode: ColorMode): Surface {
  const isTerminal = stream.isTTY === true;
  const palette = paletteFor(isColored(isTerminal, env, mode));
  return { isTerminal, columns: stream.columns || DEFAULT_COLUMNS, palette };
}

function isColored(isTerminal: boolean, env: Host['env'], mode: ColorMode): boolean {
  if (mode !== 'auto') return mode === 'always';
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return !['0', 'false'].includes(env.FORCE_COLOR);
  return isTerminal && env.TERM !== 'dumb';
}

/** Does not check the streams of the process itself, as `styleText` does by default. */
function paletteFor(colors: boolean): Palette {
  const paint = (style: keyof Palette, text: string): string =>
    colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  return Object.fromEntries(STYLES.map((style) => [style, (text: string) => paint(style, text)])) as Palette;
}
