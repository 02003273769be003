/** Rows in an order in which each comes after the one that it starts from. */
export interface RowOrdering<T> {
  readonly ordered: readonly T[];
  /** Rows that start from each other, which have no order; they are left out. */
  readonly circles: readonly (readonly T[])[];
}

/** Orders rows so that sources come first; otherwise they keep their order. */
export function sourcesFirst<T>(rows: readonly T[], sourceOf: (row: T) => T | undefined): RowOrdering<T> {
  const ordered = new Set<T>();
  const circles: T[][] = [];
  const inCircle = new Set<T>();
  for (const row of rows) {
    if (sourceOf(row) === undefined) {
      ordered.add(row);
      continue;
    }
    const path = new Set<T>();
    let at: T | undefined = row;
    while (at !== undefined && !ordered.has(at) && !inCircle.has(at) && !path.has(at)) {
      path.add(at);
      at = sourceOf(at);
    }
    const upwards = [...path].reverse();
    if (at !== undefined && path.has(at)) {
      const circle = upwards.splice(0, upwards.indexOf(at) + 1);
      for (const member of circle) inCircle.add(member);
      circles.push(circle.reverse());
    }
    for (const each of upwards) ordered.add(each);
  }
  return { ordered: [...ordered], circles };
}
