import { SoraError } from '../domain/errors.ts';
import type { Handler } from '../http-server/handler.ts';
import { type ListeningServer, listen } from '../http-server/server.ts';

/** Serves a handler. Throws `cannot_listen`. */
export async function openPort(
  handler: Handler,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  try {
    return await listen(handler, { host, port });
  } catch (error) {
    throw new SoraError('cannot_listen', {
      title: `could not listen on ${host}, port ${port}`,
      causedBy: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
