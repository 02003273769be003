import { hideSecrets, redact, redactUrl } from '../domain/redact.ts';
import type { Http, HttpReply, HttpRequest } from '../platform/http.ts';

/** The server and what is sent to it with every call. */
export interface Endpoint {
  /** As it was given, for example `https://api.openai.com/v1`; never completed, never doubled. */
  readonly baseUrl: string;
  /** The header that carries the key, or null for a server without one. */
  readonly auth: { readonly name: string; readonly value: string } | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export type TraceEvent =
  | { readonly kind: 'request'; readonly method: string; readonly url: string; readonly baseURL: string }
  | { readonly kind: 'response'; readonly status: number; readonly url: string; readonly ms: number }
  | { readonly kind: 'failure'; readonly status: number | null; readonly url: string; readonly error: string };

export interface TransportOptions {
  readonly http: Http;
  readonly endpoint: Endpoint;
  readonly userAgent: string;
  readonly idleTimeoutMs: number;
  readonly now: () => number;
  readonly trace?: ((event: TraceEvent) => void) | undefined;
  /** Hears what every caller should be told once, such as a `Sunset` header. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

export interface TransportRequest extends Pick<HttpRequest, 'method' | 'url' | 'body' | 'signal'> {
  readonly headers?: Readonly<Record<string, string>>;
}

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

  /** What a server said, without the key: some repeat it, and what they say is shown and written down. */
  withoutKey(text: string): string {
    const { auth } = this.#options.endpoint;
    return auth === null ? text : hideSecrets(text, [auth.value.replace(/^Bearer /, '')]);
  }

  /** The full address of a path of the API, with the endpoint's own query. */
  urlOf(path: string, query: Readonly<Record<string, string>> = {}): string {
    const url = new URL(`${this.baseUrl}${path}`);
    for (const [name, value] of Object.entries({ ...this.#options.endpoint.query, ...query })) {
      url.searchParams.set(name, value);
    }
    return url.toString();
  }

  /** One exchange. Redirects of a GET are followed; a POST is never sent a second time by itself. */
  async send(request: TransportRequest): Promise<HttpReply> {
    let url = new URL(request.url);
    for (let redirects = 0; ; redirects++) {
      const reply = await this.#exchange(request, url);
      const { location } = reply.headers;
      const follows = request.method === 'GET' && REDIRECTS.has(reply.status) && redirects < MAX_REDIRECTS;
      if (!follows || location === undefined || !URL.canParse(location, url.href)) return reply;
      reply.body.destroy();
      url = new URL(location, url);
    }
  }

  async #exchange(request: TransportRequest, url: URL): Promise<HttpReply> {
    const { http, idleTimeoutMs, now, trace } = this.#options;
    const { method, body, signal } = request;
    const shown = redactUrl(url.href);
    trace?.({ kind: 'request', method, url: shown, baseURL: redactUrl(this.baseUrl) });
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
      trace?.({ kind: 'failure', status: null, url: shown, error: redact(String(error)) });
      throw error;
    }
  }

  #headersFor(url: URL, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { endpoint, userAgent } = this.#options;
    const common = { accept: '*/*', ...headers, 'user-agent': userAgent };
    if (url.origin !== new URL(this.baseUrl).origin) return common;
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
