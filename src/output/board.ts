import type { Clock } from '../platform/clock.ts';
import type { OutputStream } from '../platform/host.ts';
import { cleanLine } from './clean-text.ts';

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

/** Draws what `lines` returns (given how many there is room for), again and again; only what has changed is written. */
export async function createBoard(
  stream: OutputStream & { readonly rows?: number },
  clock: Clock,
  lines: (room: number) => readonly string[],
): Promise<Board> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream as NodeJS.WriteStream); // a terminal’s stream, which has all that is asked of it
  const stopping = new AbortController();
  const draw = (): void => {
    const columns = (stream.columns || DEFAULT_COLUMNS) - 1;
    const room = (stream.rows || DEFAULT_ROWS) - 1;
    update(
      lines(room)
        .map((line) => cleanLine(line, columns))
        .join('\n'),
    );
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
      update.clear();
      stream.write(text);
      draw();
    },
    async stop() {
      stopping.abort();
      await moving;
      update.clear();
      update.done(); // shows the cursor again
    },
  };
}
