const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A number and its unit, as a letter or in words; `ms` comes before `m`. */
const PART = String.raw`(\d+(?:\.\d+)?)\s*(ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)\s*`;

/** Milliseconds of `90s`, `30m`, `5 min`, `1h30m`, `2d` or a bare number of seconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1_000;
  if (!new RegExp(`^(?:${PART})+$`).test(trimmed)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit = ''] of trimmed.matchAll(new RegExp(PART, 'g'))) {
    sumMs += Number(amount) * (UNIT_MS[unit === 'ms' ? unit : unit.charAt(0)] ?? 0);
  }
  return sumMs;
}

/** An elapsed time as `0:07`, `1:25` or `1:02:03`. */
export function formatElapsed(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}
