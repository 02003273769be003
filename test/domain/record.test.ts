import { describe, expect, it } from 'vitest';
import {
  ABANDONED,
  applyEvent,
  factsOf,
  isOpen,
  type JobRecord,
  type LedgerEvent,
  spentMicros,
  statusOf,
} from '../../src/domain/record.ts';
import { AT_MS, accepted, facts, intent, seen } from '../store/ledger-events.ts';
import { createVideoJob } from '../support/video-job.ts';

const KEY = 'sub_1';
const rejected: LedgerEvent = { event: 'rejected', key: KEY, atMs: AT_MS + 5, code: 'invalid_request', message: 'no' };
const unknown: LedgerEvent = {
  event: 'unknown',
  key: KEY,
  atMs: AT_MS + 5,
  code: 'connection_failed',
  message: 'socket hang up',
};
const abandoned: LedgerEvent = { event: 'rejected', key: KEY, atMs: AT_MS + 6, code: ABANDONED, message: 'given up' };
const removed: LedgerEvent = { event: 'removed', key: KEY, atMs: AT_MS + 9 };
const taken = accepted(KEY, 'video_1');
const completed = seen(KEY, 'video_1', { status: 'completed', serverStatus: 'completed', actualMicros: 420_000 });
const failed = seen(KEY, 'video_1', { status: 'failed', serverStatus: 'failed' });

function saved(path: string, bytes: number): LedgerEvent {
  return { event: 'saved', key: KEY, atMs: AT_MS + 8, file: { variant: 'video', path, bytes, sha256: 'abc' } };
}

function fold(...events: readonly LedgerEvent[]): JobRecord {
  const record = events.reduce<JobRecord | undefined>(applyEvent, undefined);
  if (record === undefined) throw new Error('nothing to fold into');
  return record;
}

describe('a record', () => {
  it.each([
    ['sent', [], 'unknown', true, 400_000],
    ['accepted', [taken], 'queued', true, 400_000],
    ['rejected', [rejected], 'failed', false, 0],
    ['in doubt', [unknown], 'unknown', true, 400_000],
    ['given up', [unknown, abandoned], 'failed', false, 400_000],
    ['given up, then found', [unknown, abandoned, taken], 'queued', true, 400_000],
    ['found while another process gave it up', [unknown, taken, abandoned], 'queued', true, 400_000],
    ['in doubt, then found', [unknown, taken], 'queued', true, 400_000],
    ['completed', [taken, completed], 'completed', false, 420_000],
    ['failed', [taken, failed], 'failed', false, 400_000],
    ['removed while it ran', [taken, removed], 'cancelled', false, 400_000],
    ['removed when it was done', [taken, completed, removed], 'completed', false, 420_000],
  ] as const)('that was %s has the right status, openness and cost', (_, events, status, open, micros) => {
    const record = fold(intent(KEY), ...events);
    expect([statusOf(record), isOpen(record), spentMicros(record)]).toEqual([status, open, micros]);
  });

  it('starts with its intent, and only once', () => {
    expect(applyEvent(undefined, taken)).toBeUndefined();
    const record = fold(intent(KEY), taken, intent(KEY, { atMs: AT_MS + 99 }));
    expect(record).toMatchObject({ submittedAtMs: AT_MS, answer: 'accepted' });
  });

  it('records the reply and its time', () => {
    expect(fold(intent(KEY))).toMatchObject({ answer: 'pending', answeredAtMs: null, refusal: null, job: null });
    expect(fold(intent(KEY), taken)).toMatchObject({
      answer: 'accepted',
      answeredAtMs: AT_MS + 1000,
      job: facts('video_1'),
    });
    expect(fold(intent(KEY), rejected)).toMatchObject({ refusal: { code: 'invalid_request', message: 'no' } });
    expect(fold(intent(KEY), unknown)).toMatchObject({
      refusal: { code: 'connection_failed', message: 'socket hang up' },
    });
  });

  it('is not in doubt again after a reply', () => {
    expect(fold(intent(KEY), taken, unknown)).toEqual(fold(intent(KEY), taken));
    expect(fold(intent(KEY), unknown, taken)).toMatchObject({ answer: 'accepted', refusal: null });
  });

  it('costs nothing for the simulator, and an unknown amount without a price', () => {
    expect(spentMicros(fold(intent(KEY, { free: true }), taken, completed))).toBe(0);
    expect(spentMicros(fold(intent(KEY, { estimatedMicros: null }), taken))).toBeNull();
  });

  it('lists each saved file once, as last saved', () => {
    const { files } = fold(intent(KEY), taken, saved('/a.mp4', 1), saved('/b.mp4', 2), saved('/a.mp4', 3));
    expect(files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['/b.mp4', 2],
      ['/a.mp4', 3],
    ]);
  });
});

it('factsOf keeps the lasting facts of a job, not its URL or progress', () => {
  const job = createVideoJob({
    progress: 50,
    content: { kind: 'url', url: 'https://cdn.example/?sig=x' },
    pollAfterMs: 5,
  });
  const kept = factsOf(job);
  expect(job).toMatchObject(kept);
  expect(Object.keys(kept)).toEqual(Object.keys(facts('video_1')));
});
