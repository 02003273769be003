import type { Clock } from './clock.ts';

/** The error of an unresponsive connection. */
export function timeoutError(ms: number, way = ''): Error {
  return Object.assign(new Error(`no answer for ${ms / 1000} s${way}`), { code: 'ETIMEDOUT' });
}

/** Aborts at the deadline, even while data arrives; does not keep the process alive. */
export function deadline(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(timeoutError(ms)), ms).unref();
  return controller.signal;
}

export interface TimeLimit {
  readonly clock: Pick<Clock, 'alarm'>;
  readonly ms: number;
  /** What the call fails with when the time is over. */
  readonly lateness: Error;
  /** The caller's own signal, which ends the call as well. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes a call with a signal that aborts when the time is over; the timer ends with the call. */
export async function within<T>(
  { clock, ms, lateness, signal }: TimeLimit,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener('abort', follow, { once: true });
  const cancel = clock.alarm(ms, () => limit.abort(lateness));
  try {
    return await call(limit.signal);
  } finally {
    cancel();
    signal?.removeEventListener('abort', follow);
  }
}
