import { once } from 'node:events';
import { messageOf, SoraError } from '../domain/errors.ts';
import { isLoopback } from '../domain/own-network.ts';
import type { Handler } from '../http-server/handler.ts';
import { type ListeningServer, listen } from '../http-server/server.ts';
import { option } from './option-values.ts';

/** Serves a handler. Throws `cannot_listen`. */
export async function openPort(
  handler: Handler,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  try {
    return await listen(handler, { host, port });
  } catch (error) {
    const title = `could not listen on ${host}, port ${port}`;
    throw new SoraError('cannot_listen', { title, causedBy: messageOf(error), cause: error });
  }
}

export const HOST_OPTION = option(
  '--host <address>',
  'address to listen on; other than loopback needs --api-key-env (default 127.0.0.1)',
);

/** The address of `--host`, which may be IPv6 as in a URL. */
export function listenHost(host = '127.0.0.1'): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/**
 * Where a command listens, and the key that callers must send; null without `--api-key-env`, which an address that other
 * machines reach requires. Adds what is wrong to `faults`.
 */
export function parseListenAddress(
  options: { readonly host?: string | undefined; readonly apiKeyEnv?: string | undefined },
  env: Readonly<Record<string, string | undefined>>,
  faults: string[],
): { readonly host: string; readonly apiKey: string | null } {
  const { apiKeyEnv } = options;
  const host = listenHost(options.host);
  if (!isLoopback(host) && apiKeyEnv === undefined) {
    faults.push(`\`--host ${host}\` is reachable from other machines, so it needs a key: \`--api-key-env NAME\``);
  }
  const apiKey = apiKeyEnv === undefined ? null : (env[apiKeyEnv] ?? '');
  if (apiKey === '') faults.push(`\`--api-key-env ${apiKeyEnv}\`: this environment variable is not set`);
  return { host, apiKey };
}

export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
