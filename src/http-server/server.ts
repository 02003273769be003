import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { flattenHeaders } from '../platform/http.ts';
import { BodyIntake, lengthOf, MAX_BODY_BYTES } from './body-intake.ts';
import { type Handler, HttpError, type HttpErrorDetails, type ServerCall, type ServerReply } from './handler.ts';

export interface ListeningServer {
  /** `http://HOST:PORT`. */
  readonly origin: string;
  /** Requests whose replies have not been sent completely. */
  readonly openRequests: number;
  /** Stops listening; resolves when every open request has been answered. */
  drain(): Promise<void>;
  /** Stops listening and closes open connections; resolves when all are closed. */
  close(): Promise<void>;
}

const LIMITS = {
  maxHeaderSize: 32 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
};
const IDLE_TIMEOUT_MS = 120_000;

interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly limits?: Partial<typeof LIMITS>;
}

/** Serves a handler over HTTP. Rejects when the address cannot be used (`EADDRINUSE`, …). */
export async function listen(handler: Handler, { host, port, limits = {} }: ListenOptions): Promise<ListeningServer> {
  const intake = new BodyIntake();
  let openRequests = 0;
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    openRequests++;
    outgoing.once('close', () => {
      openRequests--;
      if (!server.listening) server.closeIdleConnections();
    });
    // A deliberate drop and a client that has gone end the same way: the connection closes.
    exchange(handler, intake, incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = createServer({ ...LIMITS, ...limits }, answer);
  server.timeout = IDLE_TIMEOUT_MS;
  server.on('clientError', (error, socket) => refuseUnreadable(handler, error, socket));
  server.on('connect', (_, socket: Duplex) => refuse(handler, socket, methodNotAllowed('CONNECT')));
  server.on('checkContinue', (incoming, outgoing) => {
    if (lengthOf(incoming) <= MAX_BODY_BYTES) outgoing.writeContinue();
    answer(incoming, outgoing);
  });
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  server.on('error', () => {}); // an error without a listener would end the process
  await once(server.listen(port, host), 'listening');
  const { port: boundPort } = server.address() as AddressInfo; // TCP servers have no other kind of address
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
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
  };
}

async function exchange(
  handler: Handler,
  intake: BodyIntake,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await answerTo(handler, intake, incoming);
  outgoing.writeHead(status, headers);
  if (typeof body === 'string') {
    outgoing.end(body);
    return;
  }
  for await (const chunk of body) await write(outgoing, chunk);
  outgoing.end();
}

/** Reads the whole request before answering, so that the connection of a refused upload can be reused. */
async function answerTo(handler: Handler, intake: BodyIntake, incoming: IncomingMessage): Promise<ServerReply> {
  try {
    return await intake.take(incoming, (body) => handler.answer(toCall(incoming, body)));
  } catch (error) {
    if (error instanceof HttpError) return handler.refuse(error.details);
    throw error;
  }
}

function toCall(incoming: IncomingMessage, body: Uint8Array): ServerCall {
  const { method = 'GET', url: target = '/', headers } = incoming;
  if (method === 'TRACE') throw new HttpError(methodNotAllowed('TRACE'));
  const address = target.startsWith('/') ? `http://${hostOf(incoming)}${target}` : target;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new HttpError({ status: 400, message: 'The request target is not a valid address' });
  }
  return { method, url, headers: flattenHeaders(headers), body };
}

/** Several hosts, or one that contains a path, would select another URL (RFC 9112 §3.2). */
function hostOf({ headersDistinct }: IncomingMessage): string {
  const [host = '', ...more] = headersDistinct.host ?? [];
  if (more.length === 0 && !/[/?#\\]/.test(host)) return host || 'localhost';
  throw new HttpError({ status: 400, message: 'The Host header is not valid' });
}

function methodNotAllowed(method: string): HttpErrorDetails {
  return { status: 405, message: `Not allowed to ${method}` };
}

const PARSER_REFUSALS: Readonly<Record<string, HttpErrorDetails>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The request headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time' },
};
const MALFORMED: HttpErrorDetails = { status: 400, message: 'The request is not valid HTTP' };

/** Answers a connection on which no request could be read. */
function refuseUnreadable(handler: Handler, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  refuse(handler, socket, PARSER_REFUSALS[error.code ?? ''] ?? MALFORMED);
}

function refuse(handler: Handler, socket: Duplex, details: HttpErrorDetails): void {
  const { status, headers, body } = handler.refuse(details);
  const lines = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

/** Resolves when the bytes have left this process, so that a dropped connection delivers what came before the drop. */
function write(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
