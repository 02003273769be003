import type { VideoJob } from '../../src/domain/video.ts';

/** A job of which its server told nothing but that it is queued. */
export function createVideoJob(changes: Partial<VideoJob> = {}): VideoJob {
  return {
    id: 'video_1',
    status: 'queued',
    serverStatus: 'queued',
    progress: null,
    model: null,
    prompt: null,
    seconds: null,
    size: null,
    createdAtMs: null,
    completedAtMs: null,
    expiresAtMs: null,
    remixedFrom: null,
    error: null,
    actualMicros: null,
    content: null,
    requestId: null,
    pollAfterMs: null,
    ...changes,
  };
}
