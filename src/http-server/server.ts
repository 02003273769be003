import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { flattenHeaders } from '../platform/http.ts';
import { ApiError, type ApiErrorDetails } from './api-error.ts';
import { BodyIntake, lengthOf, MAX_BODY_BYTES } from './body-intake.ts';
import type { Call, Reply } from './call.ts';
import { errorReply } from './replies.ts';

/** What is served: a simulator, or a service with one in it. */
export interface Served {
  /** Rejects where the connection is to break. */
  answer(call: Call): Promise<Reply>;
}

export interface ListeningServer {
  /** `http://HOST:PORT`. */
  readonly origin: string;
  /** The base URL for clients: `http://HOST:PORT/v1`. */
  readonly url: string;
  /** Requests whose answers are not yet sent to their end. */
  readonly openRequests: number;
  /** Stops listening; resolves when all that is under way has been answered. */
  drain(): Promise<void>;
  /** Stops listening and ends open connections; resolves when all are closed. */
  close(): Promise<void>;
}

const LIMITS = {
  maxHeaderSize: 32 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
};
/** A connection on which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 120_000;

/** Serves over HTTP. Port 0 takes a free one. Rejects when the address cannot be used (`EADDRINUSE`, …). */
export function listen(
  served: Served,
  {
    host,
    port,
    limits = {},
  }: { readonly host: string; readonly port: number; readonly limits?: Partial<typeof LIMITS> },
): Promise<ListeningServer> {
  const intake = new BodyIntake();
  let openRequests = 0;
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    openRequests++;
    outgoing.once('close', () => {
      openRequests--;
      if (!server.listening) server.closeIdleConnections();
    });
    // Whatever breaks here (a drop by intent, a client that went away) ends in the one thing that a socket can say.
    exchange(served, intake, incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = createServer({ ...LIMITS, ...limits }, answer);
  server.timeout = IDLE_TIMEOUT_MS;
  server.on('clientError', refuseUnreadable);
  server.on('connect', (_, socket: Duplex) => refuse(socket, { status: 405, message: 'Not allowed to CONNECT' }));
  server.on('checkContinue', (incoming, outgoing) => {
    if (lengthOf(incoming) <= MAX_BODY_BYTES) outgoing.writeContinue();
    answer(incoming, outgoing);
  });
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  return new Promise((resolve, reject) => {
    server.on('error', reject); // and stays: an error without a listener would end the program
    server.listen(port, host, () => {
      const { port: boundPort } = server.address() as AddressInfo; // a server on TCP has no other kind of address
      const origin = `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;
      resolve({
        origin,
        url: `${origin}/v1`,
        get openRequests() {
          return openRequests;
        },
        drain() {
          if (server.listening) server.close();
          server.closeIdleConnections();
          return closed;
        },
        close() {
          if (server.listening) server.close();
          server.closeAllConnections();
          return closed;
        },
      });
    });
  });
}

async function exchange(
  served: Served,
  intake: BodyIntake,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await answerTo(served, intake, incoming);
  outgoing.writeHead(status, headers);
  if (typeof body === 'string') {
    outgoing.end(body);
    return;
  }
  for await (const chunk of body) await write(outgoing, chunk);
  outgoing.end();
}

/** A request is taken whole before it is answered, so that a refused upload leaves a connection fit for reuse. */
async function answerTo(served: Served, intake: BodyIntake, incoming: IncomingMessage): Promise<Reply> {
  try {
    return await intake.take(incoming, (body) => served.answer(toCall(incoming, body)));
  } catch (error) {
    if (error instanceof ApiError) return errorReply(error.details);
    throw error;
  }
}

/** Throws a 405 for a method that no handler may be asked for, and a 400 for an address that cannot be read. */
function toCall({ method = 'GET', url: target = '/', headers }: IncomingMessage, body: Uint8Array): Call {
  if (method === 'TRACE') throw new ApiError({ status: 405, message: 'Not allowed to TRACE' });
  const address = target.startsWith('/') ? `http://${headers.host ?? 'localhost'}${target}` : target;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.username !== '' || url.password !== '') {
    throw new ApiError({ status: 400, message: 'The address of the request cannot be read' });
  }
  return { method, url, headers: flattenHeaders(headers), body };
}

const REFUSALS: Readonly<Record<string, ApiErrorDetails>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The headers of the request are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time' },
};
const MALFORMED: ApiErrorDetails = { status: 400, message: 'The request is not valid HTTP' };

/** Says why a connection is ended on which no request could be read. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  refuse(socket, REFUSALS[error.code ?? ''] ?? MALFORMED);
}

function refuse(socket: Duplex, { status, message }: ApiErrorDetails): void {
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Resolves when the bytes have left this process: the next chunk is not asked for before, and a cut comes after them. */
function write(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
