import Table from 'cli-table3';

/** A measurement and its goal. */
export interface Row {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  /** At most this, or at least, when `atLeast`. */
  readonly goal: number;
  readonly atLeast?: true;
}

function isReached({ measured, goal, atLeast }: Row): boolean {
  return atLeast ? measured >= goal : measured <= goal;
}

/** Prints the rows, with `--json` for programs; the process exits with 1 if a goal is missed. */
export function report(rows: readonly Row[]): void {
  if (rows.some((row) => !isReached(row))) process.exitCode = 1;
  if (process.argv.includes('--json')) {
    process.stdout.write(
      `${JSON.stringify(
        rows.map((row) => ({ ...row, reached: isReached(row) })),
        null,
        2,
      )}\n`,
    );
    return;
  }
  const table = new Table({ head: ['what', 'measured', 'goal', ''], style: { head: [], border: [] } });
  for (const row of rows) {
    const { what, measured, unit, goal, atLeast } = row;
    table.push([
      what,
      `${measured.toFixed(unit === 'ms' || unit === 'MB' ? 0 : 2)} ${unit}`,
      `${atLeast ? '≥' : '≤'} ${goal}`,
      isReached(row) ? 'ok' : 'over',
    ]);
  }
  process.stdout.write(`Node ${process.versions.node}\n${table.toString()}\n`);
}
