import type { Readable } from 'node:stream';

/** What is known of a stored object. */
export interface StoredObject {
  readonly bytes: number;
  readonly mediaType: string;
  /** In hexadecimal, as `put` recorded it; null for an object that another program wrote. */
  readonly sha256: string | null;
  /** The sha256 of the video that it describes; null if the object is not a video. */
  readonly about: string | null;
}

export interface ObjectContent {
  /** The path of a file, or the bytes themselves. */
  readonly source: string | Uint8Array;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly mediaType: string;
  /** The sha256 of the video that it describes. */
  readonly about?: string;
}

export interface PutOptions {
  /** Whether an existing object is replaced. */
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/** An address that gives anyone access to an object for a limited time. */
export interface ObjectLink {
  readonly url: string;
  readonly expiresAtMs: number;
}

/**
 * An object storage service, as far as saving and serving results needs it. Objects are named `s3://BUCKET/KEY`. All methods throw
 * `cannot_write`, or `not_supported` where the SDK is not installed.
 */
export interface ObjectStore {
  /** The folder in which downloads are completed before they are uploaded; absolute. */
  readonly spoolDir: string;
  /** Checks, without leaving anything behind, that objects can be created at or below an address. */
  check(address: string): Promise<void>;
  /** Null if there is no such object, or the credentials do not allow looking for it. */
  find(address: string): Promise<StoredObject | null>;
  /** Creates the whole object or nothing; false if the name is taken. */
  put(address: string, content: ObjectContent, options: PutOptions): Promise<boolean>;
  /** A part of an object; both ends inclusive. */
  read(address: string, range: { readonly first: number; readonly last: number }): Promise<Readable>;
  /** Deletes an object; one that does not exist is fine. */
  remove(address: string): Promise<void>;
  link(address: string): Promise<ObjectLink>;
}
