import { SoraError } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
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
import type { CreateOutcome } from './port.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** What a client of any dialect is made of. */
export interface ClientOptions {
  readonly transport: Transport;
  readonly profile: string;
  readonly now: () => number;
}

/** What is known of a call that is about to be made. */
export function contextFor(
  { transport, profile, now }: ClientOptions,
  facts: NonNullable<CallContext['facts']>,
): CallContext {
  return { baseUrl: transport.baseUrl, hasKey: transport.hasKey, atMs: now(), facts: { profile, ...facts } };
}

/** An answer of the API, read to its end, whatever its status. */
export interface Reply extends RefusedReply {
  /** The body as JSON; undefined when it is none. */
  readonly value: JsonValue | undefined;
}

/** One call, sent once, and its answer. Rejects with what the transport throws. */
export async function exchange(transport: Transport, request: TransportRequest): Promise<Reply> {
  const reply = await transport.send({ ...request, headers: { accept: 'application/json', ...request.headers } });
  const body = await transport.answerOf(reply);
  return { status: reply.status, headers: reply.headers, body, value: parseReplyJson(body) };
}

export function isSuccess({ status }: Reply): boolean {
  return status >= 200 && status < 300;
}

/** What a create came to, from its answer. A job in it counts, whatever the status of the answer. */
export function outcomeOf(reply: Reply, context: CallContext): CreateOutcome {
  if (isSuccess(reply) || isJobDocument(reply.value)) {
    const job = decodeJob(reply.value, replyFacts(reply, context.atMs));
    return job === null ? { kind: 'unknown', error: unreadableReply(reply, context) } : { kind: 'accepted', job };
  }
  const error = failureFromReply(reply, context);
  return provesNothingMade(reply) ? { kind: 'rejected', error } : { kind: 'unknown', error: inDoubt(error) };
}

/**
 * The same, once the address in a `Location` was read where the answer itself names no job: it may be the job's, on the
 * server's own origin.
 */
export async function outcomeBehind(reply: Reply, context: CallContext, transport: Transport): Promise<CreateOutcome> {
  const outcome = outcomeOf(reply, context);
  const url = outcome.kind === 'unknown' ? jobAddress(reply, context.baseUrl) : null;
  if (url === null) return outcome;
  try {
    const answer = await exchange(transport, { method: 'GET', url: transport.withQuery(url) });
    const job = isSuccess(answer) ? decodeJob(answer.value, replyFacts(answer, context.atMs)) : null;
    return job !== null && job.id === lastSegment(url) ? { kind: 'accepted', job } : outcome;
  } catch {
    return outcome; // the create stays in doubt, which is what its error says
  }
}

function jobAddress({ headers }: Reply, baseUrl: string): string | null {
  const { location } = headers;
  // A relative address begins at the route that the create was sent to.
  if (location === undefined || !URL.canParse(location, `${baseUrl}/`)) return null;
  const url = new URL(location, `${baseUrl}/`);
  return url.origin === new URL(baseUrl).origin && lastSegment(url.href) !== '' ? url.href : null;
}

function lastSegment(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
  } catch {
    return '';
  }
}

/** What a create came to that was not answered. */
export function unansweredOutcome(thrown: unknown, context: CallContext): CreateOutcome {
  const failure = failureFromThrown(thrown, context);
  return sentNothing(thrown) ? { kind: 'rejected', error: failure } : { kind: 'unknown', error: inDoubt(failure) };
}

/**
 * The reply to a call that may be lost without harm. Throws the signal's reason, or a `SoraError` for whatever is not an
 * answer: a 2xx is one, and so is what `isAnswer` accepts beside it.
 */
export async function readReply(
  transport: Transport,
  request: TransportRequest,
  context: CallContext,
  isAnswer: (reply: Reply) => boolean = () => false,
): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await exchange(transport, request);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw failureFromThrown(error, context);
  }
  if (!isSuccess(reply) && !isAnswer(reply)) throw failureFromReply(reply, context);
  return reply;
}

/** Some servers answer for a job that failed with a 4xx or 5xx whose body is the job: it has ended all the same. */
export function isEndedJob(id: string): (reply: Reply) => boolean {
  return ({ value }) => {
    const job = decodeJob(value, { requestId: null, pollAfterMs: null });
    return job !== null && job.id === id && isTerminal(job.status);
  };
}

/** The job that was asked for, by the id that it was found by, whatever else the reply calls it. Throws `unreadable_response`. */
export function jobOf(reply: Reply, id: string, context: CallContext): VideoJob {
  const job = decodeJob(reply.value, { ...replyFacts(reply, context.atMs), askedId: id });
  if (job === null) throw unreadableReply(reply, context);
  return { ...job, id };
}

/** Whether the answer to a removal says that the video is gone. Throws `unreadable_response`. */
export function removalOf(reply: Reply, context: CallContext): boolean {
  if (reply.value === undefined && reply.body.trim() !== '') throw unreadableReply(reply, context);
  return decodeDeleted(reply.value);
}

/** How far the server's clock is ahead of `nowMs`; null where it does not tell its time. */
export function aheadOf({ headers }: Reply, nowMs: number): number | null {
  const timeMs = Date.parse(headers.date ?? '');
  return Number.isNaN(timeMs) ? null : timeMs - nowMs;
}

export function replyFacts({ headers }: Reply, nowMs: number): ReplyFacts {
  const pollAfterMs = Number.parseFloat(headers['openai-poll-after-ms'] ?? '');
  return {
    requestId: requestIdOf(headers),
    pollAfterMs: pollAfterMs > 0 ? pollAfterMs : retryAfterOf(headers, nowMs),
  };
}

/**
 * Whether the request itself was refused. Timeouts (408, 499) and conflicts (409) may follow after the server took the
 * job, and a redirect may lead to it.
 */
function provesNothingMade({ status }: Reply): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 409 && status !== 499;
}

function inDoubt(failure: SoraError): SoraError {
  const { causedBy, status, requestId } = failure;
  return new SoraError('outcome_unknown', { causedBy: causedBy ?? failure.message, status, requestId, cause: failure });
}
