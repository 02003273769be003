import { expect, it } from 'vitest';
import { isServersFault } from '../../src/batch/row-failure.ts';
import { failureOf } from '../../src/domain/job-failure.ts';
import type { VideoJob } from '../../src/domain/video.ts';
import { createVideoJob } from '../support/video-job.ts';

it.each<[boolean, Partial<VideoJob>]>([
  [true, {}],
  [true, { error: { code: 'processing_error', message: 'internal error' } }],
  [true, { error: { code: null, message: 'Video generation failed.' } }],
  [true, { error: { code: 'failed', message: 'CUDA out of memory' } }],
  [true, { error: { code: '503', message: 'no free slot' } }],
  [true, { status: 'expired' }],
  [false, { serverStatus: 'rejected' }],
  [false, { serverStatus: 'blocked' }],
  [false, { error: { code: 'moderation_blocked', message: '' } }],
  [false, { error: { code: '1301', message: '内容可能包含不安全或敏感内容' } }],
  [false, { error: { code: null, message: 'the dog looks wrong' } }],
  [false, { error: { code: null, message: 'the server does not allow this: invalid size' } }],
])('isServersFault is %j for a job that ended as %j', (isWorthIt, changes) => {
  const job = createVideoJob({ status: 'failed', serverStatus: 'failed', ...changes });
  const failure = failureOf(job);
  expect(failure !== null && isServersFault(failure, job)).toBe(isWorthIt);
});
