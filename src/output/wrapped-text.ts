import { columnsOf } from './clean-text.ts';

/**
 * Wraps a line to a number of terminal columns. Text in backticks is never split, so that it can be copied.
 */
export function wrapLine(line: string, columns: number): string[] {
  const words = line.match(/(?:`[^`]*`|\S)+/g) ?? [];
  const lines: string[] = [];
  let current = '';
  for (const word of words) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && columnsOf(longer) > columns) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current];
}
