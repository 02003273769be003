import { SoraError } from '../domain/errors.ts';
import { parseJson } from '../domain/json.ts';
import { redactUrl, type Secrets } from '../domain/redact.ts';
import type { Http, HttpReply, HttpRequest } from '../platform/http.ts';

/** A server, and what is sent with every call. */
export interface Endpoint {
  /** As configured, for example `https://api.openai.com/v1`; used unchanged. */
  readonly baseUrl: string;
  /** The header that carries the key, or null for a server without one. */
  readonly auth: { readonly name: string; readonly value: string } | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Parameters of the list alone: in other calls a gateway may take them for a choice of provider. */
  readonly listQuery: Readonly<Record<string, string>>;
}

/** What `--debug` shows of an exchange, without secrets. */
export type TraceEvent =
  | { readonly kind: 'request'; readonly method: string; readonly url: string; readonly baseURL: string }
  | { readonly kind: 'request body'; readonly type: string; readonly bytes: number; readonly text: string | null }
  | { readonly kind: 'response'; readonly status: number; readonly url: string; readonly ms: number }
  /** The server's message, or the error that ended the exchange. */
  | { readonly kind: 'response error'; readonly status: number | null; readonly url: string; readonly error: string };

export interface TransportOptions {
  readonly http: Http;
  readonly endpoint: Endpoint;
  /** Taken out of replies: some servers repeat what they were sent. */
  readonly secrets: Secrets;
  readonly userAgent: string;
  readonly idleTimeoutMs: number;
  readonly now: () => number;
  readonly trace?: ((event: TraceEvent) => void) | undefined;
  /** Receives notices for the user, such as a `Sunset` header. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

export interface TransportRequest extends Pick<HttpRequest, 'method' | 'url' | 'body' | 'signal'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A reply, and the final address that it came from. */
export interface TransportReply extends HttpReply {
  readonly url: string;
}

/** No reply of this API is larger; the largest contain a video as base64. */
const MAX_TEXT_BYTES = 256 << 20;
/** How much of a body a log needs. */
const MAX_TRACED_CHARACTERS = 2_000;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Sends calls to one server: its key and headers go to its own origin and to no other. */
export class Transport {
  readonly baseUrl: string;
  readonly #options: TransportOptions;
  readonly #notices = new Set<string>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.baseUrl = options.endpoint.baseUrl.replace(/\/+$/, '');
  }

  /** Whether calls carry a key. */
  get hasKey(): boolean {
    return this.#options.endpoint.auth !== null;
  }

  /** The full address of a path of the API, with the endpoint's own query. */
  urlOf(path: string, query: Readonly<Record<string, string>> = {}): string {
    const url = new URL(this.withQuery(`${this.baseUrl}${path}`));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  /** An address of this server, with the endpoint's query added to its own. */
  withQuery(address: string): string {
    const url = new URL(address);
    for (const [name, value] of Object.entries(this.#options.endpoint.query)) {
      if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    }
    return url.href;
  }

  /** One exchange. Redirects of a GET are followed; a POST is never resent automatically. */
  async send(request: TransportRequest): Promise<TransportReply> {
    let url = this.#addressOf(request);
    for (let redirects = 0; ; redirects++) {
      const reply = await this.#exchange(request, url);
      const { location } = reply.headers;
      const follows = request.method === 'GET' && REDIRECTS.has(reply.status) && redirects < MAX_REDIRECTS;
      if (!follows || location === undefined || !URL.canParse(location, url.href)) {
        return { ...reply, headers: this.#withoutSecretValues(reply.headers), url: url.href };
      }
      reply.body.destroy();
      url = new URL(location, url);
    }
  }

  /**
   * The complete text of a reply, without secrets. A refusal or anything that is not a reply of this API is traced
   * as the server sent it.
   */
  async textOf({ status, url, body }: TransportReply): Promise<string> {
    const text = this.#withoutSecrets(await readText(body));
    const { trace } = this.#options;
    if (trace !== undefined && !isAnswer(status, text)) {
      trace({ kind: 'response error', status, url: redactUrl(url), error: this.#excerpt(text) || 'empty body' });
    }
    return text;
  }

  /** The text of a reply. Throws `endpoint_not_found` if a redirect led to another origin that requires a key. */
  async answerOf(reply: TransportReply): Promise<string> {
    const text = await this.textOf(reply);
    const isRefused = reply.status === 401 || reply.status === 403;
    if (!isRefused || !this.hasKey || this.isHome(reply.url)) return text;
    const { origin } = new URL(reply.url);
    throw new SoraError('endpoint_not_found', {
      title: 'the server redirects to another address, to which its key is not sent',
      causedBy: `HTTP ${reply.status} from ${origin}`,
      hints: [
        `set the base URL to ${origin}${new URL(this.baseUrl).pathname} if that is the server’s own`,
        'run `sora config list` to see where the base URL is set',
      ],
      status: reply.status,
    });
  }

  /** Whether an address is on the server's own origin. */
  isHome(url: string): boolean {
    return new URL(url).origin === new URL(this.baseUrl).origin;
  }

  #addressOf({ method, url: address }: TransportRequest): URL {
    const url = new URL(address);
    if (method !== 'GET' || url.pathname !== new URL(`${this.baseUrl}/videos`).pathname) return url;
    for (const [name, value] of Object.entries(this.#options.endpoint.listQuery)) {
      if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    }
    return url;
  }

  async #exchange(request: TransportRequest, url: URL): Promise<HttpReply> {
    const { http, idleTimeoutMs, now, trace } = this.#options;
    const { method, body, signal } = request;
    const shown = redactUrl(url.href);
    trace?.({ kind: 'request', method, url: shown, baseURL: redactUrl(this.baseUrl) });
    if (body !== undefined) trace?.(this.#bodyEvent(body, request.headers));
    const startedMs = now();
    try {
      const reply = await http({
        method,
        url: url.href,
        headers: this.#headersFor(url, request.headers),
        idleTimeoutMs,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      trace?.({ kind: 'response', status: reply.status, url: shown, ms: Math.round(now() - startedMs) });
      this.#hearNotices(reply);
      return reply;
    } catch (error) {
      trace?.({ kind: 'response error', status: null, url: shown, error: this.#options.secrets.redact(String(error)) });
      throw error;
    }
  }

  /** Of a form only the size is shown: it contains files. */
  #bodyEvent(body: string | Uint8Array, headers: TransportRequest['headers']): TraceEvent {
    const [type = ''] = (headers?.['content-type'] ?? '').split(';');
    const text = typeof body === 'string' ? this.#excerpt(body) : null;
    return { kind: 'request body', type, bytes: Buffer.byteLength(body), text };
  }

  #withoutSecrets(text: string): string {
    return this.#options.secrets.hide(text);
  }

  /** Redacted before it is cut: half a secret would not be recognised. */
  #excerpt(text: string): string {
    return this.#options.secrets.redact(text).slice(0, MAX_TRACED_CHARACTERS);
  }

  #withoutSecretValues(headers: HttpReply['headers']): HttpReply['headers'] {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.#withoutSecrets(value)]));
  }

  #headersFor(url: URL, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { endpoint, userAgent } = this.#options;
    const common = { accept: '*/*', 'accept-encoding': 'identity', ...headers, 'user-agent': userAgent };
    if (!this.isHome(url.href)) return common;
    const auth = endpoint.auth === null ? {} : { [endpoint.auth.name.toLowerCase()]: endpoint.auth.value };
    return { ...common, ...lowerCaseNames(endpoint.headers), ...auth };
  }

  #hearNotices({ headers }: HttpReply): void {
    for (const name of ['deprecation', 'sunset'] as const) {
      const value = headers[name];
      if (value === undefined || this.#notices.has(name)) continue;
      this.#notices.add(name);
      this.#options.onNotice?.(`the server announces its ${name}: ${value}`);
    }
  }
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function isAnswer(status: number, text: string): boolean {
  return status < 300 && (text.trim() === '' || parseJson(text) !== undefined);
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_TEXT_BYTES) throw new Error(`the reply is larger than ${MAX_TEXT_BYTES >> 20} MiB`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
