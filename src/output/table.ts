import { cleanLine, columnsOf, cutLine, cutMiddle } from './clean-text.ts';
import type { Palette, Surface } from './surface.ts';

/** Its columns are named by their heads. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The column that is cut when the terminal is narrow; without it nothing is. */
  readonly flexible?: string | undefined;
  /** Columns of the terminal that it should have: optional columns are left out for them. */
  readonly least?: number;
  /** Whether its cell in this row keeps both ends when it is cut. */
  readonly losesMiddle?: (row: number) => boolean;
  /** Columns that are left out first, one after the other, when they would leave little of the flexible one. */
  readonly roomy?: readonly string[];
  /** Columns that are left out next, when cutting is not enough. */
  readonly optional?: readonly string[];
  /** Colours a cell on a terminal, after it was cleaned and measured. */
  readonly paint?: (cell: string, column: string) => string;
}

/** Columns of a terminal between two of a table. */
export const GAP = 2;
const MIN_FLEXIBLE = 10;
const ROOMY_FLEXIBLE = 24;

const LINES =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid';
const NO_LINES = Object.fromEntries(LINES.split(' ').map((name) => [name, '']));

/** A table for people on a terminal; tab-separated rows, without a head, for programs. */
export async function renderTable(table: Table, surface: Surface): Promise<string> {
  const rows = table.rows.map((row) => row.map((cell) => cleanLine(cell)));
  if (!surface.isTerminal) return rows.map((row) => `${row.join('\t')}\n`).join('');
  const { default: Table } = await import('cli-table3');
  const shown = fitColumns(table, rows, surface.columns);
  const rendered = new Table({
    head: shown.map(({ name }) => surface.palette.dim(name)),
    chars: { ...NO_LINES, middle: ' '.repeat(GAP) },
    // By default the library colours its head, even in a pipe.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  const { paint = (cell) => cell, losesMiddle } = table;
  const cellOf = (row: readonly string[], at: number, { name, index, width }: ShownColumn): string => {
    const cut = name === table.flexible && losesMiddle?.(at) ? cutMiddle : cutLine;
    return paint(cut(row[index] ?? '', width), name);
  };
  for (const [at, row] of rows.entries()) rendered.push(shown.map((column) => cellOf(row, at, column)));
  return `${rendered.toString().replace(/[ ]+$/gm, '')}\n`;
}

/** Empty or null where it is not known. */
export type Fact = readonly [name: string, value: string | null];

/** A line for each fact that is known. */
export function renderFacts(facts: readonly Fact[], { dim }: Palette): string {
  return facts.flatMap(([name, value]) => (value ? [`${dim(name.padEnd(8))} ${value}\n`] : [])).join('');
}

interface ShownColumn {
  readonly name: string;
  readonly index: number;
  readonly width: number;
}

/** The largest of some widths, and at least `least`. `Math.max(...widths)` overflows the stack with very many of them. */
export function maxOf<T>(items: readonly T[], widthOf: (item: T, at: number) => number, least = 0): number {
  return items.reduce((widest, item, at) => Math.max(widest, widthOf(item, at)), least);
}

/** The columns that fit the terminal, and how wide they may be. */
function fitColumns(table: Table, rows: readonly string[][], columns: number): ShownColumn[] {
  const { head, flexible, least = MIN_FLEXIBLE, roomy = [], optional = [] } = table;
  let shown = head.map((name, index) => {
    const width = maxOf(rows, (row) => columnsOf(row[index] ?? ''), name.length);
    return { name, index, width };
  });
  const wanted = shown.find(({ name }) => name === flexible);
  if (wanted === undefined) return shown;
  const roomLeft = (): number =>
    shown.reduce((room, column) => (column === wanted ? room : room - column.width - GAP), columns);
  const dropUntil = (room: number, names: readonly string[]): void => {
    for (const dropped of names) {
      if (roomLeft() >= room) break;
      shown = shown.filter(({ name }) => name !== dropped);
    }
  };
  dropUntil(Math.min(ROOMY_FLEXIBLE, wanted.width), roomy);
  dropUntil(least, optional);
  const room = Math.max(MIN_FLEXIBLE, roomLeft());
  return shown.map((column) => (column === wanted ? { ...column, width: room } : column));
}
