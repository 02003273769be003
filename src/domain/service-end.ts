import { dayOf } from './day.ts';
import { isOpenAiUrl, OPENAI_RETIREMENT_MS } from './diagnosis.ts';
import { SoraError } from './errors.ts';
import { keyFacts } from './hints.ts';

/** The day OpenAI announced the shutdown. */
const OPENAI_ANNOUNCEMENT_MS = Date.UTC(2026, 2, 24);
/** Azure retired the two versions of sora-2 on different days. */
const AZURE_RETIREMENTS_MS = [Date.UTC(2026, 6, 15), Date.UTC(2026, 8, 15)];

export interface ServiceEnd {
  readonly isPast: boolean;
  readonly words: string;
}

/** The announced shutdown of a server, worded for the given day; null if none is known. */
export function serviceEnd(url: string, atMs: number): ServiceEnd | null {
  if (isOpenAiUrl(url)) {
    if (atMs < OPENAI_ANNOUNCEMENT_MS) return null;
    const isPast = atMs >= OPENAI_RETIREMENT_MS;
    const verb = isPast ? 'shut down' : 'will shut down';
    return {
      isPast,
      words: `OpenAI ${verb} its Videos API on ${dayOf(OPENAI_RETIREMENT_MS)} and announced no replacement`,
    };
  }
  if (!isAzureUrl(url)) return null;
  const days = AZURE_RETIREMENTS_MS.map((dayMs) => `${dayOf(dayMs)}${atMs >= dayMs ? ' (passed)' : ''}`);
  return {
    isPast: AZURE_RETIREMENTS_MS.every((dayMs) => atMs >= dayMs),
    words: `Azure’s retirement dates for sora-2 are ${days.join(' and ')}`,
  };
}

export function isAzureUrl(url: string): boolean {
  return /\.(openai|services\.ai|cognitiveservices)\.azure\.com$/.test(new URL(url).hostname);
}

/** The error for a server that requires a key when none is configured; says so if the service itself was shut down. */
export function missingKey(profile: string, baseUrl: string, atMs: number): SoraError {
  const end = serviceEnd(baseUrl, atMs);
  return new SoraError('no_api_key', { causedBy: end?.isPast ? end.words : null, facts: keyFacts(profile) });
}
