import { failureOf } from './job-failure.ts';
import { ABANDONED, type JobRecord, spentMicros, statusOf } from './record.ts';
import { isTerminal } from './video.ts';

/** Why the charge of a job is unknown. */
export const DOUBTS = ['failed', 'moderation_blocked', 'cancelled', 'expired', 'outcome_unknown', 'no_price'] as const;
export type Doubt = (typeof DOUBTS)[number];

/** The known cost of a submission, in micro-dollars. */
export type Charge =
  /** The simulator. */
  | { readonly kind: 'free' }
  /** Refused by the server, or withdrawn before it was sent: nothing was created. */
  | { readonly kind: 'nothing' }
  /** The job has ended, and the server reported its price. */
  | { readonly kind: 'actual'; readonly micros: number }
  /** The job was created at a known price. */
  | { readonly kind: 'estimated'; readonly micros: number }
  | { readonly kind: 'unknown'; readonly doubt: Doubt; readonly estimatedMicros: number | null };

/**
 * A job that ended without a video may be charged or not: no server publishes a
 * rule for that, so it is neither counted as paid nor as free.
 */
export function chargeOf(record: JobRecord): Charge {
  if (record.free) return { kind: 'free' };
  if (record.answer === 'rejected' && record.refusal?.code !== ABANDONED) return { kind: 'nothing' };
  const { estimatedMicros, job } = record;
  const actualMicros = job !== null && isTerminal(job.status) ? job.actualMicros : null;
  if (actualMicros !== null) return { kind: 'actual', micros: actualMicros };
  const doubt = doubtOf(record);
  if (doubt !== null) return { kind: 'unknown', doubt, estimatedMicros };
  const micros = spentMicros(record);
  return micros === null ? { kind: 'unknown', doubt: 'no_price', estimatedMicros } : { kind: 'estimated', micros };
}

function doubtOf(record: JobRecord): Doubt | null {
  const { job, files, submittedAtMs } = record;
  if (job === null) return 'outcome_unknown';
  switch (statusOf(record)) {
    case 'failed':
      return failureOf(job, submittedAtMs)?.code === 'moderation_blocked' ? 'moderation_blocked' : 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'expired': // a video, or a job that never produced one
      return job.completedAtMs === null && files.length === 0 ? 'expired' : null;
    default:
      return null;
  }
}
