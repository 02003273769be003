import type { Clock } from './clock.ts';

/** The error of an unresponsive connection. */
export function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer for ${ms / 1000} s`), { code: 'ETIMEDOUT' });
}

/** Calls an action every `ms`, once it has ended the time before. Returns a function that stops it. */
export function every(clock: Pick<Clock, 'alarm'>, ms: number, action: () => Promise<unknown>): () => void {
  let isStopped = false;
  let cancel = (): void => {};
  const arm = (): void => {
    if (isStopped) return;
    cancel = clock.alarm(ms, () => {
      action()
        .catch(() => {})
        .finally(arm); // the next one may succeed
    });
  };
  arm();
  return () => {
    isStopped = true;
    cancel();
  };
}

/** The error of a call that takes too long, even if bytes are still arriving. */
export function lateError(ms: number): Error {
  return Object.assign(new Error(`not done within ${ms / 1000} s`), { code: 'ETIMEDOUT' });
}

export interface TimeLimitOptions {
  readonly clock: Pick<Clock, 'alarm'>;
  readonly ms: number;
  /** The error of the call at the deadline. */
  readonly lateness: () => Error;
  /** The caller's own signal, which ends the call as well. */
  readonly signal?: AbortSignal | undefined;
}

export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Lets the call take longer; the caller's signal still ends it. */
  lift(): void;
  /** Ends both, with the call. */
  release(): void;
}

/** A signal that aborts when the time is over, and as soon as the caller's does. */
export function limitTime({ clock, ms, lateness, signal }: TimeLimitOptions): TimeLimit {
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener('abort', follow, { once: true });
  const lift = clock.alarm(ms, () => limit.abort(lateness()));
  const release = (): void => {
    lift();
    signal?.removeEventListener('abort', follow);
  };
  return { signal: limit.signal, lift, release };
}

/** Makes a call with such a signal. */
export async function within<T>(options: TimeLimitOptions, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = limitTime(options);
  try {
    return await call(limit.signal);
  } finally {
    limit.release();
  }
}
