import type { OutputStream } from '../platform/host.ts';
import { cleanLine } from './clean-text.ts';

/** One moving line on a terminal. */
export interface Progress {
  /** Shows what `line` returns, called for every frame, so that clocks in it run. */
  show(line: () => string): void;
  stop(): void;
  readonly isVisible: boolean;
}

export const SILENT_PROGRESS: Progress = { show: () => {}, stop: () => {}, isVisible: false };

const SPINNER_COLUMNS = 4;

export async function createProgress(stream: OutputStream): Promise<Progress> {
  const { default: ora } = await import('ora');
  let current = (): string => '';
  const spinner = ora({
    stream: stream as NodeJS.WritableStream, // a terminal's stream has everything ora uses
    text: '',
    // A function is called for every frame; a plain text would freeze between polls.
    suffixText: () => cleanLine(current(), (stream.columns || 80) - SPINNER_COLUMNS),
    discardStdin: false,
    hideCursor: true,
  });
  return {
    isVisible: true,
    show(line) {
      current = line;
      if (!spinner.isSpinning) spinner.start();
    },
    stop() {
      spinner.stop();
    },
  };
}
