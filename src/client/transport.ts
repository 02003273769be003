import { messageOf, SoraError } from '../domain/errors.ts';
import { parseJson } from '../domain/json.ts';
import { redactUrl, type Secrets } from '../domain/redact.ts';
import type { Clock } from '../platform/clock.ts';
import { flattenHeaders, type Http, type HttpReply, type HttpRequest } from '../platform/http.ts';
import { isPrivateAddress } from '../platform/public-address.ts';
import { lateError, limitTime, type TimeLimitOptions, timeoutError, within } from '../platform/timeout.ts';
import { abortable, peek, readBodyText } from './body-reader.ts';

/** A server, and what is sent with every call. */
export interface Endpoint {
  /** As configured, for example `https://api.openai.com/v1`; used unchanged. */
  readonly baseUrl: string;
  /** The header that carries the key, or null for a server without one. */
  readonly auth: { readonly name: string; readonly value: string } | null;
  /** Where the key was configured, for messages. */
  readonly keyOrigin?: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Sent with list calls only: in other calls a gateway may use them to choose the provider. */
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
  /** Removed from replies: some servers repeat what they were sent. */
  readonly secrets: Secrets;
  readonly userAgent: string;
  /** Limits a whole call, its reply included. Of a file, it limits the first bytes and each stall. */
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, 'now' | 'uptimeMs' | 'alarm'>;
  /** Whether a server at a public address may name files at private ones. */
  readonly allowsPrivateFiles?: boolean;
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
  /** Our uptime when its head arrived. */
  readonly uptimeMs: number;
}

/** The same, read to its end. */
export interface TransportText extends Omit<TransportReply, 'body'> {
  readonly body: string;
}

/** The same, with its first bytes read: fewer than requested only if the body has no more. */
export interface OpenedReply extends TransportReply {
  readonly head: Buffer;
}

/** A download that receives fewer bytes than this within the timeout of a call has stalled. */
const MIN_PROGRESS_BYTES = 1024;
/** The slowest upload to wait for: a large body extends the timeout of its call. */
const UPLOAD_BYTES_PER_SECOND = 64_000;
/** How much of a body `--debug` shows. */
const MAX_TRACED_CHARACTERS = 2_000;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Sends calls to one server. Its key and headers go only to its own origin. */
export class Transport {
  readonly baseUrl: string;
  readonly #origin: string;
  /** The path of the list of videos. */
  readonly #listPath: string;
  readonly #options: TransportOptions;
  readonly #notices = new Set<string>();
  /** Whether the server's name is private, or resolved to a private address. */
  #isAtPrivateAddress: boolean;
  /** Whether the last reply was an error: on a new connection, another replica may reply. */
  #hasFailed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.baseUrl = options.endpoint.baseUrl.replace(/\/+$/, '');
    const { origin, hostname, pathname } = new URL(`${this.baseUrl}/videos`);
    this.#origin = origin;
    this.#listPath = pathname;
    this.#isAtPrivateAddress = isPrivateAddress(hostname);
  }

  /** Where the key was configured; null without a key. */
  get keyOrigin(): string | null {
    return this.#options.endpoint.keyOrigin ?? null;
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
    return withMissing(new URL(address), this.#options.endpoint.query).href;
  }

  /** Sends a call once and reads its whole answer. Throws `endpoint_not_found` if another origin wants the key. */
  async ask(request: TransportRequest): Promise<TransportText> {
    return within(this.#limitOf(request.signal, request.body), async (signal) => {
      const reply = await this.#send({ ...request, signal });
      const answer = { ...reply, body: await this.#read(reply, signal) };
      const isRefused = answer.status === 401 || answer.status === 403;
      if (isRefused && this.hasKey && !this.isHome(answer.url)) throw redirectedAway(answer, this.baseUrl);
      return answer;
    });
  }

  /** Opens a reply and reads its first bytes within the timeout. The caller reads or destroys the rest. */
  async open(request: TransportRequest, headBytes: number): Promise<OpenedReply> {
    const limit = limitTime(this.#limitOf(request.signal));
    let reply: TransportReply | null = null;
    try {
      reply = await this.#send({ ...request, signal: limit.signal });
      const head = await abortable(reply.body, limit.signal, (body) => peek(body, headBytes));
      limit.lift();
      if (reply.body.closed) limit.release();
      else reply.body.once('close', limit.release);
      this.#breakIfStalled(reply);
      return { ...reply, head };
    } catch (error) {
      reply?.body.destroy();
      limit.release();
      throw reply === null || limit.signal.aborted ? error : brokenOff(error);
    }
  }

  /** A file may take long, but one that arrives too slowly counts as stalled. */
  #breakIfStalled({ body, receivedBytes }: TransportReply): void {
    const { clock, timeoutMs } = this.#options;
    if (receivedBytes === undefined || body.closed) return;
    let cancel = (): void => {};
    const watch = (sinceBytes: number): void => {
      cancel = clock.alarm(timeoutMs, () => {
        const isAwaited = body.readableLength === 0; // else the reader is the slow one
        if (isAwaited && receivedBytes() - sinceBytes < MIN_PROGRESS_BYTES) body.destroy(timeoutError(timeoutMs));
        else watch(receivedBytes());
      });
    };
    watch(receivedBytes());
    body.once('close', () => cancel());
  }

  /** Reads the rest of an opened reply as text within the timeout, with secrets removed. */
  textOf(reply: OpenedReply, signal?: AbortSignal): Promise<string> {
    return within(this.#limitOf(signal), (limit) => this.#read(reply, limit, reply.head));
  }

  #limitOf(signal: AbortSignal | undefined, body: string | Uint8Array = ''): TimeLimitOptions {
    const { clock, timeoutMs } = this.#options;
    const ms = timeoutMs + 1_000 * Math.floor(Buffer.byteLength(body) / UPLOAD_BYTES_PER_SECOND);
    return { clock, ms, lateness: () => lateError(ms), signal };
  }

  /** Follows the redirects of a GET; anything else is sent only once. */
  async #send(request: TransportRequest): Promise<TransportReply> {
    let url = new URL(request.url);
    const isList = request.method === 'GET' && url.pathname === this.#listPath;
    if (isList) url = withMissing(url, this.#options.endpoint.listQuery);
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

  async #read({ status, url, body }: TransportReply, signal: AbortSignal, head?: Buffer): Promise<string> {
    const text = this.#options.secrets.hide(await abortable(body, signal, () => readBodyText(body, head)));
    const { trace } = this.#options;
    if (trace !== undefined && !isAnswer(status, text)) {
      trace({ kind: 'response error', status, url: redactUrl(url), error: this.#excerpt(text) || 'empty body' });
    }
    return text;
  }

  /** Whether an address is on the server's own origin. */
  isHome(url: string | URL): boolean {
    return new URL(url).origin === this.#origin;
  }

  async #exchange(request: TransportRequest, url: URL): Promise<Omit<TransportReply, 'url'>> {
    const { http, timeoutMs, clock, trace } = this.#options;
    const { method, body, signal } = request;
    const shown = trace === undefined ? '' : redactUrl(url.href);
    trace?.({ kind: 'request', method, url: shown, baseURL: redactUrl(this.baseUrl) });
    if (body !== undefined) trace?.(this.#bodyEvent(body, request.headers));
    const startedMs = clock.now();
    try {
      const reply = await http({
        method,
        url: url.href,
        headers: this.#headersFor(url, request.headers),
        idleTimeoutMs: timeoutMs,
        publicOnly: this.#isPublicOnly(url),
        isOnNewConnection: this.#hasFailed,
        ...(body === undefined ? {} : { body }),
        signal,
      });
      const uptimeMs = clock.uptimeMs();
      this.#hasFailed = reply.status >= 400;
      trace?.({ kind: 'response', status: reply.status, url: shown, ms: Math.round(clock.now() - startedMs) });
      if (this.isHome(url)) this.#isAtPrivateAddress ||= reply.address !== undefined && isPrivateAddress(reply.address);
      this.#passNotices(reply);
      // A body that breaks while it is not read must not end the program; its reader still gets the error.
      reply.body.on('error', () => {});
      return { ...reply, uptimeMs };
    } catch (error) {
      trace?.({ kind: 'response error', status: null, url: shown, error: this.#options.secrets.redact(String(error)) });
      throw error;
    }
  }

  /** A public server must not send us to addresses that only this machine or its network can reach. */
  #isPublicOnly(url: URL): boolean {
    return !(this.#options.allowsPrivateFiles || this.#isAtPrivateAddress || this.isHome(url));
  }

  /** Shows only the size of a form, which contains files. */
  #bodyEvent(body: string | Uint8Array, headers: TransportRequest['headers']): TraceEvent {
    const [type = ''] = (headers?.['content-type'] ?? '').split(';');
    const text = typeof body === 'string' ? this.#excerpt(body) : null;
    return { kind: 'request body', type, bytes: Buffer.byteLength(body), text };
  }

  /** Redacted before it is cut: half a secret would not be recognised. */
  #excerpt(text: string): string {
    return this.#options.secrets.redact(text).slice(0, MAX_TRACED_CHARACTERS);
  }

  #withoutSecretValues(headers: HttpReply['headers']): HttpReply['headers'] {
    const { secrets } = this.#options;
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, secrets.hide(value)]));
  }

  #headersFor(url: URL, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { endpoint, userAgent } = this.#options;
    const common = { accept: '*/*', 'accept-encoding': 'identity', ...headers, 'user-agent': userAgent };
    if (!this.isHome(url)) return common;
    const auth = endpoint.auth === null ? {} : { [endpoint.auth.name.toLowerCase()]: endpoint.auth.value };
    return { ...common, ...flattenHeaders(endpoint.headers), ...auth };
  }

  #passNotices({ headers }: HttpReply): void {
    for (const name of ['deprecation', 'sunset'] as const) {
      const value = headers[name];
      if (value === undefined || this.#notices.has(name)) continue;
      this.#notices.add(name);
      this.#options.onNotice?.(`the server announces its ${name}: ${value}`);
    }
  }
}

function isAnswer(status: number, text: string): boolean {
  return status < 300 && (text.trim() === '' || parseJson(text) !== undefined);
}

/** Adds the parameters that an address does not have yet. */
function withMissing(url: URL, query: Readonly<Record<string, string>>): URL {
  for (const [name, value] of Object.entries(query)) if (!url.searchParams.has(name)) url.searchParams.set(name, value);
  return url;
}

/** Retryable: the next attempt resumes after the bytes received so far. */
function brokenOff(cause: unknown): SoraError {
  const causedBy = messageOf(cause);
  return new SoraError('download_corrupt', { title: 'the download was interrupted', causedBy, retryable: true, cause });
}

function redirectedAway({ status, url }: TransportText, baseUrl: string): SoraError {
  const { origin } = new URL(url);
  return new SoraError('endpoint_not_found', {
    title: 'the server redirects to another origin, and the key is not sent there',
    causedBy: `HTTP ${status} from ${origin}`,
    hints: [
      `set the base URL to ${origin}${new URL(baseUrl).pathname} if that is the server’s own`,
      'run `sora config list` to see where the base URL is set',
    ],
    status,
  });
}
