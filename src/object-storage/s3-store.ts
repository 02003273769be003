import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import { SoraError } from '../domain/errors.ts';
import { splitAddress } from '../domain/object-address.ts';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/timeout.ts';
import type { ObjectContent, ObjectLink, ObjectStore, PutOptions, StoredObject } from './object-store.ts';
import { type ConnectionOptions, connect, type S3Connection, sdkMissing } from './s3-connection.ts';
import { upload } from './s3-upload.ts';

/** For calls that carry no file. */
const CALL_TIMEOUT_MS = 30_000;
const LINK_MS = 24 * 3_600_000;
/** Each row of a manifest may name a folder; so many show whether they can be written. */
const MOST_CHECKED = 100;

export interface S3StoreOptions extends ConnectionOptions {
  /** Absolute. */
  readonly spoolDir: string;
  readonly clock: Clock;
  /** Ends every call but those that clean up. */
  readonly signal: AbortSignal;
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** Object storage with the S3 API: AWS, or the service at `AWS_ENDPOINT_URL`. The SDK is loaded on first use. */
export class S3Store implements ObjectStore {
  readonly #options: S3StoreOptions;
  /** By folder: a policy may allow one prefix only. */
  readonly #checked = new Map<string, Promise<void>>();
  #connection: Promise<S3Connection> | undefined;

  constructor(options: S3StoreOptions) {
    this.#options = options;
  }

  get spoolDir(): string {
    return this.#options.spoolDir;
  }

  /** Starts a multipart upload and aborts it: the only call that needs the right to write and leaves no object. */
  check(address: string): Promise<void> {
    const { Bucket, Key: at } = placeOf(address);
    const place = { Bucket, Key: at === '' || at.endsWith('/') ? `${at}.sora-write-check` : at };
    const folder = `${Bucket}/${at.slice(0, at.lastIndexOf('/') + 1)}`;
    if (!this.#checked.has(folder) && this.#checked.size >= MOST_CHECKED) return Promise.resolve();
    const checked =
      this.#checked.get(folder) ??
      this.#asking(address, async ({ client, sdk }, { abortSignal }) => {
        const { accessKeyId, secretAccessKey } = await client.config.credentials();
        if (accessKeyId === '' || secretAccessKey === '') throw new Error('the credentials are empty');
        const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(place), { abortSignal });
        if (UploadId === undefined) throw new Error('the reply has no upload id');
        await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId }), { abortSignal });
      });
    this.#checked.set(folder, checked);
    checked.catch(() => this.#checked.delete(folder));
    return checked;
  }

  find(address: string): Promise<StoredObject | null> {
    return this.#asking(address, async ({ client, sdk }, options) => {
      try {
        const head = new sdk.HeadObjectCommand(placeOf(address));
        const { ContentLength, ContentType, Metadata } = await client.send(head, options);
        return {
          bytes: ContentLength ?? 0,
          mediaType: ContentType ?? 'application/octet-stream',
          sha256: Metadata?.sha256 ?? null,
          about: Metadata?.about ?? null,
        };
      } catch (error) {
        // Without the right to list, S3 answers 403 for an object that does not exist.
        if ([403, 404].includes(statusOf(error) ?? 0)) return null;
        throw error;
      }
    });
  }

  async put(address: string, content: ObjectContent, options: PutOptions): Promise<boolean> {
    const params = {
      ...placeOf(address),
      ContentType: content.mediaType,
      Metadata: { sha256: content.sha256, ...(content.about && { about: content.about }) },
    };
    if (!options.force && (await this.find(address)) !== null) return false;
    return this.#calling(
      address,
      async (connection) => {
        const send = (condition: { IfNoneMatch?: '*' }) => upload(connection, { params, condition }, content, options);
        try {
          await send(options.force ? {} : { IfNoneMatch: '*' }).catch((error: unknown) => {
            // Some services do not have conditional writes; there the look before has to do.
            if (options.force || statusOf(error) !== 501) throw error;
            return send({});
          });
          return true;
        } catch (error) {
          if (statusOf(error) === 412) return false;
          throw error;
        }
      },
      options.signal,
    );
  }

  read(address: string, { first, last }: { readonly first: number; readonly last: number }): Promise<Readable> {
    return this.#asking(address, async ({ client, sdk }, options) => {
      const get = new sdk.GetObjectCommand({ ...placeOf(address), Range: `bytes=${first}-${last}` });
      const { Body } = await client.send(get, options);
      if (Body instanceof Readable) return Body;
      throw new Error('the reply has no body');
    });
  }

  remove(address: string): Promise<void> {
    return this.#asking(address, async ({ client, sdk }, options) => {
      await client.send(new sdk.DeleteObjectCommand(placeOf(address)), options);
    });
  }

  link(address: string): Promise<ObjectLink> {
    return this.#asking(address, async ({ client, sdk }) => {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner').catch(sdkMissing);
      const nowMs = this.#options.clock.now();
      // A link of temporary credentials ends with them.
      const { expiration } = await client.config.credentials();
      const expiresAtMs = Math.min(nowMs + LINK_MS, expiration?.getTime() ?? Number.POSITIVE_INFINITY);
      const expiresIn = Math.max(1, Math.floor((expiresAtMs - nowMs) / 1000));
      const url = await getSignedUrl(client, new sdk.GetObjectCommand(placeOf(address)), { expiresIn });
      return { url, expiresAtMs };
    });
  }

  /** A call that carries no file: it is ended by an interrupt, and when it takes too long. */
  #asking<T>(
    address: string,
    call: (connection: S3Connection, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { clock, signal } = this.#options;
    const title = `could not use s3://${placeOf(address).Bucket}: no answer within ${CALL_TIMEOUT_MS / 1000} s`;
    const lateness = (): SoraError => new SoraError('cannot_write', { title, hints: [ENDPOINT_HINT] });
    return within({ clock, ms: CALL_TIMEOUT_MS, lateness, signal }, (limit) =>
      this.#calling(address, (connection) => call(connection, { abortSignal: limit }), limit),
    );
  }

  async #calling<T>(address: string, call: (connection: S3Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let connection: S3Connection | undefined;
    try {
      this.#connection ??= connect(this.#options);
      connection = await this.#connection;
      return await call(connection);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof SoraError ? error : storageError(address, error, connection?.sessionToken ?? '');
    }
  }
}

function placeOf(address: string): Place {
  const { bucket, key } = splitAddress(address);
  return { Bucket: bucket, Key: key };
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  return (error as Sdk.S3ServiceException).$metadata.httpStatusCode ?? null;
}

const ENDPOINT_HINT = 'check `AWS_ENDPOINT_URL` and `AWS_REGION`';

function storageError(address: string, error: unknown, sessionToken: string): SoraError {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const [title, hint] = explain(address, name, statusOf(error));
  const words = name === 'Error' || message.includes(name) ? message : `${name}: ${message}`;
  const causedBy = sessionToken === '' ? words : words.replaceAll(sessionToken, '[redacted]');
  return new SoraError('cannot_write', { title, causedBy, hints: [hint], cause: error });
}

/** What went wrong, and how to fix it. */
function explain(address: string, name: string, status: number | null): readonly [title: string, hint: string] {
  const bucket = `s3://${placeOf(address).Bucket}`;
  if (name === 'CredentialsProviderError') {
    const hint = 'set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`';
    return [`could not write to ${bucket}: no AWS credentials`, hint];
  }
  if (name === 'NoSuchBucket' || status === 404) {
    const hint = 'create the bucket, or check its name and `AWS_ENDPOINT_URL`';
    return [`could not use ${bucket}: there is no such bucket`, hint];
  }
  if (status === 401 || status === 403) {
    const hint = `check the AWS credentials, and that they allow \`s3:PutObject\` on ${bucket}`;
    return [`could not use ${bucket}: access denied`, hint];
  }
  return [`could not use ${address}`, status === null ? ENDPOINT_HINT : 'choose another place with `-o`'];
}
