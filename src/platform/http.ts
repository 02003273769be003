import type * as NodeHttp from 'node:http';
import type * as NodeHttps from 'node:https';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { decoded } from './content-encoding.ts';
import { isPrivateAddress, privateAddressError, publicLookup } from './public-address.ts';
import { timeoutError } from './timeout.ts';

/** One HTTP exchange, below any notion of JSON, retries or redirects. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Maximum silence on the connection, before or during the reply; then it fails with `ETIMEDOUT`. */
  readonly idleTimeoutMs?: number;
  /** Opens a connection, which a load balancer may pass to another server. */
  readonly isOnNewConnection?: boolean;
  /** Fails with `EPRIVATE` instead of connecting to a private or loopback address, even if a name resolves to it. */
  readonly publicOnly?: boolean;
}

export interface HttpReply {
  readonly status: number;
  /** Lower-case names; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's bytes; the receiver of the reply must read it completely or destroy it. */
  readonly body: Readable;
  /** The IP address that the reply came from; left out where a proxy is in between. */
  readonly address?: string | undefined;
  /** The number of bytes received on its connection; left out without a connection. */
  readonly receivedBytes?: () => number;
  /** The proxy, without its password, that may have written this reply: it could read the request. */
  readonly proxy?: string | undefined;
}

/**
 * Sends a request and resolves with the head of the reply. Rejects with the network's own error (`ECONNREFUSED`,
 * `ENOTFOUND`, a TLS code, …) or the signal's reason.
 */
export type Http = (request: HttpRequest) => Promise<HttpReply>;

/** `Http` over node:http: the first use of the global fetch compiles WebAssembly, which takes as long as starting Node. */
export const nodeHttp: Http = async (request) => {
  const { lookup } = process.getBuiltinModule('node:dns');
  const url = new URL(request.url);
  if (request.publicOnly) refusePrivateAddress(url);
  return sendOver(request, {
    url,
    options: {
      ...(request.publicOnly ? { lookup: publicLookup(lookup) } : {}),
      // A body gets a new connection: a server may be closing a kept-alive one, which would leave the outcome
      // unknown.
      ...(request.body === undefined && !request.publicOnly && !request.isOnNewConnection ? {} : { agent: false }),
    },
  });
};

/** Throws `EPRIVATE` for a URL whose host is written as a private or loopback address, or as `localhost`. */
export function refusePrivateAddress({ hostname }: URL): void {
  if (isPrivateAddress(hostname)) throw privateAddressError(hostname, hostname);
}

/** Real replies have few headers; a proxy may add cookies and policies. */
const MAX_HEADER_BYTES = 256 << 10;

/** Where a request is sent: to its own host, or to a proxy. */
export interface Connection {
  /** Decides between plain HTTP and TLS, and names the host unless the options do. */
  readonly url: URL;
  readonly options: NodeHttps.RequestOptions;
}

/** Sends a request over a connection, and resolves with the head of the reply, as `Http` does. */
export async function sendOver(request: HttpRequest, { url, options }: Connection): Promise<HttpReply> {
  const { signal, idleTimeoutMs } = request;
  signal?.throwIfAborted();
  const outgoing = moduleFor(url).request(url, {
    method: request.method,
    headers: withLength(request),
    // As lenient as curl: some servers send Content-Length together with chunked encoding.
    insecureHTTPParser: true,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...options,
  });
  return new Promise((resolve, reject) => {
    // After the reply has started, the reader of its body gets the error.
    let stream: Writable | Readable = outgoing;
    const onAbort = (): void => {
      stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.once('close', () => signal?.removeEventListener('abort', onAbort));
    if (idleTimeoutMs !== undefined) {
      outgoing.setTimeout(idleTimeoutMs, () => stream.destroy(timeoutError(idleTimeoutMs)));
    }
    outgoing.on('error', (error) => reject(withStep(signal?.aborted ? signal.reason : error, outgoing.socket)));
    const refuseUpgrade = (_reply: unknown, socket: Socket): void => {
      socket.destroy();
      reject(new Error('the server switched protocols (HTTP 101) without being asked to'));
    };
    outgoing.once('upgrade', refuseUpgrade);
    outgoing.once('response', (incoming) => {
      stream = incoming;
      if (incoming.statusCode === 101) return refuseUpgrade(incoming, incoming.socket); // without an `upgrade` header
      const { 'transfer-encoding': coding, ...others } = flattenHeaders(incoming.headers);
      const { 'content-length': _, ...unsized } = others;
      const headers = coding === undefined ? others : unsized; // the coding decides where the body ends (RFC 9112 §6.3)
      try {
        const reply = decoded({ status: incoming.statusCode ?? 0, headers, body: incoming });
        const { socket } = incoming;
        resolve({ ...reply, address: socket.remoteAddress, receivedBytes: () => socket.bytesRead });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.end(request.body);
  });
}

/** The steps at which a call can fail before any part of the request was sent. */
const [CONNECT, HANDSHAKE] = ['connect', 'handshake'];

/** An error with the step at which it occurred: only that shows that nothing was sent. */
function withStep(error: unknown, socket: Socket | null): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const isUnsecured = socket !== null && 'secureConnecting' in socket && socket.secureConnecting === true;
  if (isUnsecured) return Object.assign(error, { syscall: HANDSHAKE });
  return socket?.connecting === true && !('syscall' in error) ? Object.assign(error, { syscall: CONNECT }) : error;
}

/** `process.getBuiltinModule` rather than import: on Node 22 and newer `import 'node:http'` also loads undici. */
export function moduleFor(url: URL): typeof NodeHttp | typeof NodeHttps {
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
