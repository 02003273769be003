import { SoraError } from './errors.ts';
import { keyFacts } from './profile-names.ts';
import { serviceEnd } from './service-end.ts';

/** The error of a server that is certain to want a key, with none at hand; a service that has ended is worth no key. */
export function missingKey(profile: string, baseUrl: string, atMs: number): SoraError {
  const end = serviceEnd(baseUrl, atMs);
  return new SoraError('no_api_key', { causedBy: end?.hasCome ? end.words : null, facts: keyFacts(profile) });
}
