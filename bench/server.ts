// A server of the Videos API in a process of its own, as fast as Node goes: one finished job, whose file is as long as
// its id says (`video_200000000`). Below `/far`, an answer takes as long as one from another city. Prints its base URL.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const BLOCK = Buffer.alloc(1 << 20, 'sora');
const HEAD = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');

const FAR_MS = 50;

const server = createServer((request, reply) => {
  const path = (request.url ?? '').replace(/^\/far/, '');
  if (path === request.url) answer(path, reply);
  else setTimeout(answer, FAR_MS, path, reply);
});

function answer(path: string, reply: ServerResponse): void {
  const [, , , id = '', isContent] = path.split('/');
  if (!isContent) {
    const job = { id, object: 'video', status: 'completed', created_at: 1_790_000_000, progress: 100 };
    reply.setHeader('content-type', 'application/json');
    reply.end(JSON.stringify(id === '' ? { object: 'list', data: [], has_more: false } : job));
    return;
  }
  const sizeBytes = Number(id.replace('video_', ''));
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
  process.stdout.write(`http://127.0.0.1:${port}/v1\n`);
});
