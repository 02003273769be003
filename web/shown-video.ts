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
  readonly model: string | null;
  readonly seconds: number | null;
  /** WIDTHxHEIGHT in pixels. */
  readonly size: string | null;
  /** The hash of its first frame; null without one, or if unknown. */
  readonly image: string | null;
  /** What was chosen in the order; null for a video of an OpenAI client. */
  readonly order: Readonly<Record<string, string>> | null;
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
 * The videos of both APIs, newest first, without duplicates. Until the service knows the id of its video, a later one
 * with the same prompt is taken for it.
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
    model: job.model,
    seconds: job.seconds,
    size: job.size,
    image: job.imageSha256,
    order: orderOf(job),
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
    model: video.model,
    seconds: Number(video.seconds) || null,
    size: video.size,
    image: null,
    order: null,
    createdAtMs: video.created_at * 1000,
    videoUrl: isDone ? `${path}/content` : null,
    posterUrl: isDone ? `${path}/content?variant=thumbnail` : null,
    failure: error && { message: error.message, hints: [] },
    notes: isExpired ? ['the file has expired'] : [],
    path,
  };
}

/** The model that was used is not what was asked for, so it is not reused. */
function orderOf({ duration, resolution, aspectRatio }: VideoJobView): Readonly<Record<string, string>> {
  const choices = Object.entries({ duration, resolution, aspectRatio });
  return Object.fromEntries(choices.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])));
}

export function isUnfinished({ status }: ShownVideo): boolean {
  return status === 'pending' || status === 'processing';
}

/** Equal for variations of one request. */
export function requestOf({ prompt, model, seconds, size, image }: ShownVideo): string {
  return JSON.stringify([prompt, model, seconds, size, image]);
}

/** `1280 × 720`. */
export function sizeInWords(size: string): string {
  return size.replace('x', ' × ');
}

export function factsOf(model: string | null, seconds: string | number | null, size: string | null): string {
  return [model, seconds === null ? null : `${seconds} s`, size && sizeInWords(size)].filter(Boolean).join(' · ');
}
