import { dayOf } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { formatUsd } from '../domain/money.ts';
import type { Ledger } from '../store/ledger.ts';

export interface DaySpending {
  /** Any moment of the day, which is one of UTC. */
  readonly atMs: number;
  /** Whose spending counts; null: everybody's. */
  readonly profile: string | null;
  /** Counts what stands in the ledger before this record; all of the day when left out. */
  readonly before?: string;
}

/** What the day's submissions count as spent, in micro-dollars. */
export function spentOn(ledger: Ledger, { atMs, profile, before }: DaySpending): number {
  return ledger.spentOnDay(dayOf(atMs), { before: before ?? null, profile });
}

export interface DayCap extends Omit<DaySpending, 'before'> {
  readonly capMicros: number;
  readonly daySpentMicros: number;
}

/** The `cost_cap_exceeded` of what would bring its day over the cap, or has no known price; null when it is within. */
export function overDayCap(
  micros: number | null,
  { atMs, profile, capMicros, daySpentMicros }: DayCap,
): SoraError | null {
  const sumMicros = daySpentMicros + (micros ?? 0);
  if (micros !== null && sumMicros <= capMicros) return null;
  const setting = profile === null ? 'max_cost_per_day' : `profiles.${profile}.max_cost_per_day`;
  return new SoraError('cost_cap_exceeded', {
    title:
      micros === null
        ? 'the price is not known, so the cap for the day cannot be kept'
        : `this would bring the day (${dayOf(atMs)}, UTC) to ${formatUsd(sumMicros)}, over its cap of ${formatUsd(capMicros)}`,
    hints: [
      `run \`sora config set ${setting} AMOUNT\` to raise the cap`,
      'run `sora config list` to see the caps that are set',
    ],
  });
}
