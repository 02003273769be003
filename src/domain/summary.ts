import { type JobRecord, requestedLength, type SavedFile, STANDARD_OUTPUT, sourceIdOf, statusOf } from './record.ts';
import type { VideoJob } from './video.ts';

/** A job for display: the server's current state, completed from the ledger. */
export interface JobSummary extends Omit<VideoJob, 'id' | 'content' | 'pollAfterMs'> {
  /** The server's id; null for a submission with unknown outcome. */
  readonly id: string | null;
  /** The submission's key in the ledger; null for a job created elsewhere. */
  readonly submission: string | null;
  readonly profile: string;
  readonly estimatedMicros: number | null;
  /** A simulated job: the estimate is what it would cost. */
  readonly free: boolean;
  readonly priceList: string | null;
  readonly files: readonly SavedFile[];
}

/** Combines what is known about one job; the server overrides the ledger. */
export function summarize(profile: string, record: JobRecord | undefined, live: VideoJob | null): JobSummary {
  const job = live ?? record?.job ?? null;
  const request = record?.request;
  return {
    id: job?.id ?? null,
    submission: record?.key ?? null,
    profile: record?.profile ?? profile,
    status: record?.removed || live === null ? (record ? statusOf(record) : 'unknown') : live.status,
    serverStatus: job?.serverStatus ?? null,
    progress: live?.progress ?? (job?.status === 'completed' ? 100 : null),
    model: job?.model ?? request?.model ?? null,
    prompt: live?.prompt ?? request?.prompt ?? null,
    seconds: job?.seconds ?? requestedLength(request),
    size: job?.size ?? request?.size ?? null,
    createdAtMs: job?.createdAtMs ?? record?.submittedAtMs ?? null,
    completedAtMs: job?.completedAtMs ?? null,
    expiresAtMs: job?.expiresAtMs ?? null,
    remixedFrom: job?.remixedFrom ?? sourceIdOf(request),
    error: job?.error ?? record?.refusal ?? null,
    estimatedMicros: record?.estimatedMicros ?? null,
    actualMicros: job?.actualMicros ?? null,
    free: record?.free === true,
    priceList: record?.priceList ?? null,
    files: (record?.files ?? []).filter(({ path }) => path !== STANDARD_OUTPUT),
    requestId: job?.requestId ?? null,
  };
}

/** The last known state of a job that was cancelled or deleted, so that its server may no longer have it; null for any other. */
export function removedJob(record: JobRecord | undefined): VideoJob | null {
  if (!record?.removed || record.job === null) return null;
  const { prompt } = record.request;
  return { ...record.job, status: statusOf(record), prompt, progress: null, content: null, pollAfterMs: null };
}
