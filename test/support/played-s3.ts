import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Http, HttpRequest } from '../../src/platform/http.ts';
import { CLIP, type VideosScript } from './videos-server.ts';

export const S3_ENDPOINT = 'http://storage.test:9000';
export const S3_KEYS = { id: 'AKIAPLAYED', secret: 'played/secret+key0123456789abcdef' } as const;

/** Environment variables with which the SDK finds these keys and looks no further. */
export const S3_ENV = {
  AWS_ENDPOINT_URL: S3_ENDPOINT,
  AWS_ACCESS_KEY_ID: S3_KEYS.id,
  AWS_SECRET_ACCESS_KEY: S3_KEYS.secret,
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
} as const;

export interface PlayedObject {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export interface PlayedS3 {
  /** `BUCKET/KEY` of each object. */
  readonly objects: Map<string, PlayedObject>;
  /** Multipart uploads that were neither completed nor aborted. */
  readonly uploads: ReadonlyMap<string, unknown>;
  /** `METHOD /path?query` of each request. */
  readonly requests: readonly string[];
  readonly http: Http;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

interface PlayedUpload {
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, Buffer>;
}

interface UploadCall extends Pick<HttpRequest, 'method' | 'headers'> {
  readonly bytes: Buffer;
  readonly searchParams: URLSearchParams;
  /** Whether the name must be free but is taken. */
  readonly isTaken: boolean;
}

/** Replaces a reply: another reply, an error to throw, or null to continue. */
export type Interference = (request: HttpRequest, what: string) => Reply | null | Promise<Reply | null>;

/**
 * An in-process storage service with the S3 API: buckets, keys, conditional writes and multipart uploads. It refuses
 * bodies that differ from their signed checksum.
 */
export function playS3({
  buckets = ['films'],
  interfere = () => null,
}: {
  readonly buckets?: readonly string[];
  readonly interfere?: Interference;
} = {}): PlayedS3 {
  const objects = new Map<string, PlayedObject>();
  const uploads = new Map<string, PlayedUpload>();
  const requests: string[] = [];
  let lastUpload = 0;

  function answer({ method, url, headers, body = '' }: HttpRequest): Reply {
    const { pathname, searchParams } = new URL(url);
    const name = decodeURIComponent(pathname.slice(1));
    const bytes = Buffer.from(body);
    if (!headers.authorization?.includes(`Credential=${S3_KEYS.id}/`)) return refusal(403, 'InvalidAccessKeyId');
    if (headers['x-amz-content-sha256'] !== createHash('sha256').update(bytes).digest('hex')) {
      return refusal(400, 'XAmzContentSHA256Mismatch');
    }
    if (!buckets.includes(name.split('/')[0] ?? '')) return refusal(404, 'NoSuchBucket');
    const isTaken = headers['if-none-match'] === '*' && objects.has(name);
    if (searchParams.has('uploads') || searchParams.has('uploadId')) {
      return answerUpload(name, { method, headers, bytes, searchParams, isTaken });
    }
    if (method === 'PUT') {
      if (isTaken) return refusal(412, 'PreconditionFailed');
      objects.set(name, { bytes, headers });
      return { status: 200, headers: { etag: '"whole"' } };
    }
    return answerStored(name, method, headers);
  }

  function answerStored(name: string, method: string, headers: HttpRequest['headers']): Reply {
    const found = objects.get(name);
    if (method === 'DELETE') {
      objects.delete(name);
      return { status: 204 };
    }
    if (found === undefined) return refusal(404, 'NotFound');
    if (method === 'GET') {
      const [, first = 0, last = found.bytes.length - 1] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      return { status: 206, body: found.bytes.subarray(Number(first), Number(last) + 1) };
    }
    const metadata = Object.entries(found.headers).filter(([key]) => /^(x-amz-meta-|content-type$)/.test(key));
    return { status: 200, headers: { 'content-length': String(found.bytes.length), ...Object.fromEntries(metadata) } };
  }

  function answerUpload(name: string, { method, headers, bytes, searchParams, isTaken }: UploadCall): Reply {
    if (searchParams.has('uploads')) {
      const id = `upload-${++lastUpload}`;
      uploads.set(id, { headers, parts: new Map() });
      return {
        status: 200,
        body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      };
    }
    const id = searchParams.get('uploadId') ?? '';
    const upload = uploads.get(id);
    if (upload === undefined) return refusal(404, 'NoSuchUpload');
    if (method === 'PUT') {
      upload.parts.set(Number(searchParams.get('partNumber')), bytes);
      return { status: 200, headers: { etag: '"part"' } };
    }
    if (isTaken && method === 'POST') return refusal(412, 'PreconditionFailed');
    uploads.delete(id);
    if (method === 'DELETE') return { status: 204 };
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    objects.set(name, { bytes: Buffer.concat(parts), headers: upload.headers });
    return { status: 200, body: `<CompleteMultipartUploadResult><Key>${name}</Key></CompleteMultipartUploadResult>` };
  }

  const http: Http = async (request) => {
    request.signal?.throwIfAborted();
    const { pathname, search } = new URL(request.url);
    const what = `${request.method} ${pathname}${search}`;
    requests.push(what);
    const { status, headers = {}, body = '' } = (await interfere(request, what)) ?? answer(request);
    return { status, headers, body: Readable.from(request.method === 'HEAD' ? [] : [body]) };
  };
  return { objects, uploads, requests, http };
}

export function refusal(status: number, code: string): Reply {
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  };
}

/** An MP4 that is uploaded in three parts. */
export const LONG_CLIP = Buffer.concat([CLIP.subarray(0, 36), mediaOf(2 * (8 << 20) + 1000)]);

function mediaOf(bytes: number): Buffer {
  const box = Buffer.alloc(bytes, 'x');
  box.writeUInt32BE(bytes);
  box.write('mdat', 4, 'latin1');
  return box;
}

/** A server for it that supports ranges. */
export const longContent: VideosScript = {
  content: ({ headers }) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const rest = LONG_CLIP.subarray(start);
    const range = start > 0 ? { 'content-range': `bytes ${start}-${LONG_CLIP.length - 1}/${LONG_CLIP.length}` } : {};
    return {
      status: start > 0 ? 206 : 200,
      body: rest,
      headers: { etag: '"long"', 'content-type': 'video/mp4', 'content-length': String(rest.length), ...range },
    };
  },
};

/** Serves it on loopback for other processes; returns the URL for `AWS_ENDPOINT_URL`. */
export async function listenAsS3(s3: PlayedS3): Promise<string> {
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const reply = await s3.http({
      method,
      url: `http://localhost${url}`,
      headers: headers as Record<string, string>,
      body: await buffer(request),
    });
    response.writeHead(reply.status, reply.headers);
    reply.body.pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
