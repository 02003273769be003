import type { Clock } from '../platform/clock.ts';
import type { OutputStream } from '../platform/host.ts';
import { cleanText, columnsOf, cutLine } from './clean-text.ts';

/** Several moving lines on a terminal. */
export interface Board {
  /** Stops the movement and clears the lines. */
  stop(): Promise<void>;
  /** Writes text that stays, above the lines. */
  write(text: string): void;
  readonly isVisible: boolean;
}

export const SILENT_BOARD: Board = { stop: async () => {}, write: () => {}, isVisible: false };

const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Repeatedly draws what `lines` returns for the available room; only changes are written. */
export async function createBoard(
  stream: OutputStream & { readonly rows?: number },
  clock: Clock,
  lines: (room: number) => readonly string[],
): Promise<Board> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream as NodeJS.WriteStream); // a terminal’s stream has everything the library uses
  const stopping = new AbortController();
  let shown: readonly string[] = [];
  let shownColumns = 0;
  /** After a resize to fewer columns, the terminal has wrapped the lines into more than were drawn. */
  const eraseFolded = (columns: number): void => {
    if (columns >= shownColumns) return;
    const folded = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(columnsOf(line) / columns)), 0);
    stream.write(`\x1b[${folded}A\r\x1b[J`);
    update.done(); // forgets the drawn lines
  };
  const draw = (): void => {
    const columns = stream.columns || DEFAULT_COLUMNS;
    const room = (stream.rows || DEFAULT_ROWS) - 1;
    eraseFolded(columns);
    shownColumns = columns;
    shown = lines(room).map((line) => cutLine(cleanText(line), columns - 1));
    update(shown.join('\n'));
  };
  const clear = (): void => {
    eraseFolded(stream.columns || DEFAULT_COLUMNS);
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
    isVisible: true,
    write(text) {
      clear();
      stream.write(text);
      draw();
    },
    async stop() {
      stopping.abort();
      await moving;
      clear();
      update.done(); // shows the cursor again
    },
  };
}
