import Table from 'cli-table3';

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
  const table = new Table({ head: ['what', 'measured', 'goal', ''], style: { head: [], border: [] } });
  for (const row of rows) {
    const { what, measured, unit, goal, atLeast } = row;
    const amount = measured.toFixed(measured < 10 ? 2 : 0);
    table.push([what, `${amount} ${unit}`, `${atLeast ? '≥' : '≤'} ${goal}`, isReached(row) ? 'ok' : 'missed']);
  }
  process.stdout.write(`Node ${process.versions.node}\n${table.toString()}\n`);
}
