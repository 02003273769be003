import { get, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Handler } from '../../src/http-server/handler.ts';
import { type ListeningServer, listen } from '../../src/http-server/server.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { eventually } from '../support/eventually.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

type TestServer = ListeningServer & { readonly url: string };

async function serve(handler: Handler, limits: Parameters<typeof listen>[1]['limits'] = {}): Promise<TestServer> {
  const server = await listen(handler, { host: '127.0.0.1', port: 0, limits });
  onTestFinished(() => server.close());
  return Object.assign(server, { url: `${server.origin}/v1` });
}

const createRequest = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'a kite', seconds: '8' }),
};

describe('listen', () => {
  it('sends the replies of the handler over HTTP', async () => {
    const { url } = await serve(createSimulatedApi().simulator);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const reply = await nodeHttp({ ...createRequest, url: `${url}/videos` });
    expect(reply.status).toBe(200);
    expect(reply.headers['x-request-id']).toMatch(/^req_/);
    expect(JSON.parse(String(await buffer(reply.body)))).toMatchObject({ status: 'queued', seconds: '8' });
  });

  it('sends a whole video, a range of it, and its headers alone', async () => {
    const api = createSimulatedApi();
    const id = await api.create();
    api.clock.advance(3_000);
    const expected = Buffer.from(await (await api.call('GET', `/videos/${id}/content`)).arrayBuffer());
    const url = `${(await serve(api.simulator)).url}/videos/${id}/content`;

    const whole = await nodeHttp({ method: 'GET', url, headers: {} });
    expect((await buffer(whole.body)).equals(expected)).toBe(true);
    const range = await nodeHttp({ method: 'GET', url, headers: { range: 'bytes=-5' } });
    expect(range.status).toBe(206);
    expect((await buffer(range.body)).equals(expected.subarray(-5))).toBe(true);
    const head = await nodeHttp({ method: 'HEAD', url, headers: {} });
    expect(head.headers['content-length']).toBe(String(expected.length));
    expect(await buffer(head.body)).toHaveLength(0);
  });

  it('drops the connection when the handler does', async () => {
    const { url } = await serve(createSimulatedApi({ fault: 'create-dropped-after-accept' }).simulator);
    await expect(nodeHttp({ ...createRequest, url: `${url}/videos` })).rejects.toMatchObject({ code: 'ECONNRESET' });
    const list = await nodeHttp({ method: 'GET', url: `${url}/videos`, headers: {} });
    expect(JSON.parse(String(await buffer(list.body)))).toMatchObject({ data: { length: 1 } });
  });

  it('delivers the first half of a cut download before it drops the connection', async () => {
    const api = createSimulatedApi({ fault: 'cut-download' });
    const id = await api.create();
    api.clock.advance(3_000);
    const { url } = await serve(api.simulator);
    const reply = await nodeHttp({ method: 'GET', url: `${url}/videos/${id}/content`, headers: {} });
    let received = 0;
    reply.body.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const error = await new Promise((resolve) => reply.body.once('error', resolve));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(received).toBe(Math.ceil(Number(reply.headers['content-length']) / 2));
  });

  it('closes open connections when it closes', async () => {
    const server = await serve(createSimulatedApi().simulator);
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await closed;
    // A program that another thread is just starting holds a copy of the port.
    await eventually(async () => {
      const refusal = await new Promise((resolve) => get(server.url).once('error', resolve));
      expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
    });
  });

  it('rejects when the port is taken', async () => {
    const { url } = await serve(createSimulatedApi().simulator);
    const port = Number(new URL(url).port);
    const second = listen(createSimulatedApi().simulator, { host: '127.0.0.1', port });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

/** Sends raw bytes, and returns the reply until the connection ends. */
async function sendRaw({ url }: TestServer, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  socket.on('error', () => {}); // a server that has refused may reset what is still being sent
  socket.write(text);
  let answered = '';
  for await (const chunk of socket) answered += String(chunk);
  return answered;
}

const END = 'host: localhost\r\nconnection: close\r\n\r\n';

describe('malformed requests', () => {
  it.each<[string, string, number]>([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400],
    ['no such method', `MAKE /v1/videos HTTP/1.1\r\n${END}`, 400],
    ['headers of more than 32 kB', `GET /v1/videos HTTP/1.1\r\nx-large: ${'x'.repeat(33_000)}\r\n${END}`, 431],
    ['an invalid address', 'GET /v1/videos HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n', 400],
    ['a host with a path', 'GET /x HTTP/1.1\r\nhost: localhost/v1/videos?\r\nconnection: close\r\n\r\n', 400],
    ['two hosts', `GET /v1/videos HTTP/1.1\r\nhost: example.com\r\n${END}`, 400],
    ['another scheme', `GET ftp://localhost/v1/videos HTTP/1.1\r\n${END}`, 400],
    ['a tunnel to another host', `CONNECT example.com:443 HTTP/1.1\r\n${END}`, 405],
    ['an unsupported method', `TRACE /v1/videos HTTP/1.1\r\n${END}`, 405],
    ['a path out of the folder', `GET /v1/../../../etc/passwd HTTP/1.1\r\n${END}`, 404],
    ['an encoded path out of it', `GET /v1/videos/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n${END}`, 404],
    ['a path that looks like a host', `GET //v1/videos HTTP/1.1\r\n${END}`, 404],
    ['two lengths', `POST /v1/videos HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n${END}`, 400],
    [
      'JSON that is none',
      `POST /v1/videos HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 1\r\n${END}{`,
      400,
    ],
    [
      'a body of another kind',
      `POST /v1/videos HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n${END}x`,
      415,
    ],
  ])('%s is refused with an API error', async (_, request, status) => {
    const server = await serve(createSimulatedApi().simulator);
    const [head = '', body = ''] = (await sendRaw(server, request)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body)).toMatchObject({ error: { message: expect.stringMatching(/./) } });
  });

  it('a request larger than 25 MB is refused, with or without a length', async () => {
    const server = await serve(createSimulatedApi().simulator);
    const body = new Uint8Array(26 << 20);
    const reply = await nodeHttp({ ...createRequest, url: `${server.url}/videos`, body });
    expect(reply.status).toBe(413);
    expect(JSON.parse(String(await buffer(reply.body)))).toMatchObject({ error: { code: 'request_too_large' } });
    const chunks = Readable.from(Array.from({ length: 26 }, () => new Uint8Array(1 << 20)));
    expect(await sendChunked(`${server.url}/videos`, chunks)).toBe(413);
    const waits = `POST /v1/videos HTTP/1.1\r\ncontent-length: ${26 << 20}\r\nexpect: 100-continue\r\n${END}`;
    expect(await sendRaw(server, waits)).toMatch(/^HTTP\/1.1 413 /);
  });

  it('a slow request is refused, and does not block others', async () => {
    const limits = { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 50 };
    const server = await serve(createSimulatedApi().simulator, limits);
    const slow = Array.from({ length: 50 }, () => sendRaw(server, 'POST /v1/videos HTTP/1.1\r\nx-never: '));
    const list = await nodeHttp({ method: 'GET', url: `${server.url}/videos`, headers: {} });
    expect(list.status).toBe(200);
    for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  });
});

function sendChunked(url: string, body: Readable): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST' }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    });
    outgoing.once('error', reject);
    body.pipe(outgoing);
  });
}

it('finishes open requests before it stops', async () => {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const answer: Handler['answer'] = () => gate.then(() => ({ status: 200, headers: {}, body: 'done' }));
  const server = await serve({ ...createSimulatedApi().simulator, answer });
  const underWay = nodeHttp({ method: 'GET', url: server.url, headers: {} });
  await eventually(() => expect(server.openRequests).toBe(1));
  const drained = server.drain();
  await expect(nodeHttp({ method: 'GET', url: server.url, headers: {} })).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
  open();
  expect(String(await buffer((await underWay).body))).toBe('done');
  await drained;
  expect(server.openRequests).toBe(0);
});
