// A fast server of the Videos API in its own process, whose jobs are finished immediately. An id contains the length of its
// file (`video_200000000`, `video_64000_17`). Below `/far`, replies take as long as from another city. Prints its base URL.
// With `--tls` it speaks HTTPS, with the certificate of the tests.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SELF_SIGNED } from '../test/support/self-signed.ts';

const BLOCK = Buffer.alloc(1 << 20, 'sora');
const HEAD = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');
/** The length of the videos that are created here. */
const CREATED_BYTES = 64_000;
const FINISHED = { object: 'video', status: 'completed', created_at: 1_790_000_000, progress: 100 };
let created = 0;

const FAR_MS = 50;

const isTls = process.argv.includes('--tls');

const listener = (request: IncomingMessage, reply: ServerResponse): void => {
  const path = (request.url ?? '').replace(/^\/far/, '');
  if (path === request.url) route(path, request, reply);
  else setTimeout(route, FAR_MS, path, request, reply);
};

const server = isTls ? createTlsServer(SELF_SIGNED, listener) : createServer(listener);

function route(path: string, request: IncomingMessage, reply: ServerResponse): void {
  const [, , , id = '', isContent] = path.split('/');
  if (request.method === 'POST') answerCreate(request, reply);
  else if (isContent) sendVideo(Number(id.split('_')[1]), reply);
  else if (id === '') answer(reply, { object: 'list', data: [], has_more: false });
  else answer(reply, { ...FINISHED, id });
}

function answerCreate(request: IncomingMessage, reply: ServerResponse): void {
  request.resume().once('end', () => {
    answer(reply, { ...FINISHED, id: `video_${CREATED_BYTES}_${created++}`, status: 'queued', progress: 0 });
  });
}

function answer(reply: ServerResponse, value: object): void {
  reply.setHeader('content-type', 'application/json');
  reply.end(JSON.stringify(value));
}

function sendVideo(sizeBytes: number, reply: ServerResponse): void {
  reply.writeHead(200, { 'content-type': 'video/mp4', 'content-length': sizeBytes });
  let sentBytes = HEAD.length;
  reply.write(HEAD);
  const pump = (): void => {
    while (sentBytes < sizeBytes) {
      const block = BLOCK.subarray(0, Math.min(BLOCK.length, sizeBytes - sentBytes));
      sentBytes += block.length;
      if (!reply.write(block)) {
        reply.once('drain', pump);
        return;
      }
    }
    reply.end();
  };
  pump();
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
  process.stdout.write(`${isTls ? 'https://localhost' : 'http://127.0.0.1'}:${port}/v1\n`);
});
