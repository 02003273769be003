import OpenAI, { APIConnectionError, APIError } from 'openai';
import type { HttpReply } from '../platform/http.ts';
import type { Transport } from './transport.ts';

/** An answer that is no 2xx. The SDK's own error keeps only what sits below `error` in the body; this keeps all of it. */
export class StatusError extends APIError {
  readonly body: string;
  constructor(status: number, body: string, headers: Headers) {
    super(status, undefined, undefined, headers);
    this.body = body;
  }
}

/** A reply larger than this is no reply of this API; the largest real one carries a video as base64. */
const MAX_REPLY_BYTES = 256 << 20;

/** The openai SDK on our transport: one try a call, every body raw, keys and headers added by the transport. */
export class Sdk extends OpenAI {
  constructor(transport: Transport) {
    super({
      apiKey: 'the transport sends the key',
      baseURL: transport.baseUrl,
      maxRetries: 0, // the SDK would send a create again on a 500: paid twice
      timeout: 24 * 3_600_000, // silence on the connection is timed by the transport
      logLevel: 'off',
      fetch: fetchOver(transport),
      organization: null,
      project: null,
      webhookSecret: null,
    });
  }

  protected override makeStatusError(
    status: number,
    body: object,
    text: string | undefined,
    headers: Headers,
  ): APIError {
    return new StatusError(status, text ?? JSON.stringify(body), headers);
  }
}

/** Carries what the transport threw through the SDK, which looks for "timed out" in causes and then drops them. */
class TransportFailure extends Error {
  readonly reason: unknown;
  constructor(reason: unknown) {
    super('the transport failed');
    this.reason = reason;
  }
}

/** What was thrown below the SDK, taken out of its wrapping. */
export function unwrapSdkError(thrown: unknown): unknown {
  return thrown instanceof APIConnectionError && thrown.cause instanceof TransportFailure
    ? thrown.cause.reason
    : thrown;
}

function fetchOver(transport: Transport): typeof fetch {
  const send: typeof fetch = async (input, init) => {
    const { body, contentType } = await encodeBody(init?.body);
    const headers: Record<string, string> = { ...contentType };
    new Headers(init?.headers).forEach((value, name) => {
      // The key is the transport's, and what the SDK says of this machine is nobody's business.
      if (name !== 'authorization' && !name.startsWith('x-stainless-')) headers[name] = value;
    });
    const { pathname, searchParams } = new URL(input instanceof Request ? input.url : input);
    const basePath = new URL(transport.baseUrl).pathname.replace(/\/$/, '');
    try {
      const reply = await transport.send({
        method: init?.method ?? 'GET',
        url: transport.urlOf(pathname.slice(basePath.length), Object.fromEntries(searchParams)),
        headers,
        ...(body === undefined ? {} : { body }),
        ...(init?.signal ? { signal: init.signal } : {}),
      });
      return await toResponse(reply);
    } catch (error) {
      throw new TransportFailure(error);
    }
  };
  return send;
}

async function encodeBody(
  body: RequestInit['body'],
): Promise<{ body?: string | Uint8Array; contentType?: Record<string, string> }> {
  if (body === null || body === undefined) return {};
  if (typeof body === 'string') return { body };
  const encoded = new Response(body);
  const type = encoded.headers.get('content-type');
  return {
    body: new Uint8Array(await encoded.arrayBuffer()),
    ...(type === null ? {} : { contentType: { 'content-type': type } }),
  };
}

/** The statuses with which a `Response` takes no body, not even an empty one. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

async function toResponse(reply: HttpReply): Promise<Response> {
  const bytes = await readAll(reply);
  const { status, headers } = reply;
  return new Response(BODYLESS.has(status) ? null : bytes, { status, headers });
}

async function readAll(reply: HttpReply): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of reply.body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_REPLY_BYTES) throw new Error(`the reply is larger than ${MAX_REPLY_BYTES >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
