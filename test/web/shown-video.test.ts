import { describe, expect, it } from 'vitest';
import { type ApiVideo, mergeVideos } from '../../web/shown-video.ts';

type Job = Parameters<typeof mergeVideos>[0][number];

const job: Job = {
  id: 'job_1',
  status: 'pending',
  prompt: 'a paper boat',
  duration: 8,
  resolution: '720p',
  aspectRatio: '16:9',
  model: 'sora-2',
  seconds: 8,
  size: '1280x720',
  imageSha256: null,
  lastFrame: null,
  references: [],
  characters: [],
  source: null,
  progress: 0,
  videoId: null,
  videoUrl: null,
  thumbnailUrl: null,
  error: null,
  notes: [],
  estimatedUsd: null,
  createdAt: '2026-11-25T10:00:00.900Z',
  updatedAt: '2026-11-25T10:00:00.900Z',
};
const video: ApiVideo = {
  id: 'video_1',
  status: 'in_progress',
  prompt: 'a paper boat',
  progress: 40,
  model: 'sora-2',
  seconds: '8',
  size: '1280x720',
  created_at: Date.parse('2026-11-25T10:00:00Z') / 1000,
  expires_at: null,
  error: null,
};
const idsOf = (ordered: readonly Job[], made: readonly ApiVideo[]): string[] =>
  mergeVideos(ordered, made).map(({ id }) => id);

describe('the list on the page', () => {
  it('shows a video of the service once, even before the service knows its id', () => {
    expect(idsOf([{ ...job, videoId: 'video_1', status: 'processing' }], [video])).toEqual(['job_1']);
    expect(idsOf([job], [video])).toEqual(['job_1']);
  });

  it('adds videos of others: another prompt, an earlier time, or a job that will never have an id', () => {
    const others = [
      { ...video, id: 'video_2', prompt: 'a kite' },
      { ...video, id: 'video_3', created_at: video.created_at - 1 },
    ];
    expect(idsOf([job], others)).toEqual(['job_1', 'video_2', 'video_3']);
    expect(idsOf([{ ...job, status: 'failed' }], [video])).toEqual(['job_1', 'video_1']);
  });
});
