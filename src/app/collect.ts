import { SoraError } from '../domain/errors.ts';
import { Interrupt } from '../platform/host.ts';

export interface Outcomes<T> {
  readonly values: readonly T[];
  readonly errors: readonly SoraError[];
}

/** Does the same for several things, in order; what fails does not keep the others from being done. */
export async function collect<I, T>(items: readonly I[], act: (item: I) => Promise<T>): Promise<Outcomes<T>> {
  const values: T[] = [];
  const errors: SoraError[] = [];
  for (const item of items) {
    try {
      values.push(await act(item));
    } catch (error) {
      if (error instanceof Interrupt || !(error instanceof SoraError)) throw error;
      errors.push(error);
    }
  }
  return { values, errors };
}
