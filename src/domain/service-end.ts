import { dayOf } from './day.ts';
import { isOpenAiUrl, OPENAI_RETIREMENT_MS } from './diagnosis.ts';

/** The day on which OpenAI announced that end. */
const OPENAI_ANNOUNCEMENT_MS = Date.UTC(2026, 2, 24);
/** Two versions of sora-2, each with a day of its own. */
const AZURE_RETIREMENTS_MS = [Date.UTC(2026, 6, 15), Date.UTC(2026, 8, 15)];

export interface ServiceEnd {
  readonly hasCome: boolean;
  readonly words: string;
}

/** What a server's operator has announced of its end, as it reads on a day; null where nothing is known. */
export function serviceEnd(url: string, atMs: number): ServiceEnd | null {
  if (isOpenAiUrl(url)) {
    if (atMs < OPENAI_ANNOUNCEMENT_MS) return null;
    const hasCome = atMs >= OPENAI_RETIREMENT_MS;
    const verb = hasCome ? 'shut its Videos API down' : 'shuts its Videos API down';
    return { hasCome, words: `OpenAI ${verb} on ${dayOf(OPENAI_RETIREMENT_MS)} and named no replacement` };
  }
  if (!isAzureUrl(url)) return null;
  const days = AZURE_RETIREMENTS_MS.map((dayMs) => `${dayOf(dayMs)}${atMs >= dayMs ? ' (passed)' : ''}`);
  return {
    hasCome: AZURE_RETIREMENTS_MS.every((dayMs) => atMs >= dayMs),
    words: `Azure’s days for the end of sora-2 are ${days.join(' and ')}`,
  };
}

function isAzureUrl(url: string): boolean {
  return /\.(openai|services\.ai|cognitiveservices)\.azure\.com$/.test(new URL(url).hostname);
}
