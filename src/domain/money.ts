import { countOf } from './wording.ts';

/** Money is counted in whole micro-dollars, so sums are exact. */
export const MICROS_PER_USD = 1_000_000;

/** Micro-dollars of an amount such as `2`, `0.5` or `$1.25`; undefined for anything else. */
export function parseUsd(text: string): number | undefined {
  const match = /^\$?(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (!match) return undefined;
  return Number(match[1]) * MICROS_PER_USD + Number((match[2] ?? '').padEnd(6, '0'));
}

export function usdOf(micros: number): number;
export function usdOf(micros: number | null): number | null;
export function usdOf(micros: number | null): number | null {
  return micros === null ? null : micros / MICROS_PER_USD;
}

/** `$0.40`, `$12.00`, with more digits if an amount needs them: `$0.0025`. */
export function formatUsd(micros: number | null): string {
  return micros === null ? 'unknown' : `$${plainUsd(micros)}`;
}

/** The same without the dollar sign: `0.40`. */
export function plainUsd(micros: number | null): string {
  if (micros === null) return 'unknown';
  const [whole, fraction = ''] = (micros / MICROS_PER_USD).toFixed(6).split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`;
}

/** A sum of prices, of which some may be unknown. */
export interface Tally {
  /** Micro-dollars of those that are known. */
  readonly micros: number;
  /** How many are unknown. */
  readonly unpriced: number;
}

export const NOTHING_SPENT: Tally = { micros: 0, unpriced: 0 };

/** One price or several equal ones; null if unknown. */
export function tallyOf(micros: number | null, count = 1): Tally {
  return micros === null ? { micros: 0, unpriced: count } : { micros: micros * count, unpriced: 0 };
}

export function plus(a: Tally, b: Tally): Tally {
  return { micros: a.micros + b.micros, unpriced: a.unpriced + b.unpriced };
}

export function minus(a: Tally, b: Tally): Tally {
  return { micros: a.micros - b.micros, unpriced: a.unpriced - b.unpriced };
}

export function sumOf(prices: readonly (number | null)[]): Tally {
  return prices.reduce<Tally>((sum, price) => plus(sum, tallyOf(price)), NOTHING_SPENT);
}

/** The whole sum in micro-dollars; null if part of it is unknown. */
export function wholeOf({ micros, unpriced }: Tally): number | null {
  return unpriced > 0 ? null : micros;
}

/** A sum, with what is missing in it: `$12.00, and 3 videos of unknown price`. */
export function describePrice({ micros, unpriced }: Tally): string {
  if (unpriced === 0) return formatUsd(micros);
  const unknown = `${countOf(unpriced, 'video')} of unknown price`;
  return micros === 0 ? unknown : `${formatUsd(micros)}, and ${unknown}`;
}
