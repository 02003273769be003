/** `1 row`, `2 rows`; `plural` for other endings. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `a, b or c` */
export function inWords(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}

const LONGEST_ITEM = 1_000;

/** The first items of a list that may be very long, and how many more there are; very long items are cut. */
export function firstItems(items: readonly string[], most: number): string[] {
  const shown = items
    .slice(0, most)
    .map((item) => (item.length > LONGEST_ITEM ? `${item.slice(0, LONGEST_ITEM)}…` : item));
  const others = items.length - shown.length;
  return others === 0 ? shown : [...shown, `… and ${others.toLocaleString('en-US')} more`];
}
