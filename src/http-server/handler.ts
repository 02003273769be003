import { Readable } from 'node:stream';
import type { Http } from '../platform/http.ts';

export interface HttpErrorDetails {
  /** HTTP status. */
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused; the handler words the reply. */
export class HttpError<D extends HttpErrorDetails = HttpErrorDetails> extends Error {
  override readonly name: string = 'HttpError';
  readonly details: D;

  constructor(details: D) {
    super(details.message);
    this.details = details;
  }
}

/** A request that has arrived. A plain object, because constructing a `Request` takes longer than answering one. */
export interface ServerCall {
  readonly method: string;
  /** Absolute. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Complete; empty where there is none. */
  readonly body: Uint8Array;
}

export interface ServerReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | ReadableStream<Uint8Array>;
}

export interface Handler {
  /** Rejects with an `HttpError` to refuse the call, and with any other error to break the connection. */
  answer(call: ServerCall): Promise<ServerReply>;
  /** Words a refusal, also of requests that never reach `answer`. */
  refuse(details: HttpErrorDetails): ServerReply;
}

/** Calls a handler in this process, without a network. */
export function httpTo({ answer }: Pick<Handler, 'answer'>): Http {
  return async ({ method, url, headers, body = '', signal }) => {
    signal?.throwIfAborted();
    const call = { method, url: new URL(url), headers, body: typeof body === 'string' ? Buffer.from(body) : body };
    const reply = await answer(call);
    const content =
      typeof reply.body === 'string' ? Readable.from([Buffer.from(reply.body)]) : Readable.fromWeb(reply.body);
    return { ...reply, body: content };
  };
}

/** Throws a TypeError for what fetch does not allow, such as the method TRACE. */
export function requestOf({ method, url, headers, body }: ServerCall): Request {
  const takesBody = body.length > 0 && method !== 'GET' && method !== 'HEAD';
  return new Request(url, { method, headers, ...(takesBody ? { body } : {}) });
}

export function responseOf({ status, headers, body }: ServerReply): Response {
  return new Response(body === '' ? null : body, { status, headers });
}

/** Buffers JSON, which is small and is sent faster in one piece. */
export async function replyOf(response: Response): Promise<ServerReply> {
  const { status } = response;
  const headers: Record<string, string> = Object.fromEntries(response.headers);
  if (headers['content-type'] !== 'application/json') return { status, headers, body: response.body ?? '' };
  const body = await response.text();
  if (body !== '') headers['content-length'] = String(Buffer.byteLength(body)); // unknown for a HEAD
  return { status, headers, body };
}

export function jsonReply(value: object, headers: ServerReply['headers'] = {}, status = 200): ServerReply {
  return textReply(status, 'application/json', JSON.stringify(value), headers);
}

export function textReply(
  status: number,
  type: string,
  body: string,
  headers: ServerReply['headers'] = {},
): ServerReply {
  const length = String(Buffer.byteLength(body));
  return { status, headers: { 'content-type': type, 'content-length': length, ...headers }, body };
}
