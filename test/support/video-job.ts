import { NO_JOB_FACTS, type VideoJob } from '../../src/domain/video.ts';

/** A queued job without further details. */
export function createVideoJob(changes: Partial<VideoJob> = {}): VideoJob {
  return { ...NO_JOB_FACTS, id: 'video_1', status: 'queued', serverStatus: 'queued', ...changes };
}
