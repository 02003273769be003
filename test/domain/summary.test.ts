import { describe, expect, it } from 'vitest';
import { applyEvent, type JobRecord, type LedgerEvent } from '../../src/domain/record.ts';
import { summarize } from '../../src/domain/summary.ts';
import { AT_MS, accepted, intent, seen } from '../store/ledger-events.ts';
import { createVideoJob } from '../support/video-job.ts';

const KEY = 'sub_1';

function fold(...events: readonly LedgerEvent[]): JobRecord | undefined {
  return events.reduce<JobRecord | undefined>(applyEvent, undefined);
}

describe('summarize', () => {
  it('prefers the server’s values, and falls back to the ledger’s', () => {
    const record = fold(intent(KEY), accepted(KEY, 'video_1'));
    const live = createVideoJob({ status: 'in_progress', serverStatus: 'PROCESSING', progress: 40, size: '720x1280' });
    expect(summarize('other', record, live)).toMatchObject({
      id: 'video_1',
      submission: KEY,
      profile: 'openai',
      status: 'in_progress',
      serverStatus: 'PROCESSING',
      progress: 40,
      size: '720x1280',
      model: 'sora-2',
      prompt: 'a “lighthouse”\nat dusk 🌊',
      seconds: 4,
      createdAtMs: AT_MS,
      estimatedMicros: 400_000,
    });
  });

  it('describes a job created elsewhere from the server alone', () => {
    const live = createVideoJob({ status: 'completed', prompt: 'a kite' });
    expect(summarize('lab', undefined, live)).toMatchObject({
      submission: null,
      profile: 'lab',
      status: 'completed',
      prompt: 'a kite',
      estimatedMicros: null,
      files: [],
    });
  });

  it('identifies a submission without a reply by its key', () => {
    expect(summarize('openai', fold(intent(KEY)), null)).toMatchObject({
      id: null,
      submission: KEY,
      status: 'unknown',
    });
  });

  it('reports why a submission was rejected', () => {
    const rejected: LedgerEvent = { event: 'rejected', key: KEY, atMs: AT_MS, code: 'invalid_request', message: 'no' };
    expect(summarize('openai', fold(intent(KEY), rejected), null)).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_request', message: 'no' },
    });
  });

  it('shows a completed job that only the ledger knows as 100% done', () => {
    const record = fold(intent(KEY), accepted(KEY, 'video_1'), seen(KEY, 'video_1', { status: 'completed' }));
    expect(summarize('openai', record, null)).toMatchObject({ status: 'completed', progress: 100 });
  });

  it('keeps a removed job cancelled even when the server still lists it', () => {
    const record = fold(intent(KEY), accepted(KEY, 'video_1'), { event: 'removed', key: KEY, atMs: AT_MS });
    expect(summarize('openai', record, createVideoJob({ status: 'in_progress' })).status).toBe('cancelled');
  });
});
