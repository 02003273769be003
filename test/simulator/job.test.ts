import { describe, expect, it } from 'vitest';
import { decodeSimulatedJob, describeJob, pollAfterMs } from '../../src/simulator/job.ts';
import { createSimulatedJob } from '../support/simulated-job.ts';

const CREATED_AT_MS = createSimulatedJob().createdAtMs;

describe('describeJob', () => {
  it.each([
    [-5_000, 'queued', 0],
    [0, 'queued', 0],
    [300, 'queued', 0],
    [400, 'in_progress', 3],
    [1_500, 'in_progress', 61],
    [2_223, 'in_progress', 99],
    [2_224, 'completed', 100],
    [9_000_000, 'completed', 100],
  ])('after %i ms is %s at %i %%', (elapsedMs, status, progress) => {
    expect(describeJob(createSimulatedJob(), CREATED_AT_MS + elapsedMs)).toMatchObject({ status, progress });
  });

  it('has every key of the Video object, with nulls until it is finished', () => {
    expect(describeJob(createSimulatedJob(), CREATED_AT_MS)).toEqual({
      id: 'video_1',
      object: 'video',
      model: 'sora-2',
      status: 'queued',
      progress: 0,
      created_at: 1_790_000_000,
      completed_at: null,
      expires_at: null,
      prompt: 'a kite',
      size: '720x1280',
      seconds: '4',
      remixed_from_video_id: null,
      error: null,
    });
  });

  it('keeps its files for an hour after its end', () => {
    const finished = { completed_at: 1_790_000_002, expires_at: 1_790_003_602 };
    expect(describeJob(createSimulatedJob(), CREATED_AT_MS + 3_000)).toMatchObject(finished);
    expect(describeJob(createSimulatedJob(), CREATED_AT_MS + 9_000_000)).toMatchObject(finished);
  });

  it.each(['0.5', '20', '120'])('renders %s seconds of video in 2 to 3 seconds', (seconds) => {
    const job = createSimulatedJob({ seconds });
    expect(describeJob(job, CREATED_AT_MS + 2_000).status).toBe('in_progress');
    expect(describeJob(job, CREATED_AT_MS + 3_000).status).toBe('completed');
  });

  it('is ten times as fast at speed 10', () => {
    const job = createSimulatedJob({ speed: 10 });
    expect(describeJob(job, CREATED_AT_MS + 222).status).toBe('in_progress');
    expect(describeJob(job, CREATED_AT_MS + 223).status).toBe('completed');
  });

  it.each(['moderation_blocked', 'processing_error'] as const)('fails under %s', (fault) => {
    const job = createSimulatedJob({ fault });
    expect(describeJob(job, CREATED_AT_MS + 2_223)).toMatchObject({ status: 'in_progress', error: null });
    expect(describeJob(job, CREATED_AT_MS + 2_224)).toMatchObject({
      status: 'failed',
      error: { code: fault, message: expect.stringMatching(/\.$/) },
      completed_at: null,
      expires_at: null,
    });
  });

  it('stays at 99% forever when stuck', () => {
    const aYearLater = CREATED_AT_MS + 365 * 86_400_000;
    expect(describeJob(createSimulatedJob({ fault: 'stuck' }), aYearLater)).toMatchObject({
      status: 'in_progress',
      progress: 99,
    });
  });

  it('takes ten times as long when slow', () => {
    const job = createSimulatedJob({ fault: 'slow' });
    expect(describeJob(job, CREATED_AT_MS + 22_239).status).toBe('in_progress');
    expect(describeJob(job, CREATED_AT_MS + 22_240).status).toBe('completed');
  });
});

it.each([
  [1, 250],
  [10, 25],
  [1000, 1],
])('at speed %i a client should poll after %i ms', (speed, ms) => {
  expect(pollAfterMs(createSimulatedJob({ speed }))).toBe(ms);
});

describe('decodeSimulatedJob', () => {
  it('reads what was written', () => {
    const job = createSimulatedJob({ fault: 'slow', idempotencyKey: 'key' });
    expect(decodeSimulatedJob(JSON.parse(JSON.stringify(job)))).toEqual(job);
  });

  it.each([
    ['a string', 'video_1'],
    ['no id', { ...createSimulatedJob(), id: undefined }],
    ['a time in words', { ...createSimulatedJob(), createdAtMs: 'now' }],
    ['a number of seconds', { ...createSimulatedJob(), seconds: 4 }],
    ['seconds in words', { ...createSimulatedJob(), seconds: 'four' }],
    ['no speed at all', { ...createSimulatedJob(), speed: 0 }],
    ['a size without pixels', { ...createSimulatedJob(), size: '720p' }],
  ])('refuses %s', (_, value) => {
    expect(decodeSimulatedJob(JSON.parse(JSON.stringify(value)))).toBeNull();
  });
});
