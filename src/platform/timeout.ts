/** What a connection fails with that keeps silent. */
export function timeoutError(ms: number, way = ''): Error {
  return Object.assign(new Error(`no answer for ${ms / 1000} s${way}`), { code: 'ETIMEDOUT' });
}

/** Aborts when the time is over, however much still trickles in; keeps no process alive. */
export function deadline(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(timeoutError(ms)), ms).unref();
  return controller.signal;
}
