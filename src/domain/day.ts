/** A day, `YYYY-MM-DD` in UTC: that of prices, of caps and of what was spent. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/T.*/, '');
}

/** When a day begins, from `2026-11-20`; undefined for what is no day of the calendar. */
export function parseDayMs(text: string): number | undefined {
  const day = text.trim();
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const timeMs = Date.parse(day);
  // Some engines take the 30th of February for the 2nd of March.
  return Number.isNaN(timeMs) || dayOf(timeMs) !== day ? undefined : timeMs;
}
