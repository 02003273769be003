import { SoraError } from './errors.ts';
import { keyFacts } from './profile-names.ts';
import { serviceEnd } from './service-end.ts';

/** The error for a server that requires a key when none is configured; says so if the service itself was shut down. */
export function missingKey(profile: string, baseUrl: string, atMs: number): SoraError {
  const end = serviceEnd(baseUrl, atMs);
  return new SoraError('no_api_key', { causedBy: end?.isPast ? end.words : null, facts: keyFacts(profile) });
}
