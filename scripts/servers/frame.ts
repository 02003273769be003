// A still picture for image-to-video, and files served at an address.
import { createServer } from 'node:http';
import { encodePng } from '../../src/commands/gallery/png.ts';
import { listenOnLoopback } from './processes.ts';

/** A PNG of one colour. */
export function createPng(width: number, height: number): Buffer {
  const rgb = Buffer.alloc(3 * width * height, Buffer.of(40, 90, 160));
  return Buffer.from(encodePng({ width, height, rgb }));
}

/** Serves a file on loopback. */
export async function serveFile(bytes: Buffer, type: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((_, reply) => {
    reply.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
    reply.end(bytes);
  });
  const port = await listenOnLoopback(server);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}/${type.replace('/', '.')}`, close };
}
