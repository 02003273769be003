import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A reply, or what the server does instead: drops the connection, or never replies. */
export type ScriptedReply = 'drop' | 'hang' | ReplyParts;

export interface ReplyParts {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Uint8Array | object;
  /** What happens after the body; `finish` by default. */
  readonly afterwards?: 'finish' | 'drop' | 'hang';
}

export interface ScriptedServer {
  readonly origin: string;
  /** The base URL for clients: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  /** The requests so far, in order. */
  readonly requests: readonly ReceivedRequest[];
  /** Resolves when `count` requests have arrived. */
  received(count: number): Promise<void>;
}

/**
 * A server on a free loopback port that sends these replies in turn, repeating the last one,
 * or the replies of a function.
 */
export async function startScriptedServer(
  script: readonly [ScriptedReply, ...ScriptedReply[]] | ((request: ReceivedRequest) => ScriptedReply),
): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = [];
  const arrivals = new EventEmitter();
  const server = createServer(async (incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming;
    const body = await buffer(incoming).catch(() => null);
    if (body === null) return; // the client has gone
    const request = { method, path, headers, body };
    requests.push(request);
    arrivals.emit('request');
    const reply = typeof script === 'function' ? script(request) : script[Math.min(requests.length, script.length) - 1];
    play(reply ?? 'drop', outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
  const origin = `http://127.0.0.1:${port}`;
  const received = async (count: number): Promise<void> => {
    while (requests.length < count) await once(arrivals, 'request');
  };
  return { origin, url: `${origin}/v1`, requests, received };
}

function play(reply: ScriptedReply, outgoing: ServerResponse): void {
  if (reply === 'hang') return;
  if (reply === 'drop') {
    outgoing.destroy();
    return;
  }
  const { status = 200, headers = {}, body = '', afterwards = 'finish' } = reply;
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const bytes = Buffer.from(isRaw ? body : JSON.stringify(body));
  outgoing.writeHead(status, { ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers });
  outgoing.write(bytes, () => {
    if (afterwards === 'finish') outgoing.end();
    if (afterwards === 'drop') outgoing.destroy();
  });
}
