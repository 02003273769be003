// A server of the Videos API in a process of its own, as fast as Node goes: one finished job, whose file is as long as
// its id says (`video_200000000`). Prints its base URL.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const BLOCK = Buffer.alloc(1 << 20, 'sora');
const HEAD = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1');

const server = createServer((request, reply) => {
  const [, , , id = '', isContent] = (request.url ?? '').split('/');
  if (!isContent) {
    reply.setHeader('content-type', 'application/json');
    reply.end(JSON.stringify({ id, object: 'video', status: 'completed', created_at: 1_790_000_000, progress: 100 }));
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
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
  process.stdout.write(`http://127.0.0.1:${port}/v1\n`);
});
