/** What a call returns; undefined if it throws, where that makes no difference. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
