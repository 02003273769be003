import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import * as zlib from 'node:zlib';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { proxyFor } from '../../src/platform/proxy-http.ts';

/** Starts a server that replies with these bytes on every connection, and returns its URL. */
async function serve(...reply: (string | Uint8Array)[]): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => reply.forEach((part) => void socket.write(part)));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
}

test.each([
  ['gzip', gzipSync('{"a":1}')],
  ['deflate', deflateSync('{"a":1}')],
  ['deflate', deflateRawSync('{"a":1}')],
  ['identity, X-GZIP', gzipSync('{"a":1}')],
  ['br', brotliCompressSync('{"a":1}')],
  ['gzip, br', brotliCompressSync(gzipSync('{"a":1}'))],
])('decodes %s and removes the length and validator of the encoded body', async (encoding, body) => {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\netag: "x"\r\ncontent-length: ${body.length}\r\n\r\n`;
  const url = await serve(head, body);
  const reply = await nodeHttp({ method: 'GET', url, headers: { connection: 'close' } });
  expect(await text(reply.body)).toBe('{"a":1}');
  expect(reply.headers).not.toHaveProperty('content-length');
  expect(reply.headers).not.toHaveProperty('etag');
});

/** Reads a whole reply with this encoding. */
async function readEncoded(encoding: string, body: Uint8Array): Promise<string> {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return text((await nodeHttp({ method: 'GET', url: await serve(head, body), headers: {} })).body);
}

test.each(['gzip', 'none', 'utf-8', 'aws-chunked'])('reads plain bytes declared as %s', async (encoding) => {
  expect(await readEncoded(encoding, Buffer.from('{"a":1}'))).toBe('{"a":1}');
});

test('reads an empty body with any encoding', async () => {
  expect(await readEncoded('gzip', new Uint8Array(0))).toBe('');
});

test('decodes zstd if Node can, otherwise reports it', async () => {
  if ('zstdCompressSync' in zlib && typeof zlib.zstdCompressSync === 'function') {
    expect(await readEncoded('zstd', zlib.zstdCompressSync('{"a":1}'))).toBe('{"a":1}');
  } else {
    await expect(readEncoded('zstd', new Uint8Array(9))).rejects.toThrow('encoded as zstd, which cannot be decoded');
  }
});

test.each<[string, string, Uint8Array, string | RegExp]>([
  ['cut short', 'gzip', gzipSync('{"a":1}').subarray(0, 20), 'unexpected end of file'],
  ['not what it is declared to be', 'br', Buffer.from('{"a":1}'), /.*/],
  ['in an unknown encoding', 'rot13', Buffer.from('{}'), 'encoded as rot13, which cannot be decoded'],
  ['a bomb', 'gzip', gzipSync(Buffer.alloc(32 << 20)), 'grows more than 100 times'],
  ['a bomb in a bomb', 'gzip, gzip', gzipSync(gzipSync(Buffer.alloc(32 << 20))), 'grows more than 100 times'],
])('fails to read a body that is %s', async (_, encoding, body, words) => {
  await expect(readEncoded(encoding, body)).rejects.toThrow(words);
});

test('reads a chunked reply that also has a content-length', async () => {
  const url = await serve(
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  );
  const reply = await nodeHttp({ method: 'GET', url, headers: { connection: 'close' } });
  expect(await text(reply.body)).toBe('{}');
});

test('ignores the content-length of a chunked reply', async () => {
  const url = await serve(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  );
  const reply = await nodeHttp({ method: 'GET', url, headers: { connection: 'close' } });
  expect(reply.headers).not.toHaveProperty('content-length');
  expect(await text(reply.body)).toBe('{}');
});

test.each([
  ['GET', 'upgrade: x\r\nconnection: upgrade\r\n'],
  ['POST', 'upgrade: x\r\nconnection: upgrade\r\n'],
  ['POST', ''],
])('fails at once on a 101 to a %s', async (method, headers) => {
  const url = await serve(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
  await expect(nodeHttp({ method, url, headers: {} })).rejects.toThrow('101');
});

test.each([
  ['10.0.0.0/8', 'http://10.2.3.4/', true],
  ['10.0.0.0/8', 'http://11.2.3.4/', false],
  ['10.0.0.0/99', 'http://10.2.3.4/', false],
  ['127.*', 'http://127.0.0.1:8080/', true],
  ['127.*', 'http://127.example.com/', false],
  ['fd00::/8', 'http://[fd00::1]/', true],
  ['::1', 'http://[::1]/', true],
  ['10.0.0.1:80', 'http://10.0.0.1/', true],
  ['example.com.', 'http://example.com/', true],
  ['example.com', 'http://a.example.com./', true],
  ['0:0:0:0:0:0:0:1', 'http://[::1]/', true],
  ['bücher.example', 'http://xn--bcher-kva.example/', true],
  ['3.4', 'http://1.2.3.4/', false],
])('with NO_PROXY=%s, %s is direct: %s', (noProxy, url, isDirect) => {
  expect(proxyFor(url, { httpProxy: 'http://p:1', httpsProxy: '', noProxy }) === null).toBe(isDirect);
});
