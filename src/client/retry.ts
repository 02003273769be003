import { SoraError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { CallOptions, CreateOutcome, VideosClient } from './port.ts';

const MAX_TRIES = 4;
const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 60_000;
/** A longer pause is not waited for; the error reports it. */
const MAX_OBEYED_MS = 10 * 60_000;
/**
 * Before each repetition of a call that found no such job although it exists: another replica may have it. Of two that are
 * chosen at random, all ten calls miss it once in a thousand times.
 */
const MISSING_PAUSES_MS = [100, 200, 400, 400, 400, 400, 400, 400, 400];

export interface RetryOptions {
  readonly clock: Clock;
  /** 0 to 1: spreads the waits of many clients. */
  readonly random: () => number;
  readonly onRetry?: ((call: keyof VideosClient, error: SoraError, delayMs: number) => void) | undefined;
}

/**
 * The only place that retries. A create is retried only after a 429, which means that nothing was created. A pause
 * requested by the server wins.
 */
export function withRetries(client: VideosClient, options: RetryOptions): VideosClient {
  const retry = <T>(name: keyof VideosClient, call: () => Promise<T>, callOptions?: CallOptions): Promise<T> =>
    tryAgain(name, call, options, callOptions);
  return {
    async create(request, createOptions) {
      const outcome = await createWithRetries(client, options, request, createOptions);
      const wouldRetry = outcome.kind === 'rejected' && outcome.error.retryable;
      return wouldRetry && createOptions.signal?.aborted ? { ...outcome, isAborted: true } : outcome;
    },
    get: (id, callOptions) => retry('get', () => client.get(id, callOptions), callOptions),
    list: (query, callOptions) => retry('list', () => client.list(query, callOptions), callOptions),
    remove: (id, callOptions) => retry('remove', removal(client, id, callOptions), callOptions),
    content: (source, variant, callOptions) =>
      retry('content', () => client.content(source, variant, callOptions), callOptions),
  };
}

/** A repeated delete may find the video gone: the first one arrived, and only its reply was lost. */
function removal(client: VideosClient, id: string, options: CallOptions | undefined): () => Promise<boolean> {
  let isRepeated = false;
  return async () => {
    try {
      return await client.remove(id, options);
    } catch (error) {
      if (isRepeated && error instanceof SoraError && error.code === 'video_not_found') return true;
      isRepeated ||= !isMissing(error);
      throw error;
    }
  };
}

/** The same for a read that is not a call of the port. Throws its last error. */
export function retryRead<T>(call: () => Promise<T>, options: RetryOptions, callOptions?: CallOptions): Promise<T> {
  return tryAgain('get', call, options, callOptions);
}

async function tryAgain<T>(
  name: keyof VideosClient,
  call: () => Promise<T>,
  options: RetryOptions,
  { signal, exists }: CallOptions = {},
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await (exists ? askReplicas(call, options, signal) : call());
    } catch (error) {
      const isFinal = !(error instanceof SoraError) || !error.retryable || isLeftToCaller(error) || signal?.aborted;
      if (isFinal || tries === MAX_TRIES || requestsLongPause(error)) throw error;
      await pause(name, error, tries, options, signal);
    }
  }
}

/** A 404 of a server that has no such call, so no replica has it. */
const NO_ROUTE = /invalid url \(/i;

/** Calls again while the reply is that a job which exists does not. */
async function askReplicas<T>(
  call: () => Promise<T>,
  { clock }: RetryOptions,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (const pauseMs of MISSING_PAUSES_MS) {
    try {
      return await call();
    } catch (error) {
      if (!isMissing(error) || NO_ROUTE.test(error.causedBy ?? '')) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
  return call();
}

/** Whether a server has no such job, or no such route. Without a status nothing was sent: the id cannot be part of a URL. */
export function isMissing(error: unknown): error is SoraError {
  if (!(error instanceof SoraError) || error.status === null) return false;
  return error.code === 'video_not_found' || error.code === 'endpoint_not_found';
}

/** The caller decides how to wait for a file and resume it. A call that timed out is not repeated with the same timeout. */
function isLeftToCaller({ code, status }: SoraError): boolean {
  const isLate = code === 'request_timeout' && status === null;
  return isLate || code === 'content_not_ready' || code === 'download_corrupt';
}

async function createWithRetries(
  client: VideosClient,
  options: RetryOptions,
  ...[request, createOptions]: Parameters<VideosClient['create']>
): Promise<CreateOutcome> {
  for (let tries = 1; ; tries++) {
    const outcome = await client.create(request, createOptions);
    const isBusy = outcome.kind === 'rejected' && outcome.error.code === 'rate_limit_exceeded';
    if (!isBusy || tries === MAX_TRIES || requestsLongPause(outcome.error)) return outcome;
    const { resend, signal } = createOptions;
    await resend?.held();
    try {
      await pause('create', outcome.error, tries, options, signal);
    } catch {
      return outcome; // interrupted between attempts: the refusal remains the result
    }
    if ((await resend?.sending()) === false) return outcome;
  }
}

function requestsLongPause({ retryAfterMs }: SoraError): boolean {
  return retryAfterMs !== null && retryAfterMs > MAX_OBEYED_MS;
}

function pause(
  name: keyof VideosClient,
  error: SoraError,
  tries: number,
  options: RetryOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const backoffMs = BASE_DELAY_MS * 2 ** (tries - 1) * (1 + options.random() / 2);
  const delayMs = error.retryAfterMs ?? Math.min(backoffMs, MAX_DELAY_MS);
  options.onRetry?.(name, error, delayMs);
  return options.clock.sleep(delayMs, signal);
}
