import { SoraError } from './errors.ts';
import { isModeration } from './moderation.ts';
import type { VideoJob } from './video.ts';

/** Why a finished job has no video; null if it completed. The request is left out if it is unknown. */
export function failureOf(
  job: Pick<VideoJob, 'id' | 'status' | 'serverStatus' | 'error' | 'requestId'>,
  request?: { readonly source?: unknown },
): SoraError | null {
  const { id, status, serverStatus, requestId } = job;
  if (status === 'completed') return null;
  // `sora create --from` repeats only what was made from a prompt.
  const details = { jobId: id, requestId, facts: { id: request?.source ? null : id } };
  if (status === 'expired') return new SoraError('content_expired', details);
  if (status === 'cancelled') return new SoraError('job_failed', { ...details, title: 'the job was cancelled' });
  const { code = null, message = '' } = job.error ?? {};
  // Some servers report moderation as a status of its own.
  const isModerated = isModeration({ status: 0, code, type: serverStatus, message });
  return new SoraError(isModerated ? 'moderation_blocked' : 'job_failed', {
    ...details,
    causedBy: job.error === null ? 'the server gave no reason' : [code, message].filter(Boolean).join(': '),
  });
}
