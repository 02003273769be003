/** The UTC day of a time, `YYYY-MM-DD`, as used by prices, caps and spending. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/T.*/, '');
}

/** A time in ISO 8601; null if it is unknown. */
export function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** Start of a day such as `2026-11-20` in UTC; undefined if it is not a calendar day. */
export function parseDayMs(text: string): number | undefined {
  const day = text.trim();
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const timeMs = Date.parse(day);
  // Date.parse may turn 30 February into 2 March.
  return Number.isNaN(timeMs) || dayOf(timeMs) !== day ? undefined : timeMs;
}
