import { cleanLine } from './clean-text.ts';
import type { Surface } from './surface.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The column that is cut when the terminal is narrow. */
  readonly flexible: number;
  /** Colours a cell on a terminal, after it was cleaned and measured. */
  readonly paint?: (cell: string, column: number) => string;
}

const GAP = 2;
const MIN_FLEXIBLE = 12;

/** A table for people on a terminal; tab-separated rows, without a head, for programs. */
export async function renderTable(table: Table, surface: Surface): Promise<string> {
  const rows = table.rows.map((row) => row.map((cell) => cleanLine(cell)));
  if (!surface.isTerminal) return rows.map((row) => `${row.join('\t')}\n`).join('');
  const { default: Table } = await import('cli-table3');
  const none = '';
  const rendered = new Table({
    head: table.head.map((title) => surface.palette.dim(title)),
    chars: {
      top: none,
      'top-mid': none,
      'top-left': none,
      'top-right': none,
      bottom: none,
      'bottom-mid': none,
      'bottom-left': none,
      'bottom-right': none,
      left: none,
      'left-mid': none,
      mid: none,
      'mid-mid': none,
      right: none,
      'right-mid': none,
      middle: ' '.repeat(GAP),
    },
    // The library colours its head by itself, in a pipe too, unless told not to.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  const { paint = (cell) => cell } = table;
  const fitted = fitRows(table, rows, surface.columns);
  rendered.push(...fitted.map((row) => row.map(paint)));
  return `${rendered.toString().replace(/[ ]+$/gm, '')}\n`;
}

/** Cuts the flexible column so that a row fits the terminal. */
function fitRows({ head, flexible }: Table, rows: readonly string[][], columns: number): string[][] {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => [...(row[at] ?? '')].length)));
  const others = widths.reduce((sum, width, at) => (at === flexible ? sum : sum + width + GAP), 0);
  const room = Math.max(MIN_FLEXIBLE, columns - others);
  return rows.map((row) => row.map((cell, at) => (at === flexible ? cleanLine(cell, room) : cell)));
}
