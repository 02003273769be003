import { diagnose, diagnoseNetwork, failedBeforeSending, isOpenAiUrl, type NetworkFault } from '../domain/diagnosis.ts';
import { SoraError } from '../domain/errors.ts';
import { type Facts, keyFacts } from '../domain/hints.ts';
import { parseJson } from '../domain/json.ts';
import { KNOWN_MODELS } from '../domain/models.ts';
import { nearest } from '../domain/nearest.ts';
import type { HttpReply } from '../platform/http.ts';
import { decodeErrorBody } from '../wire/error-body.ts';

/** What is known about a failed call. */
export interface CallContext {
  readonly baseUrl: string;
  readonly hasKey: boolean;
  readonly atMs: number;
  /** Fills hints: model, id, profile, … */
  readonly facts?: Facts;
}

/** A reply outside 2xx, read completely. */
export interface RefusedReply extends Pick<HttpReply, 'status' | 'headers' | 'proxy'> {
  readonly body: string;
}

export function failureFromReply(reply: RefusedReply, context: CallContext): SoraError {
  if (reply.proxy !== undefined && isProxysOwn(reply)) return proxyRefusal(reply, reply.proxy, context);
  const { code, type, message } = decodeErrorBody(reply.body);
  const retryAfterMs = retryAfterOf(reply.headers, context.atMs);
  const cause = diagnose({
    status: reply.status,
    code,
    type,
    message,
    isOpenAi: isOpenAiUrl(context.baseUrl),
    atMs: context.atMs,
    hasKey: context.hasKey,
    isAboutVideo: typeof context.facts?.id === 'string',
  });
  const { location } = reply.headers;
  return new SoraError(cause, {
    causedBy: quoteReply(reply.status, message || (location ? `redirected to ${location}` : '')),
    status: reply.status,
    requestId: requestIdOf(reply.headers),
    retryAfterMs,
    facts: {
      ...endpointFacts(context),
      retry_after: waitInWords(retryAfterMs),
    },
  });
}

/** Squid marks its own pages. Other proxies answer 403 with a page, a server of this API with JSON. */
function isProxysOwn({ status, headers, body }: RefusedReply): boolean {
  if (status === 407 || headers['x-squid-error'] !== undefined) return true;
  return status === 403 && parseJson(body) === undefined && /^text\//i.test(headers['content-type'] ?? 'text/html');
}

function proxyRefusal({ status, headers, body }: RefusedReply, proxy: string, context: CallContext): SoraError {
  return new SoraError('proxy_failure', {
    title: `the proxy ${proxy} refused the request`,
    causedBy: quoteReply(status, headers['x-squid-error'] ?? decodeErrorBody(body).message),
    status,
    facts: endpointFacts(context),
  });
}

/** Anything thrown below HTTP. Callers check their abort signal first: an abort is not a failure. */
export function failureFromThrown(thrown: unknown, context: CallContext): SoraError {
  if (thrown instanceof SoraError) return thrown;
  const fault = networkFaultOf(thrown);
  return new SoraError(fault === null ? 'connection_failed' : diagnoseNetwork(fault.code), {
    causedBy: describeThrown(thrown),
    facts: endpointFacts(context),
    cause: thrown,
  });
}

const ENCODING_REFUSED =
  /content[- _]?type|multipart|form[- _]?data|media type|json body|prompt\b.{0,40}(required|missing)|(required|missing).{0,40}\bprompt/is;

/** Whether a refusal shows that the server did not understand the body's encoding, so it created nothing. */
export function refusesEncoding({ status, body }: Pick<RefusedReply, 'status' | 'body'>): boolean {
  if (status !== 400 && status !== 415 && status !== 422) return false;
  return status === 415 || ENCODING_REFUSED.test(decodeErrorBody(body).message);
}

/** `HTTP 404: not found`, or `HTTP 404 (empty body)`. */
export function quoteReply(status: number, message: string): string {
  return message === '' ? `HTTP ${status} (empty body)` : `HTTP ${status}: ${message}`;
}

/** A 2xx whose body is not a reply of this API. */
export function unreadableReply(reply: RefusedReply, context: CallContext): SoraError {
  const { message } = decodeErrorBody(reply.body);
  return new SoraError('unreadable_response', {
    causedBy: quoteReply(reply.status, message.slice(0, 300)),
    status: reply.status,
    requestId: requestIdOf(reply.headers),
    facts: endpointFacts(context),
  });
}

/** Whether a network failure proves that the server's application never saw the request. */
export function sentNothing(thrown: unknown): boolean {
  const fault = networkFaultOf(thrown);
  return fault !== null && failedBeforeSending(fault);
}

/** Whether a base URL has a part such as `/v1`. */
export function isVersioned(baseUrl: string): boolean {
  return /\/v\d/.test(new URL(baseUrl).pathname);
}

function endpointFacts(context: CallContext): Facts {
  const { host, origin } = new URL(context.baseUrl);
  const versioned_url = isVersioned(context.baseUrl) ? null : `${context.baseUrl.replace(/\/+$/, '')}/v1`;
  return {
    base_url: context.baseUrl,
    versioned_url,
    origin,
    host,
    near_model: nearModel(context.facts?.model),
    ...context.facts,
    ...keyFacts(context.facts?.profile ?? null),
  };
}

/** The known model that a wrong name most likely means. */
function nearModel(name: string | null | undefined): string | null {
  const known = KNOWN_MODELS.map((model) => model.name);
  const near = nearest(name ?? '', known)[0] ?? null;
  return near === name ? null : near;
}

/** The first error with a code in a chain of causes; a connect to several addresses fails with one error for each. */
function networkFaultOf(thrown: unknown): NetworkFault | null {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof AggregateError) return networkFaultOf(error.errors[0]);
    if (!('code' in error) || typeof error.code !== 'string') continue;
    return {
      code: error.code,
      syscall: 'syscall' in error && typeof error.syscall === 'string' ? error.syscall : null,
    };
  }
  return null;
}

function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const innermost = thrown instanceof AggregateError ? thrown.errors[0] : (thrown.cause ?? thrown);
  if (!(innermost instanceof Error)) return String(innermost);
  // Only one field of OpenSSL's message is readable.
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec(innermost.message)?.[1];
  return reason ?? (innermost.message || networkFaultOf(innermost)?.code || innermost.name);
}

export function requestIdOf(headers: Readonly<Record<string, string>>): string | null {
  return headers['x-request-id'] ?? headers['request-id'] ?? headers['apim-request-id'] ?? null;
}

const MAX_WAIT_MS = 24 * 3_600_000;

/** For a hint; null for a wait of nothing, which has been tried. */
function waitInWords(waitMs: number | null): string | null {
  if (!waitMs) return null;
  return waitMs === MAX_WAIT_MS ? 'at least a day' : `${Math.ceil(waitMs / 1000)} s`;
}

/** The wait requested by a server: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterOf(headers: Readonly<Record<string, string>>, nowMs: number): number | null {
  const exactMs = Number.parseFloat(headers['retry-after-ms'] ?? '');
  if (exactMs >= 0) return Math.min(exactMs, MAX_WAIT_MS);
  const text = headers['retry-after'];
  if (text === undefined) return null;
  const waitMs = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number.parseFloat(text) * 1000 : Date.parse(text) - nowMs;
  return waitMs >= 0 ? Math.min(waitMs, MAX_WAIT_MS) : null;
}
