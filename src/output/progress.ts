import type { Host, OutputStream } from '../platform/host.ts';
import { cleanText, columnsOf, cutLine } from './clean-text.ts';
import type { Glyphs } from './glyphs.ts';

/** One moving line on a terminal. */
export interface Progress {
  /** Shows what `line` returns for the available columns, called for every frame, so that clocks in it run. */
  show(line: (columns: number, glyphs: Glyphs) => string): void;
  stop(): void;
  /** False also while the process is in the background of its terminal: news is then written as lines. */
  readonly isVisible: boolean;
}

export const SILENT_PROGRESS: Progress = { show: () => {}, stop: () => {}, isVisible: false };

/** What is animated, and how. */
export interface Animation {
  readonly stream: OutputStream;
  readonly isColored: boolean;
  readonly glyphs: Glyphs;
  readonly watchForeground: Host['watchForeground'];
}

const SPINNER_COLUMNS = 4;
const DEFAULT_COLUMNS = 80;

export async function createProgress({ stream, isColored, glyphs, watchForeground }: Animation): Promise<Progress> {
  const { default: ora } = await import('ora');
  let current: Parameters<Progress['show']>[0] = () => '';
  let shown = '';
  const spinner = ora({
    stream: stream as NodeJS.WritableStream, // a terminal's stream has everything ora uses
    text: '',
    color: isColored ? 'cyan' : (false as never), // what its own documentation says to disable it
    ...(glyphs.spinner && { spinner: glyphs.spinner }),
    // A function is called for every frame; a plain text would freeze between two polls.
    suffixText: () => {
      const columns = (stream.columns || DEFAULT_COLUMNS) - SPINNER_COLUMNS;
      shown = cutLine(cleanText(current(columns, glyphs)), columns);
      return shown;
    },
    discardStdin: false,
    isEnabled: true,
    hideCursor: false, // so that nothing has to be restored after Ctrl-Z or a kill
  });
  let isForeground = true;
  const unwatch = watchForeground((is) => {
    isForeground = is;
    spinner.isEnabled = is;
  });
  /** A narrower terminal has wrapped the line; the spinner erases only the last part of it. */
  const eraseWrapped = (): void => {
    const wrapped = Math.ceil((columnsOf(shown) + SPINNER_COLUMNS) / (stream.columns || DEFAULT_COLUMNS)) - 1;
    if (wrapped <= 0 || !isForeground) return;
    spinner.isEnabled = false;
    stream.write(`\x1b[${wrapped}A\r\x1b[J`);
    spinner.isEnabled = true;
  };
  stream.on('resize', eraseWrapped);
  return {
    get isVisible() {
      return isForeground;
    },
    show(line) {
      current = line;
      if (!spinner.isSpinning) spinner.start();
    },
    stop() {
      unwatch();
      stream.off('resize', eraseWrapped);
      spinner.stop();
    },
  };
}
