import { isJsonObject } from '../domain/json.ts';
import type { CreateRequest } from './create-request.ts';
import { FAULTS, type FaultName, type JobFault, parseFault } from './faults.ts';

/** A job as stored when it is created; its state is computed from this and the time. */
export interface SimulatedJob extends CreateRequest {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** How many times faster than usual it is rendered. */
  readonly speed: number;
  /** The fault of its create; only some affect the job. */
  readonly fault: FaultName | null;
  /** The id of the video it is a remix of. */
  readonly remixedFrom: string | null;
  readonly idempotencyKey: string | null;
  /** A digest of the create request. */
  readonly fingerprint: string;
  /** How long its files are kept after it is finished; an hour if left out. */
  readonly keptSeconds?: number;
}

/** The Video object of the API. */
export interface Video extends Pick<SimulatedJob, 'id' | 'model' | 'prompt' | 'size' | 'seconds'> {
  readonly object: 'video';
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed';
  readonly progress: number;
  /** Times are seconds since the epoch. */
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly expires_at: number | null;
  readonly remixed_from_video_id: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const QUEUED_SHARE = 0.15;
const CONTENT_LIFETIME_SECONDS = 3600;
/** Two to three seconds, whatever the video's length: long enough to watch, short enough to wait for. */
const BASE_RENDER_MS = 2200;
const RENDER_MS_PER_SECOND = 6;
const POLL_AFTER_MS = 250;

/** The state of a job at a moment: queued, in progress up to 99%, then completed or failed. */
export function describeJob(job: SimulatedJob, nowMs: number): Video {
  const fault = jobFaultOf(job);
  const renderMs = renderMsOf(job);
  const share = (nowMs - job.createdAtMs) / renderMs;
  if (share < QUEUED_SHARE) return toVideo(job);
  if (share < 1 || fault?.endless) {
    const rendered = Math.floor((100 * (share - QUEUED_SHARE)) / (1 - QUEUED_SHARE));
    return toVideo(job, { status: 'in_progress', progress: Math.min(99, rendered) });
  }
  if (fault?.failure) return toVideo(job, { status: 'failed', progress: 99, error: fault.failure });
  const completedAt = toSeconds(job.createdAtMs + renderMs);
  return toVideo(job, {
    status: 'completed',
    progress: 100,
    completed_at: completedAt,
    expires_at: completedAt + (job.keptSeconds ?? CONTENT_LIFETIME_SECONDS),
  });
}

/** When the job finishes, in milliseconds since the epoch; null if it never does. */
export function endsAtMs(job: SimulatedJob): number | null {
  return jobFaultOf(job)?.endless ? null : job.createdAtMs + renderMsOf(job);
}

function renderMsOf(job: SimulatedJob): number {
  const { slowdown = 1 } = jobFaultOf(job) ?? {};
  return ((BASE_RENDER_MS + RENDER_MS_PER_SECOND * Number(job.seconds)) * slowdown) / job.speed;
}

function jobFaultOf({ fault }: SimulatedJob): JobFault | undefined {
  return fault === null ? undefined : FAULTS[fault].job;
}

/** How long a client should wait before the next poll. */
export function pollAfterMs(job: SimulatedJob): number {
  return Math.max(1, Math.round(POLL_AFTER_MS / job.speed));
}

/** A queued job, with these changes. */
function toVideo(job: SimulatedJob, changes: Partial<Video> = {}): Video {
  return {
    id: job.id,
    object: 'video',
    model: job.model,
    status: 'queued',
    progress: 0,
    created_at: toSeconds(job.createdAtMs),
    completed_at: null,
    expires_at: null,
    prompt: job.prompt,
    size: job.size,
    seconds: job.seconds,
    remixed_from_video_id: job.remixedFrom,
    error: null,
    ...changes,
  };
}

/** The API's times: seconds since the epoch. */
export function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** The job in a JSON value, or null when anything is missing or impossible. */
export function decodeSimulatedJob(value: unknown): SimulatedJob | null {
  if (!isJsonObject(value)) return null;
  const { id, createdAtMs, model, prompt, seconds, size, speed, fingerprint } = value;
  if (![id, model, prompt, seconds, size, fingerprint].every((text) => typeof text === 'string')) return null;
  if (typeof createdAtMs !== 'number' || typeof speed !== 'number') return null;
  if (!(Number(seconds) > 0 && speed > 0) || !/^\d+x\d+$/.test(String(size))) return null;
  const job = value as unknown as SimulatedJob; // whole lines written by this program: the other fields are intact
  return { ...job, fault: parseFault(job.fault ?? '') };
}

export interface JobOutlook {
  readonly video: Video;
  /** Milliseconds since the epoch; null if it never finishes. */
  readonly endsAtMs: number | null;
  /** Where its own notification goes; null for none. */
  readonly callbackUrl: string | null;
}
