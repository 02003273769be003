import { type JobRecord, spentMicros } from '../domain/record.ts';
import type { Tally } from './ledger.ts';

/** What a submission costs. */
export function costOf(record: JobRecord): Tally {
  const micros = spentMicros(record);
  return micros === null ? { micros: 0, unpriced: 1 } : { micros, unpriced: 0 };
}

export function plus(a: Tally, b: Tally): Tally {
  return { micros: a.micros + b.micros, unpriced: a.unpriced + b.unpriced };
}

export function minus(a: Tally, b: Tally): Tally {
  return { micros: a.micros - b.micros, unpriced: a.unpriced - b.unpriced };
}
