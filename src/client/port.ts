import type { Readable } from 'node:stream';
import type { SoraError } from '../domain/errors.ts';
import type { ContentLocation, Variant, VideoJob, VideoRequest } from '../domain/video.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The job is known to exist, so `retry.ts` does not believe the first 404: replicas may know only their own jobs. */
  readonly exists?: boolean | undefined;
}

export interface CreateOptions extends CallOptions {
  readonly idempotencyKey: string;
  /** For a client that resends a create after a 429, which means that nothing was created. */
  readonly resend?: {
    /** Called before the pause. */
    held(): Promise<void>;
    /** Called before the create is sent again; false to stop. */
    sending(): Promise<boolean>;
  };
}

/**
 * How a create ended. `rejected`: the server certainly created nothing. `unknown`: bytes were sent and no clear response
 * arrived, so it may have created something; such a create must not be sent again.
 */
export type CreateOutcome =
  | { readonly kind: 'accepted'; readonly job: VideoJob }
  /** `isAborted`: another attempt would have followed, but the signal aborted. */
  | { readonly kind: 'rejected'; readonly error: SoraError; readonly isAborted?: boolean }
  /** The error’s `cause` is the failure. */
  | { readonly kind: 'unknown'; readonly error: SoraError };

export interface ListQuery {
  readonly limit: number;
  /** Starts after this id. */
  readonly after?: string;
  readonly order?: 'asc' | 'desc';
}

export interface VideoPage {
  readonly jobs: readonly VideoJob[];
  /** The `after` of the next page; null on the last one. */
  readonly next: string | null;
  /** The server's clock, by its `Date` header, and our uptime as the reply arrived; null without the header. */
  readonly clock: { readonly serverMs: number; readonly uptimeMs: number } | null;
}

/** Identifies a version of a file on its server. */
export interface Validator {
  /** The value of `If-Range`: a strong `ETag`, else `Last-Modified`. */
  readonly ifRange: string;
  /** As sent, strong or not; null without one. */
  readonly etag: string | null;
}

/** Where an interrupted download resumes. */
export interface ResumePoint {
  readonly offsetBytes: number;
  /** That of the first part. */
  readonly validator: Validator;
  /** The length of the whole file, if the server reported it. */
  readonly totalBytes?: number | null;
}

export interface ContentReply {
  /** The first bytes, enough to identify the kind of file; the body contains the rest. */
  readonly head: Buffer;
  readonly body: Readable;
  /** The origin that sends the bytes. */
  readonly origin: string;
  /** The length of the whole file, if the server reports it. */
  readonly totalBytes: number | null;
  /** Where in the file the body starts: the requested offset if the server resumes, else 0. */
  readonly offsetBytes: number;
  /** Null if the server sends none that a range can rely on, or cannot resume. */
  readonly validator: Validator | null;
}

export interface ContentSource {
  readonly id: string;
  readonly content: ContentLocation | null;
}

export interface ContentOptions extends CallOptions {
  readonly resume?: ResumePoint;
}

/** A video server in any dialect. Each call is sent once and ends in a value or a `SoraError`; `retry.ts` adds retries. */
export interface VideosClient {
  /** Never throws for network failures: the outcome states how certain it is. */
  create(request: VideoRequest, options: CreateOptions): Promise<CreateOutcome>;
  get(id: string, options?: CallOptions): Promise<VideoJob>;
  list(query: ListQuery, options?: CallOptions): Promise<VideoPage>;
  /** Resolves to whether the server reports that the video is gone. */
  remove(id: string, options?: CallOptions): Promise<boolean>;
  content(source: ContentSource, variant: Variant, options?: ContentOptions): Promise<ContentReply>;
}
