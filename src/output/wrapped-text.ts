import { columnsOf } from './clean-text.ts';

/**
 * A line as lines of so many terminal columns. What stands between backticks is not torn, however long it is: it is there
 * to be copied.
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
