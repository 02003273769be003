import { isJsonObject } from '../domain/json.ts';
import type { Estimate } from '../domain/pricing.ts';
import type { SavedFile, ServerIdentity } from '../domain/record.ts';
import type { Derivation, VideoRequest } from '../domain/video.ts';

export const REST_STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;
/** `pending` until the server has accepted the job, `completed` once its file is saved. */
export type RestStatus = (typeof REST_STATUSES)[number];

/** Why a job failed: a code of the catalogue, the server's message, and how to fix it. */
export interface Diagnosis {
  readonly code: string;
  readonly message: string;
  readonly causedBy: string | null;
  readonly hints: readonly string[];
  readonly requestId: string | null;
}

/** A job of the REST service, as stored. */
export interface RestJob {
  /** Also the row of its records in the ledger, which tell a restarted service what happened to it. */
  readonly id: string;
  /** The process that works on it; see `rest-job-store.ts`. */
  readonly owner: string;
  readonly server: ServerIdentity;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly asked: AskedVideo;
  /** Without its image, which is a file. */
  readonly request: VideoRequest;
  /** The first frame, kept for a restart during the submission. */
  readonly image?: { readonly path: string };
  readonly estimate: Estimate | null;
  /** How the request differs from the order. */
  readonly notes: readonly string[];
  readonly idempotencyKey: string | null;
  readonly status: RestStatus;
  /** The server's id. */
  readonly videoId: string | null;
  readonly error: Diagnosis | null;
  readonly files: readonly SavedFile[];
  /** 0 to 100, where another process works on it; left out if unknown. */
  readonly progress?: number;
}

/** The order as the client sent it. */
export interface AskedVideo {
  readonly prompt: string;
  readonly duration: number | null;
  readonly resolution: string | null;
  readonly aspectRatio: string | null;
  readonly model: string | null;
  /** The hash of the image; left out without one. */
  readonly image?: string;
  /** Addresses. */
  readonly lastFrame?: string;
  readonly references?: readonly { readonly type: 'image' | 'video' | 'audio'; readonly url: string }[];
  /** Left out for a video from a prompt alone. */
  readonly source?: { readonly operation: Derivation; readonly id: string };
  readonly characters?: readonly string[];
}

export function isUnfinished({ status }: RestJob): boolean {
  return status === 'pending' || status === 'processing';
}

/** The job in a JSON value, or null when an essential field is missing. */
export function decodeRestJob(value: unknown): RestJob | null {
  if (!isJsonObject(value)) return null;
  const { id, owner, server, createdAtMs, asked, request, status, files } = value;
  if (typeof id !== 'string' || typeof owner !== 'string' || typeof createdAtMs !== 'number') return null;
  if (!isJsonObject(server) || !isJsonObject(asked) || !isJsonObject(request) || !Array.isArray(files)) return null;
  if (typeof request.prompt !== 'string' || !REST_STATUSES.some((known) => known === status)) return null;
  return value as unknown as RestJob; // whole lines written by this program: the other fields are intact
}
