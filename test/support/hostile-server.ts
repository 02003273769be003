import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';

/** Answers one request on its socket. */
export type HostileReply = (socket: Socket) => void;

const MIB = 1 << 20;
const OK = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const JOB = '{"id":"video_1","object":"video","status":"queued"}';

/** A complete reply with a length and these headers. */
function whole(body: string | Uint8Array, headers = '', status = '200 OK'): HostileReply {
  return (socket) => {
    const bytes = Buffer.from(body);
    socket.end(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${bytes.length}\r\n\r\n`,
        ),
        bytes,
      ]),
    );
  };
}

/** Endless bytes, as fast as they are read. */
function endless(head: string, part: string | Uint8Array, pauseMs = 0): HostileReply {
  return (socket) => {
    const next = (): void => {
      if (socket.destroyed) return;
      const goOn = socket.write(part);
      if (pauseMs > 0) setTimeout(next, pauseMs).unref();
      else if (goOn) setImmediate(next);
      else socket.once('drain', next);
    };
    socket.write(head);
    next();
  };
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const zeros = (): Uint8Array => Buffer.alloc(64 * MIB);
const redirect = (location: string, status = '302 Found'): HostileReply =>
  whole('', `location: ${location}\r\n`, status);

/** Replies that break clients, by name. */
export const HOSTILE_REPLIES: Readonly<Record<string, HostileReply>> = {
  'headers that trickle': endless('HTTP/1.1 200 OK\r\nx-', 'a', 20),
  'a body that trickles': endless(`${OK}content-length: 1000000\r\n\r\n`, ' ', 20),
  'chunks that trickle': endless(`${OK}transfer-encoding: chunked\r\n\r\n`, chunk(' '), 20),
  silence: () => {},
  'a head and then silence': (socket) => void socket.write(`${OK}content-length: 10\r\n\r\n`),
  'a closed connection': (socket) => void socket.end(),
  'a reset connection': (socket) => void socket.resetAndDestroy(),
  'a cut body': (socket) => void socket.end(`${OK}content-length: 100\r\n\r\n${JOB}`),
  'a body longer than its length': (socket) => void socket.end(`${OK}content-length: 5\r\n\r\n${JOB}`),
  'a negative length': (socket) => void socket.end(`${OK}content-length: -5\r\n\r\n${JOB}`),
  'two lengths': (socket) => void socket.end(`${OK}content-length: 5\r\ncontent-length: 50\r\n\r\n${JOB}`),
  'a broken chunk size': (socket) =>
    void socket.end(`${OK}transfer-encoding: chunked\r\n\r\nzz\r\n${JOB}\r\n0\r\n\r\n`),
  'chunks without an end': endless(`${OK}transfer-encoding: chunked\r\n\r\n`, chunk(' '.repeat(65_536))),
  'a switch of protocols': (socket) =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  'a flood of 100s': endless('', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)),
  'a flood of 103s': endless('', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(1_000)),
  'an empty 200': whole(''),
  'a 204': (socket) => void socket.end('HTTP/1.1 204 No Content\r\n\r\n'),
  'a 205 with a body': whole(JOB, '', '205 Reset Content'),
  'status 999': whole('{}', '', '999 What'),
  'status 000': (socket) => void socket.end('HTTP/1.1 000 None\r\n\r\n'),
  'no status line': (socket) => void socket.end(JOB),
  'huge headers': endless('HTTP/1.1 200 OK\r\n', `x-a: ${'a'.repeat(1_000)}\r\n`.repeat(100)),
  'a NUL in a header': (socket) => void socket.end(`HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 2\r\n\r\n{}`),
  'a gzip bomb': whole(gzipSync(zeros()), 'content-encoding: gzip\r\n'),
  'a bomb in a bomb': whole(gzipSync(gzipSync(zeros())), 'content-encoding: gzip, gzip\r\n'),
  'a brotli bomb': whole(brotliCompressSync(zeros(), { params: { 1: 1 } }), 'content-encoding: br\r\n'),
  'a deflate bomb': whole(deflateRawSync(zeros()), 'content-encoding: deflate\r\n'),
  'a cut gzip': whole(gzipSync(JOB).subarray(0, 30), 'content-encoding: gzip\r\n'),
  'no gzip at all': whole(JOB, 'content-encoding: gzip\r\n'),
  'an unknown encoding': whole(JOB, 'content-encoding: rot13\r\n'),
  'a hundred encodings': whole(JOB, `content-encoding: ${'gzip, '.repeat(100)}br\r\n`),
  'near-JSON of 1 MiB': whole(`{"id":"${'a,'.repeat(MIB / 2)}`),
  'NaNs of 1 MiB': whole(`[${'NaN,'.repeat(MIB / 4)}`),
  'quotes of 1 MiB': whole('"'.repeat(MIB)),
  'deep arrays': whole('['.repeat(MIB)),
  'deep objects': whole('{"a":'.repeat(200_000)),
  'a deep error': whole(`{"error":${'{"message":'.repeat(100_000)}1${'}'.repeat(100_001)}`, '', '500 Oops'),
  'an error of 1 MiB': whole(JSON.stringify({ error: { message: 'x'.repeat(MIB) } }), '', '400 Bad Request'),
  'a page of 1 MiB': whole(`<html><title>${'<'.repeat(MIB)}`, '', '502 Bad Gateway'),
  'invalid UTF-8': whole(Buffer.from([0x7b, 0xff, 0xfe, 0xc3, 0x28, 0x7d])),
  'NUL bytes': whole(Buffer.alloc(MIB)),
  'the wrong type': whole('{"id":7,"status":[],"progress":{},"created_at":"x","data":7}'),
  'another prototype': whole('{"__proto__":{"id":"x"},"constructor":1}'),
  'server-sent events': whole(`data: ${JOB}\n\ndata: [DONE]\n\n`, 'content-type: text/event-stream\r\n'),
  'escape sequences': whole('{"error":{"message":"\u001b[2J\u001b]0;x\u0007"}}', '', '400 Bad Request'),
  'a redirect to itself': redirect('/v1/videos/video_1'),
  'a redirect to nowhere': redirect('http://[', '307 Temporary Redirect'),
  'a redirect to a file': redirect('file:///etc/passwd'),
  'a long Retry-After': whole('{}', 'retry-after: 99999999\r\n', '503 Busy'),
  'a Retry-After that is none': whole('{}', 'retry-after: soon\r\n', '503 Busy'),
};

export interface HostileServer {
  readonly url: string;
  /** The methods and paths that arrived. */
  readonly requests: readonly string[];
  /** Resolves when `count` requests have arrived. */
  received(count: number): Promise<void>;
  close(): void;
}

/** A server on a free loopback port that sends the chosen reply to each request. */
export async function startHostileServer(choose: (request: string) => HostileReply): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const arrivals = new EventEmitter();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let received = '';
    let isAnswered = false;
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (isAnswered || !received.includes('\r\n\r\n')) return;
      isAnswered = true; // each reply ends its connection, or never ends
      const request = received.slice(0, received.indexOf(' HTTP/'));
      requests.push(request);
      arrivals.emit('request');
      choose(request)(socket);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const received = async (count: number): Promise<void> => {
    while (requests.length < count) await once(arrivals, 'request');
  };
  const address = server.address();
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1`, requests, received, close };
}
