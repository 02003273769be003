/** The entry of a table, or a RangeError where the table has none: a bug in this folder, never bad input. */
export function entryAt<T>(table: ArrayLike<T>, index: number): T {
  const entry = table[index];
  if (entry === undefined) throw new RangeError(`no table entry at index ${index}`);
  return entry;
}
