import { type SoraError, soraErrorOf } from './errors.ts';

export interface Outcomes<T> {
  readonly values: readonly T[];
  readonly errors: readonly SoraError[];
}

/** How many jobs are checked in parallel. */
export const LOOKS_AT_ONCE = 16;

/** Calls a function for each item, one after the other; one failure does not stop the others. */
export async function forEach<I, T>(items: readonly I[], act: (item: I) => Promise<T>): Promise<Outcomes<T>> {
  const values: T[] = [];
  const errors: SoraError[] = [];
  for (const item of items) {
    try {
      values.push(await act(item));
    } catch (error) {
      errors.push(soraErrorOf(error));
    }
  }
  return { values, errors };
}
