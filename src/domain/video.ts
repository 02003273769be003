import type { JsonValue } from './json.ts';
import type { AspectRatio, Resolution } from './models.ts';

export const JOB_STATUSES = [
  'queued',
  'in_progress',
  'completed',
  'failed',
  'cancelled',
  'expired',
  'unknown',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

const TERMINAL: ReadonlySet<JobStatus> = new Set(['completed', 'failed', 'cancelled', 'expired']);

/** Whether a job in this status has ended. */
export function isTerminal(status: JobStatus): boolean {
  return TERMINAL.has(status);
}

export interface JobFailure {
  readonly code: string | null;
  readonly message: string;
}

/** Where a finished video is, if not at the job's `/content`. */
export type ContentLocation =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'base64'; readonly base64: string };

/** A job as reported by a server, independent of the dialect. Everything but id and status may be missing. */
export interface VideoJob {
  readonly id: string;
  readonly status: JobStatus;
  /** The status in the server's words; null if it reported none. */
  readonly serverStatus: string | null;
  /** 0 to 100. */
  readonly progress: number | null;
  readonly model: string | null;
  readonly prompt: string | null;
  readonly seconds: number | null;
  /** `WIDTHxHEIGHT` in pixels. */
  readonly size: string | null;
  /** Times are milliseconds since the epoch. */
  readonly createdAtMs: number | null;
  readonly completedAtMs: number | null;
  readonly expiresAtMs: number | null;
  readonly remixedFrom: string | null;
  readonly error: JobFailure | null;
  /** The cost reported by the server, in micro-dollars. */
  readonly actualMicros: number | null;
  readonly content: ContentLocation | null;
  readonly requestId: string | null;
  /** How long the server asks to wait before the next poll. */
  readonly pollAfterMs: number | null;
}

/** A job without any facts. */
export const NO_JOB_FACTS = {
  serverStatus: null,
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
} as const satisfies Omit<VideoJob, 'id' | 'status'>;

export const VARIANTS = ['video', 'thumbnail', 'spritesheet'] as const;
export type Variant = (typeof VARIANTS)[number];

/** A reference image. */
export type ReferenceImage =
  | { readonly kind: 'file'; readonly name: string; readonly mimeType: ImageMimeType; readonly bytes: Uint8Array }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file_id'; readonly fileId: string };

/** What a reference beside the first frame is for; all but the last frame may be given several times. */
export const REFERENCE_ROLES = ['last_frame', 'image', 'video', 'audio'] as const;
export type ReferenceRole = (typeof REFERENCE_ROLES)[number];

export interface Reference {
  readonly role: ReferenceRole;
  readonly source: ReferenceSource;
}

/** A file, a URL, or the id of an upload. */
export type ReferenceSource =
  | { readonly kind: 'file'; readonly name: string; readonly mimeType: string; readonly bytes: Uint8Array }
  | Exclude<ReferenceImage, { readonly kind: 'file' }>;

/** How a video is made from an existing one. */
export const DERIVATIONS = ['remix', 'edit', 'extend'] as const;
export type Derivation = (typeof DERIVATIONS)[number];

/** A video of the same server. */
export interface StoredVideo {
  readonly kind: 'id';
  readonly id: string;
}

export type VideoFile = ReferenceSource & { readonly kind: 'file' };

/** The existing video that a request starts from, and what is done with it. */
export type RequestSource =
  | { readonly operation: 'remix'; readonly video: StoredVideo }
  | { readonly operation: 'edit' | 'extend'; readonly video: StoredVideo | VideoFile }
  /** A character, whose name is the prompt. */
  | { readonly operation: 'character'; readonly video: VideoFile }
  /** A server-side batch of the requests in an uploaded file, whose id is in place of the video. */
  | { readonly operation: 'batch'; readonly video: StoredVideo };

export type ImageMimeType = 'image/jpeg' | 'image/png' | 'image/webp';

/** The frame by name, for dialects without pixels. Null means not requested and not sent. */
export interface Frame {
  readonly resolution: Resolution | null;
  readonly aspectRatio: AspectRatio | null;
}

/** A resolved and checked request. Null fields are not sent; the server chooses. */
export interface VideoRequest {
  readonly prompt: string;
  readonly model: string | null;
  readonly seconds: number | null;
  readonly size: string | null;
  /** Left out if `size` is used instead. */
  readonly frame?: Frame;
  /** The first frame. */
  readonly image: ReferenceImage | null;
  /** What else guides the video; nothing if left out. */
  readonly references?: readonly Reference[];
  readonly characters: readonly string[];
  readonly quality: string | null;
  /** Extra fields, sent unchanged. */
  readonly params: Readonly<Record<string, JsonValue>>;
  /** Where the server sends notifications of this video; left out for none. Not part of the video itself. */
  readonly callbackUrl?: string;
  /** Left out for a video from a prompt alone. In an extension, `seconds` are those to add. */
  readonly source?: RequestSource;
}

/** A request with only a prompt; the server decides the rest. */
export function requestFor(prompt: string): VideoRequest {
  return { prompt, model: null, seconds: null, size: null, image: null, characters: [], quality: null, params: {} };
}
