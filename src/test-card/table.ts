/** The entry of a table. A missing one is a bug in this folder, never bad input: it throws a RangeError. */
export function entryAt<T>(table: ArrayLike<T>, index: number): T {
  const entry = table[index];
  if (entry === undefined) throw new RangeError(`no table entry at index ${index}`);
  return entry;
}
