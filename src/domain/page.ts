export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/**
 * What follows the item whose id is `after`, or the beginning for null. Items that are not wanted are left out, but may be the
 * cursor. Undefined if there is no such item.
 */
export function pageAfter<T extends { readonly id: string }>(
  all: readonly T[],
  { after, limit }: { readonly after: string | null; readonly limit: number },
  isWanted: (item: T) => boolean = () => true,
): Page<T> | undefined {
  const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) return undefined;
  const rest = all.slice(start).filter(isWanted);
  return { items: rest.slice(0, limit), hasMore: rest.length > limit };
}
