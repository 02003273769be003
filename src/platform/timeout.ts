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
