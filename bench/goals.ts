import { createSurface } from '../src/output/surface.ts';
import { renderTable } from '../src/output/table.ts';

/** A measurement and its goal. */
export interface Row {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  /** The maximum; the minimum if `atLeast`. */
  readonly goal: number;
  readonly atLeast?: true;
}

function isReached({ measured, goal, atLeast }: Row): boolean {
  return atLeast ? measured >= goal : measured <= goal;
}

/** Prints the rows, as JSON with `--json`. The process exits with 1 if a goal is missed. */
export function report(rows: readonly Row[]): void {
  if (rows.some((row) => !isReached(row))) process.exitCode = 1;
  if (process.argv.includes('--json')) {
    const results = rows.map((row) => ({ ...row, reached: isReached(row) }));
    process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    return;
  }
  const cells = rows.map((row) => {
    const { what, measured, unit, goal, atLeast } = row;
    const amount = measured.toFixed(measured < 10 ? 2 : 0);
    return [what, `${amount} ${unit}`, `${atLeast ? '≥' : '≤'} ${goal}`, isReached(row) ? 'ok' : 'missed'];
  });
  const table = { head: ['WHAT', 'MEASURED', 'GOAL', ''], rows: cells };
  const surface = createSurface(process.stdout, process.env, 'never');
  process.stdout.write(`Node ${process.versions.node}\n${renderTable(table, surface)}`);
}
