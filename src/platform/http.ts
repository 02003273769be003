import type * as NodeHttp from 'node:http';
import type * as NodeHttps from 'node:https';
import { pipeline, Readable, type Transform, type Writable } from 'node:stream';
import type * as NodeZlib from 'node:zlib';
import { timeoutError } from './timeout.ts';

/** One HTTP exchange, below any notion of JSON, retries or redirects. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Maximum silence on the connection, before or during the reply; then it fails with `ETIMEDOUT`. */
  readonly idleTimeoutMs?: number;
}

export interface HttpReply {
  readonly status: number;
  /** Lower-case names; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's bytes; the receiver of the reply must read it completely or destroy it. */
  readonly body: Readable;
}

/**
 * Sends a request and resolves with the head of the reply. Rejects with the
 * network's own error (`ECONNREFUSED`, `ENOTFOUND`, a TLS code, …) or the
 * signal's reason.
 */
export type Http = (request: HttpRequest) => Promise<HttpReply>;

/**
 * `Http` over node:http. It exists because the first use of the global fetch
 * compiles WebAssembly, which takes as long as starting Node.
 */
export const nodeHttp: Http = (request) =>
  new Promise((resolve, reject) => {
    const url = new URL(request.url);
    const { signal } = request;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const outgoing = moduleFor(url).request(url, {
      method: request.method,
      headers: withLength(request),
      // As lenient as curl: some servers send Content-Length together with chunked encoding.
      insecureHTTPParser: true,
      // A request with a body gets a new connection: the server may be closing one that was kept alive, and
      // then the outcome of the request would be unknown.
      ...(request.body === undefined ? {} : { agent: false }),
    });
    // After the reply has started, the reader of its body gets the error.
    let stream: Writable | Readable = outgoing;
    const onAbort = (): void => {
      stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.once('close', () => signal?.removeEventListener('abort', onAbort));
    const { idleTimeoutMs } = request;
    if (idleTimeoutMs !== undefined) {
      outgoing.setTimeout(idleTimeoutMs, () => stream.destroy(timeoutError(idleTimeoutMs)));
    }
    outgoing.on('error', (error) => reject(signal?.aborted ? signal.reason : withStep(error, outgoing.socket)));
    outgoing.once('upgrade', (_reply, socket) => {
      socket.destroy();
      reject(new Error('the server answered 101 and switched protocols, which was not asked for'));
    });
    outgoing.once('response', (incoming) => {
      stream = incoming;
      const headers = flattenHeaders(incoming.headers);
      resolve(decoded({ status: incoming.statusCode ?? 0, headers, body: incoming }));
    });
    outgoing.end(request.body);
  });

/** Adds the failed step for a connection that was not secure yet: nothing of the request has left then. */
const HANDSHAKE = 'handshake';

function withStep(error: Error, socket: unknown): Error {
  const isUnsecured = typeof socket === 'object' && socket !== null && 'secureConnecting' in socket;
  return isUnsecured && socket.secureConnecting === true ? Object.assign(error, { syscall: HANDSHAKE }) : error;
}

/** `process.getBuiltinModule` rather than import: on Node 22 and newer `import 'node:http'` also loads undici. */
function moduleFor(url: URL): typeof NodeHttp | typeof NodeHttps {
  return url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http');
}

function withLength({ headers, body }: HttpRequest): Record<string, string> {
  if (body === undefined) return { ...headers };
  return { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}

export function flattenHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** Headers that describe the encoded bytes only, not the decoded ones. */
const OF_ENCODED_BYTES: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-encoding',
  'content-length',
  'etag',
  'last-modified',
]);
const MAX_ENCODINGS = 5;

/** The reply with its `content-encoding` decoded; unchanged without one or if it is unknown. */
export function decoded(reply: HttpReply): HttpReply {
  const names = (reply.headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const encodings = names.filter((name) => name !== '' && name !== 'identity').reverse();
  if (encodings.length === 0 || encodings.length > MAX_ENCODINGS) return reply;
  const decoders = encodings.map(decoderFor).filter((decoder) => decoder !== null);
  if (decoders.length < encodings.length) return reply;
  const headers = Object.fromEntries(Object.entries(reply.headers).filter(([name]) => !OF_ENCODED_BYTES.has(name)));
  // The reader gets the error of the stream; the callback has nothing to do.
  const body = decoders.reduce<Readable>((source, decoder) => pipeline(source, decoder, () => {}), reply.body);
  return { ...reply, headers, body };
}

/** Node 20 has no zstd; neither have its types. */
type ZlibOfAnyNode = typeof NodeZlib & { readonly createZstdDecompress?: () => Transform };

function decoderFor(encoding: string): Transform | null {
  const zlib: ZlibOfAnyNode = process.getBuiltinModule('node:zlib');
  if (['gzip', 'x-gzip', 'deflate'].includes(encoding)) return zlib.createUnzip();
  if (encoding === 'br') return zlib.createBrotliDecompress();
  return encoding === 'zstd' ? (zlib.createZstdDecompress?.() ?? null) : null; // since Node 22.15
}

/** Makes an `Http` of a `(Request) → Response` handler, without a network. */
export function httpFromHandler(handle: (request: Request) => Promise<Response>): Http {
  return async (request) => {
    const { method, url, headers, body, signal } = request;
    signal?.throwIfAborted();
    const response = await handle(
      new Request(url, { method, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) }),
    );
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: response.body ? Readable.fromWeb(response.body) : Readable.from([]),
    };
  };
}
