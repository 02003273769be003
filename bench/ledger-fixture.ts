import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JobFacts, LedgerEvent } from '../src/domain/record.ts';

const CHUNK_LENGTH = 1 << 20;
const START_MS = Date.UTC(2026, 0, 1);
const JOB_EVERY_MS = 90_000;
const SCENE =
  'Wide tracking shot of a teal coupe driving through a desert highway, heat ripples visible, hard sun overhead, ' +
  'dust behind the wheels, distant mountains in haze, slow pan to the right';

export function fixtureKey(job: number): string {
  return `job-${job.toString(16).padStart(16, '0')}`;
}

export function fixtureId(job: number): string {
  return `video_${job.toString(16).padStart(32, '0')}`;
}

/** Writes a ledger of jobs of one server that were all finished and saved, one every 90 seconds. */
export function writeLedgerFixture(journalPath: string, jobs: number, baseUrl: string): void {
  mkdirSync(dirname(journalPath), { recursive: true, mode: 0o700 });
  const descriptor = openSync(journalPath, 'w', 0o600);
  try {
    let chunk = '';
    for (let job = 0; job < jobs; job++) {
      for (const event of eventsOf(job, baseUrl)) chunk += `${JSON.stringify(event)}\n`;
      if (chunk.length < CHUNK_LENGTH && job < jobs - 1) continue;
      writeSync(descriptor, chunk);
      chunk = '';
    }
  } finally {
    closeSync(descriptor);
  }
}

function eventsOf(job: number, baseUrl: string): LedgerEvent[] {
  const key = fixtureKey(job);
  const atMs = START_MS + job * JOB_EVERY_MS;
  const completedAtMs = atMs + 61_000 + (job % 40) * 1000;
  const queued = queuedJob(job, atMs);
  return [
    {
      event: 'intent',
      key,
      atMs,
      pid: 4711,
      profile: 'custom',
      baseUrl,
      fingerprint: `sha256:${job.toString(16).padStart(64, '0')}`,
      request: {
        prompt: `${SCENE}, take ${job}`,
        model: 'sora-2',
        seconds: 4,
        size: '1280x720',
        quality: null,
        image: null,
        characters: [],
        params: {},
      },
      estimatedMicros: 400_000,
      priceList: 'openai-2026-03-12',
      free: false,
      batch: null,
      row: null,
    },
    { event: 'accepted', key, atMs: atMs + 800, job: queued },
    {
      event: 'seen',
      key,
      atMs: completedAtMs + 900,
      job: {
        ...queued,
        status: 'completed',
        serverStatus: 'completed',
        completedAtMs,
        expiresAtMs: completedAtMs + 3_600_000,
      },
    },
    {
      event: 'saved',
      key,
      atMs: completedAtMs + 2500,
      file: {
        variant: 'video',
        path: `/home/someone/videos/wide-tracking-shot-of-a-teal-coupe-${job}.mp4`,
        bytes: 2_400_000 + job,
        sha256: (job * 7919).toString(16).padStart(64, '0'),
      },
    },
  ];
}

function queuedJob(job: number, atMs: number): JobFacts {
  return {
    id: fixtureId(job),
    status: 'queued',
    serverStatus: 'queued',
    model: 'sora-2',
    seconds: 4,
    size: '1280x720',
    createdAtMs: atMs + 500,
    completedAtMs: null,
    expiresAtMs: null,
    remixedFrom: null,
    error: null,
    actualMicros: null,
    requestId: `req_${job.toString(16).padStart(32, '0')}`,
  };
}
