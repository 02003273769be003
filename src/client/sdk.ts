import OpenAI, { APIConnectionError, APIError } from 'openai';
import type { Transport, TransportReply, TransportRequest } from './transport.ts';

type SdkOptions = Parameters<OpenAI['buildRequest']>[0];
type SdkRequest = Awaited<ReturnType<OpenAI['buildRequest']>>;

/** An answer that is no 2xx. The SDK's own error keeps only what sits below `error` in the body; this keeps all of it. */
export class StatusError extends APIError {
  readonly body: string;
  constructor(status: number, body: string, headers: Headers) {
    super(status, undefined, undefined, headers);
    this.body = body;
  }
}

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

  /**
   * What the SDK would send, in a plain object. Its own way begins with `new Headers`: the first touch of that class, of
   * `Response` or of `FormData` makes Node load undici, which takes as long as its whole start.
   */
  override async buildRequest({ method, path, query, body, headers, signal }: SdkOptions): Promise<SdkRequest> {
    const encoded = await encodeBody(body);
    const req = { method, ...encoded, signal, headers: { accept: 'application/json', ...encoded.headers, ...headers } };
    return {
      req: req as unknown as SdkRequest['req'], // the SDK hands it to `fetch` as it is, which is ours
      url: this.buildURL(path, query as Record<string, unknown> | undefined), // a plain object in all our calls
      timeout: this.timeout,
    };
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

/** A `fetch` for the requests that `buildRequest` makes. */
function fetchOver(transport: Transport): typeof fetch {
  const send = async (address: string, request: TransportRequest): Promise<Response> => {
    const { pathname, searchParams } = new URL(address);
    const basePath = new URL(transport.baseUrl).pathname.replace(/\/$/, '');
    const url = transport.urlOf(pathname.slice(basePath.length), Object.fromEntries(searchParams));
    try {
      const reply = await transport.send({ ...request, url });
      return toResponse(reply, await transport.answerOf(reply));
    } catch (error) {
      throw new TransportFailure(error);
    }
  };
  return send as unknown as typeof fetch; // it takes less than any fetch does: only what it is given here
}

/** A form goes as it is, anything else as JSON. */
async function encodeBody(body: unknown): Promise<Pick<TransportRequest, 'body' | 'headers'>> {
  if (body === undefined) return {};
  const isPlain = Object.getPrototypeOf(body) === Object.prototype;
  if (isPlain) return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const form = new Response(body as FormData); // see `SdkVideosClient.create`
  return { body: new Uint8Array(await form.arrayBuffer()), headers: Object.fromEntries(form.headers) };
}

/** As much of a `Response` as the SDK and `SdkVideosClient` look at; `buildRequest` tells why it is not a real one. */
function toResponse({ status, headers }: TransportReply, text: string): Response {
  const ok = status >= 200 && status < 300;
  return { status, ok, headers: new Map(Object.entries(headers)), text: async () => text } as unknown as Response;
}
