import { promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { SoraError } from '../domain/errors.ts';
import { splitAddress } from '../domain/object-address.ts';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import { silenceSdkWarnings } from '../platform/sdk-warnings.ts';
import { within } from '../platform/timeout.ts';
import type { ObjectContent, ObjectLink, ObjectStore, PutOptions, StoredObject } from './object-store.ts';

const INSTALL = 'npm install -g @aws-sdk/client-s3@3 @aws-sdk/s3-request-presigner@3';
/** Larger files are uploaded in parts of this size, or larger ones where there would be too many. */
const PART_BYTES = 8 << 20;
const MAX_PARTS = 10_000;
/** Parts in memory at a time, of all uploads of this process. */
const PARALLEL_PARTS = 8;
const IDLE_TIMEOUT_MS = 120_000;
/** For calls that carry no file. */
const CALL_TIMEOUT_MS = 30_000;
const LINK_MS = 24 * 3_600_000;

export interface S3StoreOptions {
  /** Absolute. */
  readonly spoolDir: string;
  /** Of the process, as the SDK reads it too. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: () => Promise<Http>;
  readonly clock: Clock;
  /** Ends every call but those that clean up. */
  readonly signal: AbortSignal;
  /** Called with what must never be printed. */
  readonly onSecret: (secret: string) => void;
}

interface Connection {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** Object storage with the S3 API: AWS, or the service at `AWS_ENDPOINT_URL`. The SDK is loaded on first use. */
export class S3Store implements ObjectStore {
  readonly #options: S3StoreOptions;
  readonly #parts = pLimit(PARALLEL_PARTS);
  readonly #checked = new Map<string, Promise<void>>();
  #connection: Promise<Connection> | undefined;
  /** Of temporary credentials. Links contain it, so that it is removed from errors only. */
  #sessionToken = '';

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
    const checked =
      this.#checked.get(Bucket) ??
      this.#asking(address, async ({ client, sdk }, { abortSignal }) => {
        const { accessKeyId, secretAccessKey } = await client.config.credentials();
        if (accessKeyId === '' || secretAccessKey === '') throw new Error('the credentials are empty');
        const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(place), { abortSignal });
        if (UploadId === undefined) throw new Error('the reply has no upload id');
        await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId }), { abortSignal });
      });
    this.#checked.set(Bucket, checked);
    checked.catch(() => this.#checked.delete(Bucket));
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
        const send = (condition: { IfNoneMatch?: '*' }) => this.#send(connection, params, condition, content, options);
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
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner').catch(notInstalled);
      const nowMs = this.#options.clock.now();
      // A link of temporary credentials ends with them.
      const { expiration } = await client.config.credentials();
      const expiresAtMs = Math.min(nowMs + LINK_MS, expiration?.getTime() ?? Number.POSITIVE_INFINITY);
      const expiresIn = Math.max(1, Math.floor((expiresAtMs - nowMs) / 1000));
      const url = await getSignedUrl(client, new sdk.GetObjectCommand(placeOf(address)), { expiresIn });
      return { url, expiresAtMs };
    });
  }

  async #send(
    connection: Connection,
    params: Place,
    condition: { IfNoneMatch?: '*' },
    { source, bytes }: ObjectContent,
    { signal, onProgress }: PutOptions,
  ): Promise<void> {
    const { client, sdk } = connection;
    const put = async (Body: Uint8Array): Promise<void> => {
      const command = new sdk.PutObjectCommand({ ...params, ...condition, Body });
      const { ETag } = await client.send(command, { ...(signal && { abortSignal: signal }) });
      if (ETag === undefined) throw new Error('the reply has no ETag'); // it is of something else, such as a proxy
    };
    if (typeof source !== 'string') {
      await put(source);
      return;
    }
    const file = await fs.open(source);
    try {
      if (bytes > PART_BYTES)
        await this.#sendParts(connection, params, condition, { file, bytes }, { signal, onProgress });
      else await put(await readPart(file, 0, bytes));
    } finally {
      await file.close();
    }
  }

  /** The object appears when all parts have arrived; whatever goes wrong, or an interrupt, removes them. */
  async #sendParts(
    { client, sdk }: Connection,
    params: Place,
    condition: { IfNoneMatch?: '*' },
    { file, bytes }: { readonly file: FileHandle; readonly bytes: number },
    { signal, onProgress }: Pick<PutOptions, 'signal' | 'onProgress'>,
  ): Promise<void> {
    const { Bucket, Key } = params;
    const failed = new AbortController();
    const abortSignal = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));
    const isChecked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
    const create = { ...params, ...(isChecked && { ChecksumAlgorithm: 'CRC32' as const }) }; // as the SDK does by default
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(create), { abortSignal });
    let doneBytes = 0;
    const sendPart = async (PartNumber: number): Promise<Sdk.CompletedPart> => {
      abortSignal.throwIfAborted();
      const start = (PartNumber - 1) * partBytes;
      const Body = await readPart(file, start, Math.min(partBytes, bytes - start));
      const part = new sdk.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body });
      const { ETag, ChecksumCRC32 } = await client.send(part, { abortSignal });
      doneBytes += Body.length;
      onProgress?.(doneBytes);
      return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) };
    };
    const numbers = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, at) => at + 1);
    const sending = numbers.map((number) =>
      this.#parts(sendPart, number).catch((error: unknown) => {
        failed.abort();
        throw error;
      }),
    );
    try {
      const MultipartUpload = { Parts: await Promise.all(sending) };
      const complete = { Bucket, Key, UploadId, MultipartUpload, ...condition };
      await client.send(new sdk.CompleteMultipartUploadCommand(complete), { abortSignal });
    } catch (error) {
      await Promise.allSettled(sending); // a part that arrives later would stay
      await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {});
      throw error;
    }
  }

  /** A call that carries no file: it is ended by an interrupt, and when it takes too long. */
  #asking<T>(
    address: string,
    call: (connection: Connection, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { clock, signal } = this.#options;
    const title = `could not use s3://${placeOf(address).Bucket}: no answer within ${CALL_TIMEOUT_MS / 1000} s`;
    const lateness = (): SoraError => new SoraError('cannot_write', { title, hints: [ENDPOINT_HINT] });
    return within({ clock, ms: CALL_TIMEOUT_MS, lateness, signal }, (limit) =>
      this.#calling(address, (connection) => call(connection, { abortSignal: limit }), limit),
    );
  }

  async #calling<T>(address: string, call: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      this.#connection ??= this.#connect();
      return await call(await this.#connection);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof SoraError ? error : storageError(address, error, this.#sessionToken);
    }
  }

  async #connect(): Promise<Connection> {
    silenceSdkWarnings();
    const sdk = await import('@aws-sdk/client-s3').catch(notInstalled);
    const { env, onSecret } = this.#options;
    const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
    const http = await this.#options.http();
    const config: Sdk.S3ClientConfig = {
      // Other services serve buckets by path; few have a name for each.
      ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
      followRegionRedirects: true,
      requestHandler: {
        handle: (request: SdkRequest, { abortSignal }: { readonly abortSignal?: unknown } = {}) =>
          exchange(http, request, abortSignal),
      },
    };
    const region = await new sdk.S3Client(config).config.region().catch(() => env.AWS_DEFAULT_REGION || 'us-east-1');
    const client = new sdk.S3Client({ ...config, region });
    await client.config.credentials().then(
      ({ secretAccessKey, sessionToken = '' }) => {
        onSecret(secretAccessKey);
        this.#sessionToken = sessionToken;
      },
      () => {}, // reported by the call
    );
    return { sdk, client };
  }
}

/** A request of the SDK, as far as it is sent on. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends a request of the SDK on the program's own network, with its proxies and time-outs. */
async function exchange(http: Http, request: SdkRequest, abortSignal: unknown) {
  const { method, protocol, hostname, port, path, query = {}, headers, body } = request;
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((each) => `${escaped(name)}=${escaped(each ?? '')}`),
  );
  const reply = await http({
    method,
    url: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    ...(typeof body === 'string' || body instanceof Uint8Array ? { body } : {}),
    ...(abortSignal instanceof AbortSignal ? { signal: abortSignal } : {}),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  return { response: { statusCode: reply.status, headers: { ...reply.headers }, body: reply.body } };
}

/** As signatures want it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function readPart(file: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start);
  if (bytesRead < length) throw new Error('the downloaded file became shorter');
  return buffer;
}

function placeOf(address: string): Place {
  const { bucket, key } = splitAddress(address);
  return { Bucket: bucket, Key: key };
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  return (error as Sdk.S3ServiceException).$metadata.httpStatusCode ?? null;
}

function notInstalled(cause: unknown): never {
  throw new SoraError('not_supported', {
    title: 'saving to `s3://` needs the AWS SDK, which is not installed',
    hints: [`run \`${INSTALL}\``, 'choose another place with `-o`'],
    cause,
  });
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
