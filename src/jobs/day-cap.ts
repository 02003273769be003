import { dayOf } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { formatUsd } from '../domain/money.ts';
import type { Ledger } from '../store/ledger.ts';

export interface DayCap {
  /** Any time of the day (UTC). */
  readonly atMs: number;
  /** Whose spending counts; null: everybody's. */
  readonly profile: string | null;
  readonly capMicros: number;
  /** Counts what stands in the ledger before this record; all of the day when left out. */
  readonly before?: string;
}

/** The `cost_cap_exceeded` of what would bring its day over the cap, or has no known price; null when it is within. */
export function overDayCap(
  ledger: Ledger,
  micros: number | null,
  { atMs, profile, capMicros, before }: DayCap,
): SoraError | null {
  const day = dayOf(atMs);
  const sumMicros = ledger.spentOnDay(day, { before: before ?? null, profile }) + (micros ?? 0);
  if (micros !== null && sumMicros <= capMicros) return null;
  const setting = profile === null ? 'max_cost_per_day' : `profiles.${profile}.max_cost_per_day`;
  return new SoraError('cost_cap_exceeded', {
    title:
      micros === null
        ? 'the price is unknown, so the daily cap cannot be enforced'
        : `this would bring the day (${day}, UTC) to ${formatUsd(sumMicros)}, over its cap of ${formatUsd(capMicros)}`,
    hints: [
      `run \`sora config set ${setting} AMOUNT\` to raise the cap`,
      'run `sora config list` to see the caps that are set',
    ],
  });
}
