import { SoraError } from '../domain/errors.ts';
import { Interrupt } from '../platform/host.ts';

/** What was thrown, as an error to report; `interrupted` for an interrupt. Throws anything else, which is a bug. */
export function knownError(thrown: unknown): SoraError {
  if (thrown instanceof SoraError) return thrown;
  if (thrown instanceof Interrupt) return new SoraError('interrupted', { cause: thrown });
  throw thrown;
}
