import type { Clock } from '../platform/clock.ts';
import type { Host, OutputStream } from '../platform/host.ts';
import { cleanText, columnsOf, cutLine } from './clean-text.ts';
import type { Glyphs } from './glyphs.ts';

/** Several moving lines on a terminal. */
export interface Board {
  /** Stops the animation and clears the lines. */
  stop(): Promise<void>;
  /** Writes permanent text above the lines. */
  write(text: string): void;
  /** False also while the process is in the background of its terminal, where nothing moves. */
  readonly isVisible: boolean;
}

/** Where and how lines are animated. */
export interface Animation {
  readonly stream: OutputStream;
  readonly isColored: boolean;
  readonly glyphs: Glyphs;
  readonly isInForeground: Host['isInForeground'];
}

/** The lines to draw in the available lines and columns. */
export type BoardLines = (room: number, columns: number, glyphs: Glyphs) => readonly string[];

export const SILENT_BOARD: Board = { stop: async () => {}, write: () => {}, isVisible: false };

const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Repeatedly draws what `lines` returns for the available room; only changes are written. */
export async function createBoard(
  { stream, glyphs, isInForeground }: Animation,
  clock: Clock,
  lines: BoardLines,
  decorate: (line: string) => string = (line) => line,
): Promise<Board> {
  const { createLogUpdate } = await import('log-update');
  // The cursor stays, so that nothing has to be restored after Ctrl-Z or a kill.
  const update = createLogUpdate(sized(stream), { showCursor: true });
  const stopping = new AbortController();
  let shown: readonly string[] = [];
  let shownColumns = 0;
  let isForeground = true;
  /** After a resize to fewer columns, the terminal has wrapped the lines into more than were drawn. */
  const eraseFolded = (columns: number): void => {
    if (columns >= shownColumns) return;
    const folded = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(columnsOf(line) / columns)), 0);
    stream.write(`\x1b[${folded}A\r\x1b[J`);
    update.done(); // forgets the drawn lines
  };
  /** Looks whether the lines may be drawn, and where: below what the shell has written meanwhile. */
  const mayDraw = (): boolean => {
    const wasAway = !isForeground;
    isForeground = isInForeground();
    if (wasAway) {
      update.done();
      shownColumns = 0;
    }
    return isForeground;
  };
  const draw = (): void => {
    if (!mayDraw()) return;
    const { columns, rows } = sizeOf(stream);
    eraseFolded(columns);
    shownColumns = columns;
    shown = lines(rows - 1, columns - 1, glyphs).map((line) => cutLine(cleanText(line), columns - 1));
    update(shown.map(decorate).join('\n'));
  };
  const clear = (): void => {
    if (!mayDraw()) return;
    eraseFolded(sizeOf(stream).columns);
    update.clear();
    shownColumns = 0;
  };
  const move = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      draw();
      await clock.sleep(FRAME_MS, stopping.signal).catch(() => {});
    }
  };
  const moving = move();
  return {
    get isVisible() {
      return isForeground;
    },
    write(text) {
      clear();
      stream.write(text);
      draw();
    },
    async stop() {
      stopping.abort();
      await moving;
      clear();
    },
  };
}

/** A terminal that does not know its size reports 0. */
function sizeOf({ columns, rows }: OutputStream & { readonly rows?: number }): { columns: number; rows: number } {
  return { columns: columns || DEFAULT_COLUMNS, rows: rows || DEFAULT_ROWS };
}

/** The stream with a usable size. */
function sized(stream: OutputStream): NodeJS.WriteStream {
  return {
    isTTY: stream.isTTY,
    write: (text: string) => stream.write(text),
    get columns() {
      return sizeOf(stream).columns;
    },
    get rows() {
      return sizeOf(stream).rows;
    },
  } as NodeJS.WriteStream;
}
