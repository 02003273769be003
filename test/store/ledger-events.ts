import type { IntentEvent, JobFacts, LedgerEvent } from '../../src/domain/record.ts';

/** 2026-03-04T05:06:07Z */
export const AT_MS = Date.UTC(2026, 2, 4, 5, 6, 7);

export function intent(key: string, fields: Partial<IntentEvent> = {}): IntentEvent {
  return {
    event: 'intent',
    key,
    atMs: AT_MS,
    pid: 7,
    profile: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    fingerprint: `sha256:${key}`,
    request: {
      prompt: 'a “lighthouse”\nat dusk 🌊',
      model: 'sora-2',
      seconds: 4,
      size: '1280x720',
      quality: null,
      image: null,
      characters: ['char_1'],
      params: { style: { grain: [1, true, null] } },
    },
    estimatedMicros: 400_000,
    priceList: 'openai-2026-03-12',
    free: false,
    batch: null,
    ...fields,
  };
}

export function facts(id: string, fields: Partial<JobFacts> = {}): JobFacts {
  return {
    id,
    status: 'queued',
    serverStatus: 'queued',
    model: 'sora-2',
    seconds: 4,
    size: '1280x720',
    createdAtMs: AT_MS,
    completedAtMs: null,
    expiresAtMs: null,
    remixedFrom: null,
    error: null,
    actualMicros: null,
    requestId: 'req_1',
    ...fields,
  };
}

export function accepted(key: string, id: string, fields: Partial<JobFacts> = {}): LedgerEvent {
  return { event: 'accepted', key, atMs: AT_MS + 1000, job: facts(id, fields) };
}

export function seen(key: string, id: string, fields: Partial<JobFacts>, atMs = AT_MS + 60_000): LedgerEvent {
  return { event: 'seen', key, atMs, job: facts(id, fields) };
}
