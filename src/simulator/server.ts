import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { flattenHeaders } from '../platform/http.ts';
import type { Simulator } from './simulator.ts';

export interface ListeningServer {
  /** The base URL for clients: `http://HOST:PORT/v1`. */
  readonly url: string;
  /** Stops listening and ends open connections; resolves when all are closed. */
  close(): Promise<void>;
}

/** Serves a simulator over HTTP. Port 0 takes a free one. Rejects when the address cannot be used (`EADDRINUSE`, …). */
export function listen(
  simulator: Simulator,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  const server = createServer((incoming, outgoing) => {
    // Whatever breaks here (a drop by intent, a client that went away) ends in the one thing that a socket can say.
    exchange(simulator, incoming, outgoing).catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const { port: boundPort } = server.address() as AddressInfo; // a server on TCP has no other kind of address
      resolve({
        url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}/v1`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function exchange(simulator: Simulator, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  // The request is taken whole before it is answered, so that a refused upload leaves a connection fit for reuse.
  const body = await buffer(incoming);
  const response = await simulator.handle(toRequest(incoming, body));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  for await (const chunk of response.body ?? []) await write(outgoing, chunk);
  outgoing.end();
}

function toRequest(incoming: IncomingMessage, body: Uint8Array): Request {
  const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? 'localhost'}`);
  const method = incoming.method ?? 'GET';
  const takesBody = body.length > 0 && method !== 'GET' && method !== 'HEAD';
  return new Request(url, { method, headers: flattenHeaders(incoming.headers), ...(takesBody ? { body } : {}) });
}

/** Resolves when the bytes have left this process: the next chunk is not asked for before, and a cut comes after them. */
function write(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
