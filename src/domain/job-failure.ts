import { diagnose } from './diagnosis.ts';
import { SoraError } from './errors.ts';
import type { VideoJob } from './video.ts';

/** Why a finished job has no video; null if it completed. */
export function failureOf(
  job: Pick<VideoJob, 'id' | 'status' | 'serverStatus' | 'error' | 'requestId'>,
  atMs: number,
): SoraError | null {
  if (job.status === 'completed') return null;
  const details = { jobId: job.id, requestId: job.requestId, facts: { id: job.id } };
  if (job.status === 'expired') return new SoraError('content_expired', details);
  if (job.status === 'cancelled') return new SoraError('job_failed', { ...details, title: 'the job was cancelled' });
  const { code = null, message = '' } = job.error ?? {};
  const cause = diagnose({
    status: 0,
    code,
    type: job.serverStatus, // some servers report moderation as a status of its own
    param: null,
    message,
    isOpenAi: false,
    atMs,
    hasKey: true,
    isAboutVideo: true,
  });
  return new SoraError(cause === 'moderation_blocked' ? cause : 'job_failed', {
    ...details,
    causedBy: job.error === null ? 'the server gave no reason' : [code, message].filter(Boolean).join(': '),
  });
}
