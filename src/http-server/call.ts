/** One HTTP request, as far as it is looked at. Making a `Request` of it takes longer than answering it. */
export interface Call {
  readonly method: string;
  /** Absolute. */
  readonly url: URL;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole; empty where there is none. */
  readonly body: Uint8Array;
}

/** What a call is answered with. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | ReadableStream<Uint8Array>;
}

export async function callOf(request: Request): Promise<Call> {
  const { method, url, headers } = request;
  const body = new Uint8Array(await request.arrayBuffer());
  return { method, url: new URL(url), headers: Object.fromEntries(headers), body };
}

/** Throws a TypeError for what fetch does not know, such as the method TRACE. */
export function requestOf({ method, url, headers, body }: Call): Request {
  const takesBody = body.length > 0 && method !== 'GET' && method !== 'HEAD';
  return new Request(url, { method, headers, ...(takesBody ? { body } : {}) });
}

export function responseOf({ status, headers, body }: Reply): Response {
  return new Response(body === '' ? null : body, { status, headers });
}

/** JSON is taken as a whole: it is small, and sent sooner than in pieces. */
export async function replyOf(response: Response): Promise<Reply> {
  const { status } = response;
  const headers: Record<string, string> = Object.fromEntries(response.headers);
  if (headers['content-type'] !== 'application/json') return { status, headers, body: response.body ?? '' };
  const body = await response.text();
  if (body !== '') headers['content-length'] = String(Buffer.byteLength(body)); // of a HEAD it is not known here
  return { status, headers, body };
}
