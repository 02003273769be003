import { SoraError } from './errors.ts';

export interface Outcomes<T> {
  readonly values: readonly T[];
  readonly errors: readonly SoraError[];
}

/** How many jobs are looked at at a time. */
export const LOOKS_AT_ONCE = 16;

/** Runs some acts at a time; the others wait for their turn. */
export type Gate = <T>(act: () => Promise<T>) => Promise<T>;

export function createGate(width: number): Gate {
  const waiting: (() => void)[] = [];
  let free = width;
  return async (act) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Does the same for several things, in order; one failure does not stop the others. */
export async function forEach<I, T>(items: readonly I[], act: (item: I) => Promise<T>): Promise<Outcomes<T>> {
  const values: T[] = [];
  const errors: SoraError[] = [];
  for (const item of items) {
    try {
      values.push(await act(item));
    } catch (error) {
      if (!(error instanceof SoraError)) throw error;
      errors.push(error);
    }
  }
  return { values, errors };
}
