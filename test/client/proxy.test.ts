import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CreateOutcome } from '../../src/client/port.ts';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { proxiesFrom, proxyFor, proxyHttp } from '../../src/platform/proxy-http.ts';
import { contentBytes } from '../support/content-bytes.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient, type TestedClient } from '../support/videos-client.ts';

/** Reachable through a proxy only: names under `.invalid` have no address. */
const FAR = 'http://videos.invalid:8000/v1';
const FAR_TLS = 'https://videos.invalid/v1';
const JOB: ScriptedReply = { body: { id: 'video_1', status: 'queued' } };

function createProxied(
  baseUrl: string,
  env: Readonly<Record<string, string>>,
  clock = createFakeClock(),
): TestedClient {
  const proxies = proxiesFrom(env);
  if (proxies === null) throw new Error('no proxy');
  return createVideosClient(baseUrl, { http: proxyHttp(proxies, nodeHttp), clock });
}

function createOver(baseUrl: string, env: Readonly<Record<string, string>>, clock?: FakeClock): Promise<CreateOutcome> {
  return createProxied(baseUrl, env, clock).client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
}

interface TunnelProxy {
  readonly url: string;
  readonly requests: readonly string[];
  /** Resolves when `count` requests have arrived. */
  requested(count: number): Promise<void>;
}

/** A proxy that answers every CONNECT with this status, or never. */
async function startTunnelProxy(status: string | null): Promise<TunnelProxy> {
  const requests: string[] = [];
  const server = createServer();
  server.on('connect', ({ url = '' }, socket) => {
    requests.push(url);
    if (status !== null) socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
  const requested = async (count: number): Promise<void> => {
    while (requests.length < count) await once(server, 'connect');
  };
  return { url: `http://127.0.0.1:${port}`, requests, requested };
}

describe('a proxy', () => {
  it('receives http requests without a tunnel', async () => {
    const proxy = await startScriptedServer([JOB]);
    expect(await createOver(FAR, { http_proxy: proxy.origin })).toMatchObject({ kind: 'accepted' });
    expect(proxy.requests.map(({ method, path, headers }) => [method, path, headers.host])).toEqual([
      ['POST', 'http://videos.invalid:8000/v1/videos', 'videos.invalid:8000'],
    ]);
  });

  it('carries redirects and downloads', async () => {
    const proxy = await startScriptedServer([
      { status: 302, headers: { location: 'http://cdn.invalid/v.mp4' }, body: 'moved' },
      { body: 'the clip' },
    ]);
    const { client } = createProxied(FAR, { http_proxy: proxy.origin });
    const reply = await client.content({ id: 'video_1', content: null }, 'video');
    expect(String(await contentBytes(reply))).toBe('the clip');
    expect(proxy.requests.map(({ path, headers }) => [path, headers.authorization === undefined])).toEqual([
      ['http://videos.invalid:8000/v1/videos/video_1/content', false],
      ['http://cdn.invalid/v.mp4', true],
    ]);
  });

  it('is bypassed for the hosts of NO_PROXY', async () => {
    const proxy = await startScriptedServer([JOB]);
    const server = await startScriptedServer([JOB]);
    const env = { http_proxy: proxy.origin, no_proxy: 'example.com,127.0.0.1' };
    expect(await createOver(server.url, env)).toMatchObject({ kind: 'accepted' });
    expect([proxy.requests.length, server.requests.length]).toEqual([0, 1]);
  });

  it('is named in the error when it refuses a tunnel, and nothing was created', async () => {
    const proxy = await startTunnelProxy('403 Forbidden');
    expect(await createOver(FAR_TLS, { https_proxy: proxy.url })).toMatchObject({
      kind: 'rejected',
      error: { code: 'proxy_failure', causedBy: expect.stringContaining('403') },
    });
    expect(proxy.requests).toEqual(['videos.invalid:443']);
  });

  it('is named in the error when it requires a login', async () => {
    const proxy = await startScriptedServer([{ status: 407, body: '' }]);
    expect(await createOver(FAR, { http_proxy: proxy.origin })).toMatchObject({
      kind: 'rejected',
      error: { code: 'proxy_failure' },
    });
    const { url } = await startTunnelProxy('407 Proxy Authentication Required');
    expect(await createOver(FAR_TLS, { https_proxy: url })).toMatchObject({ error: { code: 'proxy_failure' } });
  });

  it('that never opens its tunnel fails after the timeout with nothing sent, and at once on an abort', async () => {
    const proxy = await startTunnelProxy(null);
    const clock = createFakeClock();
    const created = createOver(FAR_TLS, { https_proxy: proxy.url }, clock);
    await proxy.requested(1);
    clock.advance(10_000);
    expect(await created).toMatchObject({ kind: 'rejected', error: { code: 'proxy_failure' } });
    const proxies = { httpProxy: '', httpsProxy: proxy.url, noProxy: '' };
    const interrupt = new AbortController();
    const request = { method: 'GET', url: FAR_TLS, headers: {}, signal: interrupt.signal };
    const call = proxyHttp(proxies, nodeHttp)({ ...request, idleTimeoutMs: 60_000 });
    await proxy.requested(2);
    interrupt.abort(new Error('interrupted'));
    await expect(call).rejects.toThrow('interrupted');
  });

  it.each(['not an address', 'ftp://127.0.0.1:1'])(
    'is named in the error when its address is invalid: %s',
    async (address) => {
      expect(await createOver(FAR, { http_proxy: address })).toMatchObject({
        kind: 'rejected',
        error: { code: 'proxy_failure' },
      });
    },
  );

  it.each([FAR, FAR_TLS])('is named in the error when it is not running, for %s', async (baseUrl) => {
    expect(await createOver(baseUrl, { ALL_PROXY: 'http://127.0.0.1:1' })).toMatchObject({
      kind: 'rejected',
      error: { code: 'proxy_failure', causedBy: 'connect ECONNREFUSED 127.0.0.1:1' },
    });
  });
});

describe('a reply through a proxy', () => {
  const job = gzipSync(JSON.stringify({ id: 'video_1', status: 'queued' }));
  const head = 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n';
  const lenient = Buffer.concat([
    Buffer.from(`${head}${job.length.toString(16)}\r\n`),
    job,
    Buffer.from('\r\n0\r\n\r\n'),
  ]);
  const upgrade = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');

  /** A proxy that answers in place of every server, over TLS at the end of its tunnels. */
  async function startRawProxy(reply: Uint8Array): Promise<string> {
    const secured = createTlsServer(SELF_SIGNED, (socket) => {
      socket.on('error', () => {}).once('data', () => void socket.end(reply));
    });
    const proxy = createTcpServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', (data) => {
          if (!String(data).startsWith('CONNECT')) return void socket.end(reply);
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          secured.emit('connection', socket);
        });
    });
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`; // a server on TCP has no other kind of address
  }

  beforeEach(() => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'); // the certificate of the test is self-signed
    onTestFinished(() => void vi.unstubAllEnvs());
  });

  it.each([FAR, FAR_TLS])('is decoded, and parsed as leniently as without a proxy: %s', async (baseUrl) => {
    const { client } = createProxied(baseUrl, { ALL_PROXY: await startRawProxy(lenient) });
    expect(await client.get('video_1')).toMatchObject({ id: 'video_1', status: 'queued' });
  });

  it.each([FAR, FAR_TLS])('fails at once when it switches protocols: %s', async (baseUrl) => {
    expect(await createOver(baseUrl, { ALL_PROXY: await startRawProxy(upgrade) })).toMatchObject({
      kind: 'unknown',
      error: { causedBy: expect.stringContaining('101') },
    });
  });
});

describe('a reply of the proxy itself', () => {
  it.each<[string, ScriptedReply]>([
    ['a 407', { status: 407, body: '<html><title>Log in</title>' }],
    ['a 403 page', { status: 403, headers: { 'content-type': 'text/html' }, body: '<html><title>Blocked</title>' }],
    ['an error of squid', { status: 503, headers: { 'x-squid-error': 'ERR_DNS_FAIL 0' }, body: '' }],
  ])('is reported as such: %s', async (_, reply) => {
    const proxy = await startScriptedServer([reply]);
    await expect(createProxied(FAR, { http_proxy: proxy.origin }).client.get('video_1')).rejects.toMatchObject({
      code: 'proxy_failure',
      message: `the proxy ${proxy.origin} refused the request`,
    });
  });

  it('is not mistaken for a JSON error of the server', async () => {
    const proxy = await startScriptedServer([{ status: 403, body: { error: { message: 'not yours' } } }]);
    await expect(createProxied(FAR, { http_proxy: proxy.origin }).client.get('video_1')).rejects.toMatchObject({
      code: 'permission_denied',
    });
  });
});

describe('a failure behind a proxy', () => {
  it.each<[string, ScriptedReply, ErrorCode]>([
    ['a broken connection', 'drop', 'connection_failed'],
    ['silence', 'hang', 'request_timeout'],
    ['an error of the server', { status: 502, body: '' }, 'server_error'],
  ])('is reported as without a proxy: %s', async (_, reply, code) => {
    const clock = createFakeClock();
    const proxy = await startScriptedServer(() => {
      if (reply === 'hang') clock.advance(10_000);
      return reply;
    });
    const { client } = createProxied(FAR, { http_proxy: proxy.origin }, clock);
    await expect(client.get('video_1')).rejects.toMatchObject({ code });
  });

  it('leaves the outcome of a create unknown', async () => {
    const proxy = await startScriptedServer(['drop']);
    expect(await createOver(FAR, { http_proxy: proxy.origin })).toMatchObject({
      kind: 'unknown',
      error: { code: 'outcome_unknown' },
    });
    expect(proxy.requests).toHaveLength(1);
  });

  it('is the server’s own where the proxy is bypassed', async () => {
    const env = { http_proxy: 'http://127.0.0.1:2', no_proxy: '*' };
    expect(await createOver('http://127.0.0.1:1/v1', env)).toMatchObject({
      kind: 'rejected',
      error: { code: 'connection_failed' },
    });
  });

  it('is the reason of the caller’s abort', async () => {
    const proxy = await startScriptedServer([JOB]);
    const signal = AbortSignal.abort(new Error('interrupted'));
    const { client } = createProxied(FAR, { http_proxy: proxy.origin });
    await expect(client.get('video_1', { signal })).rejects.toThrow('interrupted');
    expect(proxy.requests).toEqual([]);
  });
});

it.each<[Record<string, string>, ReturnType<typeof proxiesFrom>]>([
  [{}, null],
  [{ NO_PROXY: '*' }, null],
  [{ HTTPS_PROXY: '' }, null],
  [{ HTTP_PROXY: 'a:3128' }, { httpProxy: 'http://a:3128', httpsProxy: '', noProxy: '' }],
  [{ HTTP_PROXY: 'http://a' }, { httpProxy: 'http://a', httpsProxy: '', noProxy: '' }],
  [
    { HTTPS_PROXY: 'http://A', https_proxy: 'http://a' },
    { httpProxy: '', httpsProxy: 'http://a', noProxy: '' },
  ],
  [
    { ALL_PROXY: 'http://a', https_proxy: 'http://b', no_proxy: 'c' },
    { httpProxy: 'http://a', httpsProxy: 'http://b', noProxy: 'c' },
  ],
])('proxiesFrom reads %j', (env, proxies) => {
  expect(proxiesFrom(env)).toEqual(proxies);
});

describe('proxyFor', () => {
  const proxies = { httpProxy: 'http://a', httpsProxy: 'http://b' };

  it.each<[string, string, string | null]>([
    ['http://videos.example/v1', '', 'http://a'],
    ['https://videos.example/v1', '', 'http://b'],
    ['https://videos.example/v1', 'example.org, other.example', 'http://b'],
    ['https://videos.example/v1', 'example.org,videos.example', null],
    ['https://videos.example/v1', 'example.org videos.EXAMPLE', null],
    ['https://videos.example/v1', '.example', null],
    ['https://videos.example/v1', '*.example', null],
    ['https://videos.example/v1', 'example', null],
    ['https://videos.example/v1', 'os.example', 'http://b'],
    ['https://videos.example/v1', 'videos.example:443', null],
    ['https://videos.example/v1', 'videos.example:8443', 'http://b'],
    ['http://videos.example:8000/v1', 'videos.example:8000', null],
    ['http://[::1]:8000/v1', '::1', null],
    ['http://[::1]:8000/v1', '[::1]:8000', null],
    ['http://127.0.0.1:8000/v1', '127.0.0.1', null],
    ['http://videos.example/v1', '*', null],
    ['http://videos.example/v1', ',', 'http://a'],
  ])('chooses for %s with NO_PROXY=%j', (url, noProxy, proxy) => {
    expect(proxyFor(url, { ...proxies, noProxy })).toBe(proxy);
  });

  it('uses no proxy that is meant for the other scheme', () => {
    expect(proxyFor('https://videos.example/v1', { httpProxy: 'http://a', httpsProxy: '', noProxy: '' })).toBeNull();
  });
});
