/**
 * Orders rows so that each comes after the one that it starts from; otherwise they keep their order. Rows that start from
 * each other have no order and are returned as circles.
 */
export function sourcesFirst<T>(rows: readonly T[], sourceOf: (row: T) => T | undefined) {
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
