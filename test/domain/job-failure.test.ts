import { expect, it } from 'vitest';
import { failureOf } from '../../src/domain/job-failure.ts';
import type { VideoJob } from '../../src/domain/video.ts';
import { createVideoJob } from '../support/video-job.ts';

const MODERATION = 'Your request was blocked by our moderation system.';

it.each<[string, Partial<VideoJob>, string | undefined, string | null | undefined]>([
  ['completed', { status: 'completed' }, undefined, undefined],
  ['expired', { status: 'expired' }, 'content_expired', null],
  ['cancelled', { status: 'cancelled' }, 'job_failed', null],
  ['failed without a reason', { status: 'failed' }, 'job_failed', 'the server gave no reason'],
  [
    'failed',
    { status: 'failed', error: { code: 'processing_error', message: 'internal error' } },
    'job_failed',
    'processing_error: internal error',
  ],
  [
    'refused by code',
    { status: 'failed', error: { code: 'moderation_blocked', message: 'no' } },
    'moderation_blocked',
    'moderation_blocked: no',
  ],
  [
    'refused by its status',
    { status: 'failed', serverStatus: 'Content Moderated' },
    'moderation_blocked',
    'the server gave no reason',
  ],
  [
    'refused by text',
    { status: 'failed', error: { code: null, message: MODERATION } },
    'moderation_blocked',
    MODERATION,
  ],
])('failureOf a job that is %s', (_, changes, code, causedBy) => {
  const failure = failureOf(createVideoJob(changes));
  expect(failure?.code).toBe(code);
  expect(failure?.causedBy).toBe(causedBy);
});
