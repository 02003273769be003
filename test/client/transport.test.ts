import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { VideosClient } from '../../src/client/port.ts';
import { contentBytes } from '../support/content-bytes.ts';
import { httpFromHandler } from '../support/request-handler.ts';
import {
  type ReceivedRequest,
  type ScriptedReply,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';
import { API_KEY, createVideosClient } from '../support/videos-client.ts';

const JOB = { body: { id: 'video_1', status: 'completed' } };
const CLIP = { headers: { 'content-type': 'video/mp4' }, body: 'the clip' };

/** Headers that only the server of the key may see. */
const PRIVATE = { 'openai-organization': 'org-1', 'X-Tenant': 'lab' };

function privateHeadersOf({ headers }: ReceivedRequest): string[] {
  const names = ['authorization', 'api-key', 'openai-organization', 'x-tenant'];
  return names.filter((name) => headers[name] !== undefined);
}

function last({ requests }: ScriptedServer): ReceivedRequest {
  const request = requests.at(-1);
  if (request === undefined) throw new Error('nothing arrived');
  return request;
}

describe('the key and headers of a server', () => {
  it.each([
    ['a bearer key', { name: 'authorization', value: `Bearer ${API_KEY}` }],
    ['an api-key', { name: 'api-key', value: API_KEY }],
  ])('are sent with every call: %s', async (_, auth) => {
    const server = await startScriptedServer([JOB]);
    const { client } = createVideosClient(server.url, { endpoint: { auth, headers: PRIVATE } });
    await client.get('video_1');
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({ [auth.name]: auth.value, 'openai-organization': 'org-1', 'x-tenant': 'lab' });
    }
    expect(server.requests).toHaveLength(2);
  });

  it('are not sent where the server has no key', async () => {
    const server = await startScriptedServer([JOB]);
    await createVideosClient(server.url, { endpoint: { auth: null } }).client.get('video_1');
    expect(privateHeadersOf(last(server))).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])(
    'do not follow a %d to another origin, and are sent again when it redirects back',
    async (status) => {
      const home: ScriptedServer = await startScriptedServer(({ path }) =>
        path.startsWith('/v1/') ? { status, headers: { location: `${other.origin}/cdn?sig=1` } } : CLIP,
      );
      const other: ScriptedServer = await startScriptedServer([
        { status: 302, headers: { location: `${home.origin}/files/v.mp4` } },
      ]);
      const auth = { name: 'api-key', value: API_KEY };
      const { client } = createVideosClient(home.url, { endpoint: { auth, headers: PRIVATE } });
      const reply = await client.content({ id: 'video_1', content: null }, 'video');
      expect(String(await contentBytes(reply))).toBe('the clip');
      expect(last(other).path).toBe('/cdn?sig=1');
      expect(privateHeadersOf(last(other))).toEqual([]);
      expect(home.requests.map(privateHeadersOf)).toEqual(
        Array.from({ length: 2 }, () => ['api-key', 'openai-organization', 'x-tenant']),
      );
    },
  );

  it.each(['videos', 'generations'] as const)(
    'are reported as missing where a redirect leads to an origin that needs them: %s',
    async (dialect) => {
      const other = await startScriptedServer([{ status: 401, body: { error: { message: 'who are you' } } }]);
      const home = await startScriptedServer([
        { status: 301, headers: { location: `${other.origin}/v1/videos/video_1` } },
      ]);
      await expect(createVideosClient(home.url, { dialect }).client.get('video_1')).rejects.toMatchObject({
        code: 'endpoint_not_found',
        message: 'the server redirects to another origin, and the key is not sent there',
        hints: [`set the base URL to ${other.origin}/v1 if that is the server’s own`, expect.any(String)],
      });
    },
  );

  it('are not sent to a video URL on another origin', async () => {
    const home = await startScriptedServer([{ status: 404, body: '' }]);
    const other = await startScriptedServer([CLIP]);
    const { client } = createVideosClient(home.url, { endpoint: { headers: PRIVATE } });
    const content = { kind: 'url', url: `${other.origin}/v.mp4` } as const;
    await client.content({ id: 'video_1', content }, 'video');
    expect(privateHeadersOf(last(home))).toContain('authorization');
    expect(privateHeadersOf(last(other))).toEqual([]);
  });
});

describe('a request', () => {
  it.each(['/v1', '/v1/', '/openai/v1//', '', '/'])(
    'goes below the base URL %j without doubled slashes',
    async (base) => {
      const server = await startScriptedServer([{ body: { data: [] } }, JOB]);
      const { client } = createVideosClient(`${server.origin}${base}`);
      await client.list({ limit: 5, after: 'a+/=b', order: 'asc' });
      await client.get('a+/=b');
      const root = base.replace(/\/+$/, '');
      expect(server.requests.map(({ path }) => path)).toEqual([
        `${root}/videos?limit=5&after=a%2B%2F%3Db&order=asc`,
        `${root}/videos/a%2B%2F%3Db`,
      ]);
    },
  );

  it('always has the query of the profile', async () => {
    const server = await startScriptedServer([{ body: { data: [] } }, { ...JOB }, CLIP]);
    const { client } = createVideosClient(server.url, { endpoint: { query: { 'api-version': 'preview' } } });
    await client.list({ limit: 5 });
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    await client.content({ id: 'video_1', content: null }, 'thumbnail');
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1/videos?api-version=preview&limit=5',
      '/v1/videos?api-version=preview',
      '/v1/videos/video_1/content?api-version=preview&variant=thumbnail',
    ]);
  });

  it('has the list query of the profile in list calls only', async () => {
    const server = await startScriptedServer([{ body: { data: [] } }, JOB, JOB]);
    const { client } = createVideosClient(server.url, { endpoint: { listQuery: { custom_llm_provider: 'openai' } } });
    await client.list({ limit: 5 });
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    await client.get('video_1');
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1/videos?limit=5&custom_llm_provider=openai',
      '/v1/videos',
      '/v1/videos/video_1',
    ]);
  });

  it('identifies itself as sora, without facts about the machine', async () => {
    const server = await startScriptedServer([JOB]);
    const { client } = createVideosClient(server.url);
    await client.get('video_1');
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    await client.content({ id: 'video_1', content: null }, 'video').catch(() => {}); // the job is no video
    expect(server.requests).toHaveLength(3);
    for (const { headers } of server.requests) {
      expect(headers['user-agent']).toBe('sora-cli/1.2.3');
      expect(Object.keys(headers).filter((name) => name.startsWith('x-stainless'))).toEqual([]);
    }
  });
});

describe('redirects', () => {
  it('of a create are not followed, since that would send it twice', async () => {
    const server = await startScriptedServer([{ status: 307, headers: { location: 'http://127.0.0.1:1/v1/videos' } }]);
    const outcome = await createVideosClient(server.url).client.create(createVideoRequest(), { idempotencyKey: 'k' });
    expect(outcome).toMatchObject({
      kind: 'unknown',
      error: { code: 'outcome_unknown', causedBy: 'HTTP 307: redirected to http://127.0.0.1:1/v1/videos' },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('of a delete are not followed', async () => {
    const server = await startScriptedServer([{ status: 302, headers: { location: '/' } }, JOB]);
    await expect(createVideosClient(server.url).client.remove('video_1')).rejects.toMatchObject({ status: 302 });
    expect(server.requests).toHaveLength(1);
  });

  it('in a loop come to an end', async () => {
    const server = await startScriptedServer([{ status: 302, headers: { location: '/v1/again' } }]);
    await expect(createVideosClient(server.url).client.get('video_1')).rejects.toMatchObject({
      code: 'endpoint_not_found',
      status: 302,
    });
    expect(server.requests).toHaveLength(6);
  });
});

const LONG = `nothing here ${'x'.repeat(10_000)}`;

describe('the trace', () => {
  it('has every exchange without keys or signatures', async () => {
    const server = await startScriptedServer([
      { status: 302, headers: { location: '/v.mp4?sig=s3cret' } },
      { status: 500, body: { error: { message: `no ${API_KEY}, see data:image/png;base64,${'A'.repeat(5_000)}` } } },
    ]);
    const { client, trace } = createVideosClient(server.url, { endpoint: { query: { token: 's3cret' } } });
    await expect(client.get('video_1')).rejects.toMatchObject({ code: 'server_error' });
    const first = `${server.url}/videos/video_1?token=redacted`;
    const second = `${server.origin}/v.mp4?sig=redacted`;
    expect(trace).toEqual([
      { kind: 'request', method: 'GET', url: first, baseURL: server.url },
      { kind: 'response', status: 302, url: first, ms: 0 },
      { kind: 'request', method: 'GET', url: second, baseURL: server.url },
      { kind: 'response', status: 500, url: second, ms: 0 },
      {
        kind: 'response error',
        status: 500,
        url: second,
        error: '{"error":{"message":"no [redacted], see data:[redacted]"}}',
      },
    ]);
  });

  it.each<[string, ScriptedReply, (client: VideosClient) => Promise<unknown>]>([
    ['a refusal', { status: 404, body: LONG }, (client) => client.get('video_1')],
    ['an HTML page instead of JSON', { body: `<html>${LONG}` }, (client) => client.list({ limit: 1 })],
    [
      'a refused download',
      { status: 410, body: LONG },
      (client) => client.content({ id: 'video_1', content: null }, 'video'),
    ],
  ])('has the body of %s, shortened', async (_, reply, call) => {
    const server = await startScriptedServer([reply]);
    const { client, trace } = createVideosClient(server.url);
    await expect(call(client)).rejects.toThrow();
    const last = trace.at(-1);
    expect(last).toMatchObject({ kind: 'response error', error: expect.stringContaining('nothing here') });
    expect(JSON.stringify(last).length).toBeLessThan(2_500);
  });

  it('has each request body, but only the size of a form', async () => {
    const server = await startScriptedServer([JOB]);
    const { client, trace } = createVideosClient(server.url);
    await client.create(createVideoRequest({ prompt: `a boat ${API_KEY}` }), { idempotencyKey: 'sub_1' });
    await client.create(createVideoRequest({ image: createImageFile() }), { idempotencyKey: 'sub_2' });
    expect(trace.filter(({ kind }) => kind === 'request body')).toEqual([
      {
        kind: 'request body',
        type: 'application/json',
        bytes: expect.any(Number),
        text: '{"model":"sora-2","prompt":"a boat [redacted]","seconds":"4","size":"1280x720"}',
      },
      { kind: 'request body', type: 'multipart/form-data', bytes: expect.any(Number), text: null },
    ]);
  });

  it('has a call that fails below HTTP', async () => {
    const http = () =>
      Promise.reject(new Error(`could not reach https://u:p@videos.example/?key=s3cret of ${API_KEY}`));
    const { client, trace } = createVideosClient('https://videos.example/v1', { http });
    await expect(client.get('video_1')).rejects.toMatchObject({ code: 'connection_failed' });
    expect(trace.at(-1)).toEqual({
      kind: 'response error',
      status: null,
      url: 'https://videos.example/v1/videos/video_1',
      error: 'Error: could not reach https://videos.example/?key=redacted of [redacted]',
    });
  });

  it('notices that a service is ending are given once', async () => {
    const headers = { sunset: 'Thu, 24 Sep 2026 00:00:00 GMT', deprecation: '@1774310400' };
    const server = await startScriptedServer([{ ...JOB, headers }]);
    const { client, notices } = createVideosClient(server.url);
    await client.get('video_1');
    await client.get('video_1');
    expect(notices).toEqual([
      'the server announces its deprecation: @1774310400',
      'the server announces its sunset: Thu, 24 Sep 2026 00:00:00 GMT',
    ]);
  });
});

it('a body that breaks while nobody reads it does not crash the program', async () => {
  let breakOff = (): void => {};
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('\0\0\0\x18ftypisom', 'latin1'));
      breakOff = () => controller.error(new Error('gone'));
    },
  });
  const { transport } = createVideosClient('http://lab.example/v1', {
    http: httpFromHandler(async () => new Response(stream)),
  });
  const { body } = await transport.open({ method: 'GET', url: 'http://lab.example/v1/videos/video_1/content' }, 8);
  const closed = new Promise((resolve) => body.once('close', resolve));
  breakOff();
  body.resume();
  await closed;
  expect(body.errored).toMatchObject({ message: 'gone' });
});

it('a short reply leaves no listener on the signal of the run', async () => {
  const server = await startScriptedServer([{ status: 404, body: '{"error":"no"}' }]);
  const { transport } = createVideosClient(server.url);
  const { signal } = new AbortController();
  const reply = await transport.open({ method: 'GET', url: `${server.url}/videos/video_1/content`, signal }, 64);
  reply.body.destroy();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
