import type { Readable } from 'node:stream';
import type { SoraError } from '../domain/errors.ts';
import type { ContentLocation, Variant, VideoJob, VideoRequest } from '../domain/video.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  readonly idempotencyKey: string;
  /** For a client that sends a create again after a 429, which made nothing. */
  readonly resend?: {
    /** Before the pause. */
    held(): Promise<void>;
    /** Before the create leaves again; false to give it up. */
    sending(): Promise<boolean>;
  };
}

/**
 * How a create ended. `rejected`: the server surely made nothing. `unknown`: bytes
 * left and no clear answer came back, so it may have; such a create must not be sent again.
 */
export type CreateOutcome =
  | { readonly kind: 'accepted'; readonly job: VideoJob }
  | { readonly kind: 'rejected'; readonly error: SoraError }
  /** The error’s `cause` is what happened. */
  | { readonly kind: 'unknown'; readonly error: SoraError };

export interface ListQuery {
  readonly limit: number;
  /** Starts behind this id. */
  readonly after?: string;
  readonly order?: 'asc' | 'desc';
}

export interface VideoPage {
  readonly jobs: readonly VideoJob[];
  /** The `after` of the next page, or null when this is the last one. */
  readonly next: string | null;
  /** How far the server's clock is ahead of ours, by its `Date` header; null where it sends none. */
  readonly aheadMs: number | null;
}

/** Where a broken download goes on. */
export interface ResumePoint {
  readonly offsetBytes: number;
  /** The validator of the first part; the server's `ETag` or `Last-Modified`. */
  readonly validator: string;
  /** The length of the whole file, when the server told it. */
  readonly totalBytes?: number | null;
}

export interface ContentReply {
  readonly body: Readable;
  /** The origin of the address that the bytes come from. */
  readonly origin: string;
  /** The length of the whole file, when the server tells it. */
  readonly totalBytes: number | null;
  /** Where in the file the body starts: the asked offset when the server resumes, else 0. */
  readonly offsetBytes: number;
  /** Strong `ETag`, else `Last-Modified`; null when the server gives neither, or cannot resume. */
  readonly validator: string | null;
}

export interface ContentSource {
  readonly id: string;
  readonly content: ContentLocation | null;
}

export interface ContentOptions extends CallOptions {
  readonly resume?: ResumePoint;
}

/**
 * A server of videos, whatever dialect it speaks. Every call is sent once and
 * ends in a value or a `SoraError`; who wants to try again wraps the port
 * (`retry.ts`).
 */
export interface VideosClient {
  /** Never throws for what happens on the wire: the outcome says how sure it is. */
  create(request: VideoRequest, options: CreateOptions): Promise<CreateOutcome>;
  get(id: string, options?: CallOptions): Promise<VideoJob>;
  list(query: ListQuery, options?: CallOptions): Promise<VideoPage>;
  /** Resolves to whether the server says that the video is gone. */
  remove(id: string, options?: CallOptions): Promise<boolean>;
  content(source: ContentSource, variant: Variant, options?: ContentOptions): Promise<ContentReply>;
}
