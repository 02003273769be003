import type { VideoJobView } from '../src/service/rest-schemas.ts';

export const SERVICE = '/api/v1/videos';

/** A video on the page, from either API. */
export interface ShownVideo {
  readonly id: string;
  readonly prompt: string;
  readonly status: 'pending' | 'processing' | 'completed' | 'failed';
  readonly progress: number;
  /** Model, length and size. */
  readonly facts: string;
  readonly createdAtMs: number;
  readonly videoUrl: string | null;
  readonly posterUrl: string | null;
  readonly failure: { readonly message: string; readonly hints: readonly string[] } | null;
  readonly notes: readonly string[];
  /** DELETE it here. */
  readonly path: string;
}

/** The fields of a job of `/v1/videos` that are shown. */
export interface ApiVideo {
  readonly id: string;
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed';
  readonly prompt: string | null;
  readonly progress: number;
  readonly model: string;
  readonly seconds: string;
  readonly size: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly error: { readonly message: string } | null;
}

/**
 * The videos of both APIs, newest first, without duplicates. The service's videos are in both lists, but it learns their id
 * only when its server has answered; until then a video with the same prompt and a later time is taken for it.
 */
export function mergeVideos(ordered: readonly VideoJobView[], made: readonly ApiVideo[]): ShownVideo[] {
  const known = new Set(ordered.map(({ videoId }) => videoId));
  const withoutId = ordered.filter(({ videoId, status }) => videoId === null && status === 'pending');
  const others = made
    .filter(({ id }) => !known.has(id))
    .filter((video) => !withoutId.some((job) => mayBeSame(job, video)));
  return [...ordered.map(fromService), ...others.map(fromApi)].sort((a, b) => b.createdAtMs - a.createdAtMs);
}

/** One of the APIs has whole seconds. */
function mayBeSame(job: VideoJobView, video: ApiVideo): boolean {
  return video.prompt === job.prompt && video.created_at >= Math.floor(Date.parse(job.createdAt) / 1000);
}

function fromService(job: VideoJobView): ShownVideo {
  const { error } = job;
  return {
    id: job.id,
    prompt: job.prompt,
    status: job.status,
    progress: job.progress,
    facts: factsOf(job.model, job.seconds, job.size),
    createdAtMs: Date.parse(job.createdAt),
    videoUrl: job.videoUrl,
    posterUrl: job.thumbnailUrl,
    failure: error && { message: [error.message, error.causedBy].filter(Boolean).join(': '), hints: error.hints },
    notes: job.notes,
    path: `${SERVICE}/${job.id}`,
  };
}

const STATUSES = { queued: 'pending', in_progress: 'processing', completed: 'completed', failed: 'failed' } as const;

function fromApi(video: ApiVideo): ShownVideo {
  const { id, status, error } = video;
  const path = `/v1/videos/${id}`;
  const isExpired = video.expires_at !== null && video.expires_at * 1000 < Date.now();
  const isDone = status === 'completed' && !isExpired;
  return {
    id,
    prompt: video.prompt ?? '',
    status: STATUSES[status],
    progress: video.progress,
    facts: `${factsOf(video.model, video.seconds, video.size)} · through /v1`,
    createdAtMs: video.created_at * 1000,
    videoUrl: isDone ? `${path}/content` : null,
    posterUrl: isDone ? `${path}/content?variant=thumbnail` : null,
    failure: error && { message: error.message, hints: [] },
    notes: isExpired ? ['the file has expired'] : [],
    path,
  };
}

export function factsOf(model: string | null, seconds: string | number | null, size: string | null): string {
  return [model, seconds === null ? null : `${seconds} s`, size?.replace('x', ' × ')].filter(Boolean).join(' · ');
}
