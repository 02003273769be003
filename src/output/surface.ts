import type { Host, OutputStream } from '../platform/host.ts';

export type ColorMode = 'auto' | 'always' | 'never';

export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** What a stream can show; views are written for it. */
export interface Surface {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly palette: Palette;
}

const same = (text: string): string => text;
const PLAIN: Palette = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };
const DEFAULT_COLUMNS = 80;

export async function createSurface(stream: OutputStream, env: Host['env'], mode: ColorMode): Promise<Surface> {
  const isTerminal = stream.isTTY === true;
  return {
    isTerminal,
    columns: stream.columns || DEFAULT_COLUMNS,
    palette: isColored(isTerminal, env, mode) ? await colored() : PLAIN,
  };
}

/** chalk decides for standard output only, and ignores `NO_COLOR`; so this decides per stream. */
export function isColored(isTerminal: boolean, env: Host['env'], mode: ColorMode): boolean {
  if (mode !== 'auto') return mode === 'always';
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return !['0', 'false'].includes(env.FORCE_COLOR);
  return isTerminal && env.TERM !== 'dumb';
}

async function colored(): Promise<Palette> {
  const { Chalk } = await import('chalk');
  return new Chalk({ level: 1 });
}
