import { SoraError } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { decodeJob, type ReplyFacts } from '../wire/job.ts';
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

/** An answer of the API, read to its end, whatever its status. */
export interface Reply extends RefusedReply {
  /** The body as JSON; undefined when it is none. */
  readonly value: JsonValue | undefined;
}

export function isSuccess({ status }: Reply): boolean {
  return status >= 200 && status < 300;
}

/** What a create came to, from its answer. */
export function outcomeOf(reply: Reply, context: CallContext): CreateOutcome {
  if (isSuccess(reply)) {
    const job = decodeJob(reply.value, replyFacts(reply, context.atMs));
    return job === null ? { kind: 'unknown', error: unreadableReply(reply, context) } : { kind: 'accepted', job };
  }
  const error = failureFromReply(reply, context);
  return provesNothingMade(reply) ? { kind: 'rejected', error } : { kind: 'unknown', error: inDoubt(error) };
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
  call: Promise<Reply>,
  context: CallContext,
  signal: AbortSignal | undefined,
  isAnswer: (reply: Reply) => boolean = () => false,
): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await call;
  } catch (error) {
    signal?.throwIfAborted();
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

export function replyFacts({ headers }: Reply, nowMs: number): ReplyFacts {
  const pollAfterMs = Number.parseFloat(headers['openai-poll-after-ms'] ?? '');
  return {
    requestId: requestIdOf(headers),
    pollAfterMs: pollAfterMs > 0 ? pollAfterMs : retryAfterOf(headers, nowMs),
  };
}

/** A refusal of the request itself. Time-outs (408, 499) and conflicts (409) may come after the work was taken on. */
function provesNothingMade({ status }: Reply): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 409 && status !== 499;
}

function inDoubt(failure: SoraError): SoraError {
  const { causedBy, status, requestId } = failure;
  return new SoraError('outcome_unknown', { causedBy: causedBy ?? failure.message, status, requestId, cause: failure });
}
