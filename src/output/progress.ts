import type { Animation, Board, BoardLines } from './board.ts';
import type { Glyphs } from './glyphs.ts';

/** One moving line on a terminal. */
export interface Progress {
  /** Shows what `line` returns for the available columns, called for every frame, so that clocks in it run. */
  show(line: (columns: number, glyphs: Glyphs) => string): Promise<void>;
  stop(): Promise<void>;
  /** False also while the process is in the background of its terminal: news is then written as lines. */
  readonly isVisible: boolean;
}

export const SILENT_PROGRESS: Progress = { show: async () => {}, stop: async () => {}, isVisible: false };

/** The spinner and the blanks around it. */
const SPINNER_COLUMNS = 4;

/** A board of one line, with a spinner before it. `open` shows a board. */
export async function createProgress(
  { isColored, glyphs }: Animation,
  open: (lines: BoardLines, decorate: (line: string) => string) => Promise<Board>,
): Promise<Progress> {
  const { default: ora } = await import('ora');
  const spinner = ora({
    text: '',
    color: isColored ? 'cyan' : (false as never), // as its documentation says
    ...(glyphs.spinner && { spinner: glyphs.spinner }),
  });
  let board: Board | undefined;
  let current: Parameters<Progress['show']>[0] = () => '';
  return {
    get isVisible() {
      return board?.isVisible ?? true;
    },
    async show(line) {
      current = line;
      board ??= await open(
        (_, columns, shapes) => [current(columns - SPINNER_COLUMNS, shapes)],
        (text) => `${spinner.frame()} ${text}`,
      );
    },
    async stop() {
      await board?.stop();
      board = undefined;
    },
  };
}
