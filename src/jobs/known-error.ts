import { SoraError, soraErrorOf } from '../domain/errors.ts';
import { Interrupt } from '../platform/host.ts';

/** What was thrown, as an error to report; `interrupted` for an interrupt. Throws anything else, which is a bug. */
export function knownError(thrown: unknown): SoraError {
  return thrown instanceof Interrupt ? new SoraError('interrupted', { cause: thrown }) : soraErrorOf(thrown);
}
