import type { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import type { JsonValue } from '../domain/json.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { attempt } from '../platform/attempt.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { objectOf, textOf } from '../wire/fields.ts';
import { decodeJob, isJobDocument, type ReplyFacts } from '../wire/job.ts';
import { parseReplyJson } from '../wire/reply-json.ts';
import { decodeDeleted } from '../wire/videos.ts';
import {
  type CallContext,
  failureFromReply,
  failureFromThrown,
  type RefusedReply,
  requestIdOf,
  retryAfterOf,
  sentNothing,
  unreadableReply,
} from './failure.ts';
import type { CallOptions, CreateOutcome, VideoPage } from './port.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** The options of clients for all dialects. */
export interface ClientOptions {
  readonly transport: Transport;
  readonly profile: string;
  readonly now: () => number;
}

/** What is known about a call before it is made. */
export function contextFor(
  { transport, profile, now }: ClientOptions,
  facts: NonNullable<CallContext['facts']>,
): CallContext {
  return {
    baseUrl: transport.baseUrl,
    hasKey: transport.hasKey,
    atMs: now(),
    facts: { profile, key_origin: transport.keyOrigin, ...facts },
  };
}

/** A reply of the API, read completely, with any status. */
export interface Reply extends RefusedReply {
  /** Our uptime when its head arrived. */
  readonly uptimeMs: number;
  /** The body as JSON; undefined if it is not JSON. */
  readonly value: JsonValue | undefined;
}

/** Sends one call once. Rejects with what the transport throws. */
export async function exchange(transport: Transport, request: TransportRequest): Promise<Reply> {
  const reply = await transport.ask({ ...request, headers: { accept: 'application/json', ...request.headers } });
  return { ...reply, value: parseReplyJson(reply.body) };
}

export function isSuccess({ status }: Pick<Reply, 'status'>): boolean {
  return status >= 200 && status < 300;
}

/** The outcome of a create, from its reply. A job in the body counts, whatever the status. */
function outcomeOf(reply: Reply, context: CallContext): CreateOutcome {
  if (isSuccess(reply) || isJobDocument(reply.value)) {
    const job = decodeJob(reply.value, replyFacts(reply, context.atMs));
    return job === null ? { kind: 'unknown', error: unreadableReply(reply, context) } : { kind: 'accepted', job };
  }
  const error = failureFromReply(reply, context);
  return isRefused(reply) ? { kind: 'rejected', error } : { kind: 'unknown', error: inDoubt(error) };
}

/** The same, but if the reply contains no job, an address in it may lead to the job, on the server's own origin. */
export async function outcomeBehind(reply: Reply, context: CallContext, transport: Transport): Promise<CreateOutcome> {
  const outcome = outcomeOf(reply, context);
  const url = outcome.kind === 'unknown' ? jobAddress(reply, context.baseUrl) : null;
  if (url === null) return outcome;
  try {
    const answer = await exchange(transport, { method: 'GET', url: transport.withQuery(url) });
    const job = isSuccess(answer) ? decodeJob(answer.value, replyFacts(answer, context.atMs)) : null;
    return job !== null && job.id === lastSegment(url) ? { kind: 'accepted', job } : outcome;
  } catch {
    return outcome; // still unknown
  }
}

/** The first address of a job on the server's own origin, from the headers or the body. */
function jobAddress({ headers, value }: Reply, baseUrl: string): string | null {
  const { polling_url } = objectOf(value);
  const given = [headers.location, headers['operation-location'], headers['content-location'], textOf(polling_url)];
  // A relative address starts at the route of the create.
  const urls = given.flatMap((address) =>
    address && URL.canParse(address, `${baseUrl}/`) ? new URL(address, `${baseUrl}/`) : [],
  );
  const { origin } = new URL(baseUrl);
  return urls.find((url) => url.origin === origin && lastSegment(url.href) !== '')?.href ?? null;
}

function lastSegment(url: string): string {
  return attempt(() => decodeURIComponent(new URL(url).pathname.replace(/\/$/, '').split('/').at(-1) ?? '')) ?? '';
}

/** The outcome of a create without a reply. */
export function unansweredOutcome(thrown: unknown, context: CallContext): CreateOutcome {
  const failure = failureFromThrown(thrown, context);
  return sentNothing(thrown) ? { kind: 'rejected', error: failure } : { kind: 'unknown', error: inDoubt(failure) };
}

/** The reply to a call that is safe to lose. Throws the signal's reason, or a `SoraError` for a refusal. */
export async function readReply(
  client: ClientOptions,
  request: TransportRequest,
  facts: NonNullable<CallContext['facts']> = {},
  isAnswer: (reply: Reply) => boolean = () => false,
): Promise<{ readonly reply: Reply; readonly context: CallContext }> {
  const context = contextFor(client, facts);
  const reply = await exchange(client.transport, request).catch((error: unknown) => {
    request.signal?.throwIfAborted();
    throw failureFromThrown(error, context);
  });
  if (isSuccess(reply) || isAnswer(reply)) return { reply, context };
  const failure = failureFromReply(reply, context);
  // The hints of the code are for creates: other commands have no `--dry-run`.
  const hints = ['add `--debug` to see the request and the response'];
  throw failure.code === 'invalid_request' ? failure.with({ hints }) : failure;
}

/** The job at an address, under the requested id, whatever id the reply has. Throws like `readReply`, and `unreadable_response`. */
export async function readJob(
  client: ClientOptions,
  id: string,
  url: string,
  options: CallOptions,
): Promise<{ readonly job: VideoJob; readonly reply: Reply }> {
  const { reply, context } = await readReply(client, { method: 'GET', url, ...options }, { id }, isEndedJob(id));
  const job = decodeJob(reply.value, { ...replyFacts(reply, context.atMs), askedId: id });
  if (job === null) throw unreadableReply(reply, context);
  return { job: { ...job, id }, reply };
}

/** Some servers report a failed job with a 4xx or 5xx whose body is the job: it has ended. */
function isEndedJob(id: string): (reply: Reply) => boolean {
  return ({ value }) => {
    const isVideo = /^video/i.test(textOf(objectOf(value).object) ?? '');
    const job = decodeJob(value, { requestId: null, pollAfterMs: null, ...(isVideo && { askedId: id }) });
    return job !== null && idForms(job.id).some((form) => idForms(id).includes(form)) && isTerminal(job.status);
  };
}

/** Deletes a video; whether the reply confirms that it is gone. Throws like `readReply`, and `unreadable_response`. */
export async function removeJob(
  client: ClientOptions,
  id: string,
  url: string,
  options: CallOptions,
): Promise<boolean> {
  const { reply, context } = await readReply(client, { method: 'DELETE', url, ...options }, { id });
  if (reply.value === undefined && reply.body.trim() !== '') throw unreadableReply(reply, context);
  return decodeDeleted(reply.value);
}

/** The server's clock as its reply arrived; null without a `Date` header. */
export function clockOf({ headers, uptimeMs }: Reply): VideoPage['clock'] {
  const serverMs = Date.parse(headers.date ?? '');
  return Number.isNaN(serverMs) ? null : { serverMs, uptimeMs };
}

export function replyFacts({ headers }: Reply, nowMs: number): ReplyFacts {
  const pollAfterMs = Number.parseFloat(headers['openai-poll-after-ms'] ?? '');
  return {
    requestId: requestIdOf(headers),
    pollAfterMs: pollAfterMs > 0 ? pollAfterMs : retryAfterOf(headers, nowMs),
  };
}

/** New API's distributor forwards a call only after it has found a channel. */
const NO_CHANNEL = /[(\uff08]distributor[)\uff09]/;

/** A refusal of a create whose idempotency key is known: a proxy sent it twice, and the first may have been accepted. */
const KEY_REUSED = /idempoten.{0,60}(used?\b|exist|conflict|duplicate|progress)/is;

/** Whether the reply proves that a refused create created nothing. */
function isRefused({ status, body }: Reply): boolean {
  const { code, message } = decodeErrorBody(body);
  if (status === 503) return code === 'model_not_found' && NO_CHANNEL.test(message);
  return provesNothingMade(status) && !KEY_REUSED.test(`${code}: ${message}`);
}

/**
 * Client errors that may follow an accepted create. Servers answer a create that a proxy sent twice with 423 or 425.
 */
const MAY_FOLLOW_ACCEPTANCE: ReadonlySet<number> = new Set([406, 408, 409, 423, 424, 425]);
/** The last registered client error. Those above are a proxy's own, mostly for a connection that ended early. */
const LAST_CLIENT_ERROR = 451;
const NO_RESPONSE = 444;

/** Whether the request itself was refused, by the status of its reply. A redirect may lead to a job. */
export function provesNothingMade(status: number): boolean {
  return status >= 400 && status <= LAST_CLIENT_ERROR && status !== NO_RESPONSE && !MAY_FOLLOW_ACCEPTANCE.has(status);
}

function inDoubt(failure: SoraError): SoraError {
  return failure.as('outcome_unknown', { causedBy: failure.causedBy ?? failure.message, cause: failure });
}
