import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ContentReply, ResumePoint, Validator } from '../../src/client/port.ts';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import { SNIFF_BYTES } from '../../src/domain/media.ts';
import type { ContentLocation, Variant } from '../../src/domain/video.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { proxyHttp } from '../../src/platform/proxy-http.ts';
import { contentBytes } from '../support/content-bytes.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import {
  type ReplyParts,
  type ScriptedReply,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';
import { API_KEY, createVideosClient } from '../support/videos-client.ts';

const CLIP = 'the whole clip';
const NO_ROUTE: ScriptedReply = { status: 404, body: { detail: 'Not Found' } };

interface Order {
  readonly content?: ContentLocation | null;
  readonly variant?: Variant;
  readonly resume?: ResumePoint;
}

function open(
  { url }: ScriptedServer,
  { content = null, variant = 'video', resume }: Order = {},
): Promise<ContentReply> {
  const { client } = createVideosClient(url);
  return client.content({ id: 'video_1', content }, variant, resume === undefined ? {} : { resume });
}

async function read(reply: ContentReply): Promise<string> {
  return String(await contentBytes(reply));
}

describe('the location of a video', () => {
  it('is the /content route, with a parameter for the variant', async () => {
    const server = await startScriptedServer([{ body: CLIP }]);
    expect(await read(await open(server))).toBe(CLIP);
    await open(server, { variant: 'spritesheet' });
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1/videos/video_1/content',
      '/v1/videos/video_1/content?variant=spritesheet',
    ]);
    expect(server.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity' });
  });

  it.each([401, 403, 404, 405, 410, 500, 501, 502])(
    'is the URL in the job when /content answers %d',
    async (status) => {
      const server = await startScriptedServer([{ status, body: '' }, { body: CLIP }]);
      const content = { kind: 'url', url: '/files/v.mp4' } as const;
      expect(await read(await open(server, { content }))).toBe(CLIP);
      expect(server.requests[1]?.path).toBe('/files/v.mp4');
    },
  );

  it.each([
    ['base64', Buffer.from(CLIP).toString('base64')],
    ['a data URL', `data:video/mp4;base64,${Buffer.from(CLIP).toString('base64')}`],
  ])('is the job itself, as %s', async (_, base64) => {
    const server = await startScriptedServer([NO_ROUTE]);
    const reply = await open(server, { content: { kind: 'base64', base64 } });
    expect(reply).toMatchObject({ totalBytes: CLIP.length, offsetBytes: 0, validator: null });
    expect(await read(reply)).toBe(CLIP);
  });

  it.each<[string, ScriptedReply, Order]>([
    ['the server asks for a later retry', { status: 409, body: '' }, {}],
    ['a thumbnail is requested', NO_ROUTE, { variant: 'thumbnail' }],
  ])('has no fallback when %s', async (_, reply, order) => {
    const server = await startScriptedServer([reply]);
    const content = { kind: 'url', url: '/files/v.mp4' } as const;
    await expect(open(server, { content, ...order })).rejects.toMatchObject({ name: 'SoraError' });
    expect(server.requests).toHaveLength(1);
  });

  it.each(['http://', 's3://bucket/v.mp4'])('is an error when the URL is %s', async (url) => {
    const server = await startScriptedServer([NO_ROUTE]);
    await expect(open(server, { content: { kind: 'url', url } })).rejects.toMatchObject({ name: 'SoraError' });
  });

  it('may be behind redirects', async () => {
    const server = await startScriptedServer([
      { status: 302, headers: { location: '../../cdn/v.mp4' } },
      { body: CLIP },
    ]);
    expect(await read(await open(server))).toBe(CLIP);
    expect(server.requests[1]?.path).toBe('/v1/cdn/v.mp4');
  });
});

describe('a refused download', () => {
  it.each<[ErrorCode, number, string]>([
    ['content_not_ready', 400, '{"error":{"message":"task is not completed yet"}}'],
    ['content_not_ready', 404, '{"detail":"Not Found"}'],
    ['content_not_ready', 409, '{"error":{"message":"not ready"}}'],
    ['content_not_ready', 425, ''],
    ['content_expired', 410, '{"error":{"message":"gone"}}'],
    ['content_expired', 404, '{"error":{"message":"gone","code":"video_expired"}}'],
    ['invalid_api_key', 401, ''],
    ['permission_denied', 403, ''],
    ['rate_limit_exceeded', 429, ''],
    ['not_supported', 501, ''],
    ['server_error', 503, ''],
  ])('is %s for a %d with the body %j', async (code, status, body) => {
    const server = await startScriptedServer([
      { status, body, headers: { 'retry-after': '7', 'x-request-id': 'req_1' } },
    ]);
    await expect(open(server)).rejects.toMatchObject({ code, status, retryAfterMs: 7_000, requestId: 'req_1' });
  });

  it.each([401, 403, 410])(
    'at the URL of a file (%d) makes the next attempt ask the job for a new URL',
    async (status) => {
      const files = await startScriptedServer(({ path }) => (path === '/new.mp4' ? { body: CLIP } : { status }));
      let fresh = '/old.mp4';
      const home = await startScriptedServer(({ path }) =>
        path.endsWith('/content')
          ? NO_ROUTE
          : { body: { id: 'video_1', status: 'completed', url: `${files.origin}${fresh}` } },
      );
      const content = { kind: 'url', url: `${files.origin}/old.mp4` } as const;
      await expect(open(home, { content })).rejects.toMatchObject({ code: 'content_refused', status });
      fresh = '/new.mp4';
      expect(await read(await open(home, { content }))).toBe(CLIP);
      expect(files.requests.map(({ path }) => path)).toEqual(['/old.mp4', '/old.mp4', '/new.mp4']);
      const redirecting = await startScriptedServer([{ status: 302, headers: { location: content.url } }]);
      await expect(open(redirecting)).rejects.toMatchObject({ code: 'content_refused', status });
    },
  );

  it('is content_expired if the job reports that now', async () => {
    const home = await startScriptedServer(({ path }) => {
      if (path.endsWith('/content')) return NO_ROUTE;
      return path === '/v.mp4' ? { status: 403 } : { body: { id: 'video_1', status: 'expired' } };
    });
    const content = { kind: 'url', url: '/v.mp4' } as const;
    await expect(open(home, { content })).rejects.toMatchObject({ code: 'content_expired' });
  });
});

describe('a dialect whose jobs name the file', () => {
  it.each([
    ['fetches its own route at its own origin, with the key', '/v1/videos/video_1/content', 0],
    ['falls back to that route when the URL refuses', '/v.mp4', 1],
  ])('%s', async (_, path, refusals) => {
    const other = await startScriptedServer([{ status: 401 }]);
    const url = `${other.origin}${path}`;
    const home = await startScriptedServer((request) =>
      request.path.endsWith('/content') ? { body: CLIP } : { body: { id: 'video_1', status: 'completed', url } },
    );
    const { client } = createVideosClient(home.url, { dialect: 'generations' });
    expect(await read(await client.content({ id: 'video_1', content: { kind: 'url', url } }, 'video'))).toBe(CLIP);
    expect(home.requests.at(-1)).toMatchObject({ headers: { authorization: `Bearer ${API_KEY}` } });
    expect(other.requests).toHaveLength(refusals);
  });
});

describe('a /content reply without the bytes', () => {
  it.each([
    ['url', (url: string) => ({ url })],
    ['video_url', (url: string) => ({ id: 'video_1', status: 'completed', video_url: url })],
    ['download_url', (url: string) => ({ download_url: url })],
    ['data.url', (url: string) => ({ code: 0, data: { url } })],
  ])('is followed to its %s, without the key', async (_, answer) => {
    const other = await startScriptedServer([{ body: CLIP }]);
    const home = await startScriptedServer([{ body: answer(`${other.origin}/v.mp4`) }]);
    expect(await read(await open(home))).toBe(CLIP);
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each<[ErrorCode, ScriptedReply]>([
    ['content_not_ready', { body: { id: 'video_1', status: 'in_progress' } }],
    ['content_not_ready', { body: { error: { message: 'oh', code: 'video_not_ready' } } }],
    ['content_not_ready', { headers: { 'content-length': '0' } }],
    ['content_not_ready', { status: 202, body: { status: 'accepted' } }],
    ['content_not_ready', { status: 204 }],
    ['content_expired', { body: { id: 'video_1', status: 'expired' } }],
    ['download_corrupt', { body: { id: 'video_1', status: 'completed' } }],
  ])('is %s for %j', async (code, reply) => {
    const server = await startScriptedServer([reply]);
    await expect(open(server)).rejects.toMatchObject({ code });
  });

  it.each<ScriptedReply>([
    { headers: { 'content-length': '0' } },
    { headers: { 'content-type': 'text/html' }, body: '<html>' },
  ])('gives way to the URL in the job: %j', async (reply) => {
    const server = await startScriptedServer([reply, { body: CLIP }]);
    expect(await read(await open(server, { content: { kind: 'url', url: '/v.mp4' } }))).toBe(CLIP);
  });
});

describe('an interrupted download', () => {
  const resume: ResumePoint = { offsetBytes: 4, validator: { ifRange: '"v1"', etag: '"v1"' } };
  const rest = (range: string): ScriptedReply => ({
    status: 206,
    headers: { 'content-range': range, etag: '"v1"' },
    body: CLIP.slice(4),
  });

  it('resumes at the requested offset if the server can', async () => {
    const server = await startScriptedServer([rest('bytes 4-13/14')]);
    const reply = await open(server, { resume });
    expect(server.requests[0]?.headers).toMatchObject({ range: 'bytes=4-', 'if-range': '"v1"' });
    expect(reply).toMatchObject({ offsetBytes: 4, totalBytes: 14, validator: resume.validator });
    expect(await read(reply)).toBe('whole clip');
  });

  it('resumes without a known length', async () => {
    const server = await startScriptedServer([rest('bytes 4-13/*')]);
    expect(await open(server, { resume })).toMatchObject({ offsetBytes: 4, totalBytes: null });
    const known = { ...resume, totalBytes: 14 };
    expect(await open(server, { resume: known })).toMatchObject({ offsetBytes: 4, totalBytes: 14 });
  });

  it('starts over when the server sends the whole file', async () => {
    const server = await startScriptedServer([{ headers: { 'content-length': '14' }, body: CLIP }]);
    expect(await open(server, { resume })).toMatchObject({ offsetBytes: 0, totalBytes: 14 });
  });

  it.each(['bytes 5-13/14', 'bytes 0-13/14', 'bytes 4-14/14', 'bytes 4-3/14', 'items 4-13/14', ''])(
    'refuses a different range than requested: %j',
    async (range) => {
      const server = await startScriptedServer([rest(range)]);
      await expect(open(server, { resume })).rejects.toMatchObject({ code: 'download_corrupt' });
    },
  );

  const range = { 'content-range': 'bytes 4-13/14' };
  const etag = '"v1"';
  const date = 'Mon, 23 Nov 2026 09:00:00 GMT';
  it.each<[string, ReplyParts, Partial<ResumePoint>]>([
    ['ETag', { headers: { ...range, etag: '"v2"' } }, {}],
    ['ETag (missing)', { headers: range }, {}],
    ['ETag (weak)', { headers: { ...range, etag: 'W/"v1"' } }, {}],
    [
      'weak ETag of the same second',
      { headers: { ...range, etag: 'W/"v2"', 'last-modified': date } },
      { validator: { ifRange: date, etag: 'W/"v1"' } },
    ],
    ['date', { headers: { ...range, 'last-modified': 'Tue' } }, { validator: { ifRange: date, etag: null } }],
    ['length', { headers: { ...range, etag } }, { totalBytes: 15 }],
    ['length than its range', { headers: { ...range, etag, 'content-length': '14' }, body: CLIP }, {}],
    ['form', { headers: { ...range, etag, 'content-type': 'multipart/byteranges; boundary=x' } }, {}],
    ['length (shorter)', { status: 416 }, {}],
  ])('does not continue a file with a different %s', async (_, reply, changes) => {
    const server = await startScriptedServer([{ status: 206, body: CLIP.slice(4), ...reply }]);
    await expect(open(server, { resume: { ...resume, ...changes } })).rejects.toMatchObject({
      code: 'download_corrupt',
    });
  });

  it('throws the reason while its body is read', async () => {
    const half = { headers: { 'content-length': String(2 * SNIFF_BYTES) }, body: 'x'.repeat(SNIFF_BYTES) };
    const server = await startScriptedServer([
      { ...half, afterwards: 'drop' },
      { ...half, afterwards: 'hang' },
    ]);
    await expect(open(server).then(read)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const clock = createFakeClock();
    const { client } = createVideosClient(server.url, { clock });
    const stalled = await client.content({ id: 'video_1', content: null }, 'video');
    await Promise.all([
      expect(read(stalled)).rejects.toMatchObject({ code: 'ETIMEDOUT' }),
      eventually(() => {
        clock.advance(10_000);
        expect(stalled.body.destroyed).toBe(true);
      }),
    ]);
  });

  it('is decoded if compressed, and then cannot be resumed', async () => {
    const body = gzipSync(CLIP);
    const headers = { 'content-encoding': 'gzip', 'content-length': String(body.length), etag: '"v1"' };
    const reply = await open(await startScriptedServer([{ headers, body }]));
    expect(reply).toMatchObject({ totalBytes: null, validator: null });
    expect(await read(reply)).toBe(CLIP);
  });

  it('fails at once when it breaks in its first bytes', async () => {
    const server = await startScriptedServer([{ headers: { 'content-length': '14' }, body: 'x', afterwards: 'drop' }]);
    await expect(open(server)).rejects.toMatchObject({ code: 'download_corrupt', retryable: true });
  });
});

describe('the validator for resuming', () => {
  const MODIFIED = 'Mon, 23 Nov 2026 09:00:00 GMT';

  it.each<[string, Record<string, string>, Validator | null]>([
    ['a strong ETag', { etag: '"v1"', 'last-modified': MODIFIED }, { ifRange: '"v1"', etag: '"v1"' }],
    [
      'the date, for an ETag that is weak',
      { etag: 'W/"v1"', 'last-modified': MODIFIED },
      { ifRange: MODIFIED, etag: 'W/"v1"' },
    ],
    ['the date', { 'last-modified': MODIFIED }, { ifRange: MODIFIED, etag: null }],
    ['nothing', {}, null],
    ['nothing, for an ETag that is weak', { etag: 'w/"v1"' }, null],
    ['nothing, for an ETag without quotes', { etag: 'v1' }, null],
    ['nothing, for an empty ETag', { etag: '""' }, null],
    ['nothing, for a server that cannot resume', { etag: '"v1"', 'accept-ranges': 'none' }, null],
  ])('is %s', async (_, headers, validator) => {
    const server = await startScriptedServer([{ headers, body: CLIP }]);
    expect((await open(server)).validator).toEqual(validator);
  });
});

it.each([201, 203])('the bytes may come with status %i', async (status) => {
  const server = await startScriptedServer([
    { status, headers: { 'content-length': String(CLIP.length) }, body: CLIP },
  ]);
  expect(await open(server)).toMatchObject({ totalBytes: CLIP.length, offsetBytes: 0 });
});

describe('a 200 of type video/mp4 without a video', () => {
  const headers = { 'content-type': 'video/mp4' };
  it.each<[string, string, ErrorCode]>([
    ['"not ready"', '{"error":{"message":"Video is not ready yet","code":"bad_request"}}', 'content_not_ready'],
    ['the status of a job', ' {"id":"video_1","status":"in_progress"}', 'content_not_ready'],
    ['that the video is unknown', '{"error":{"message":"Video not found","code":404}}', 'content_not_ready'],
    ['an error with a status', '{"error":{"message":"slow down","code":"429"}}', 'rate_limit_exceeded'],
    ['an error with a known code', '{"error":{"code":"insufficient_quota","message":"no"}}', 'insufficient_quota'],
    ['anything else', '{"error":"gone"}', 'download_corrupt'],
    ['an HTML page', '<html>sign in</html>', 'download_corrupt'],
  ])('is diagnosed by its content: %s', async (_, body, code) => {
    await expect(open(await startScriptedServer([{ headers, body }]))).rejects.toMatchObject({ code });
  });
});

describe('a file at a private address', () => {
  const url = 'http://10.0.0.1/v.mp4';
  /** A public server behind a proxy, which answers for every host. */
  async function setUp(replies: Readonly<Record<string, ScriptedReply>>, allowsPrivateFiles = false) {
    const proxy = await startScriptedServer(({ path }) => replies[path] ?? { status: 404, body: '' });
    const http = proxyHttp({ httpProxy: proxy.origin, httpsProxy: '', noProxy: '' }, nodeHttp);
    const { client } = createVideosClient('http://videos.invalid/v1', { http, allowsPrivateFiles });
    const paths = (): string[] => proxy.requests.map(({ path }) => path);
    return {
      paths,
      open: (): Promise<ContentReply> => client.content({ id: 'video_1', content: { kind: 'url', url } }, 'video'),
    };
  }
  const route = 'http://videos.invalid/v1/videos/video_1/content';

  it.each<[string, ScriptedReply]>([
    ['the job names it', { status: 404, body: '' }],
    ['`/content` redirects to it', { status: 302, headers: { location: url } }],
    [
      '`/content` redirects to it by a host name',
      { status: 302, headers: { location: 'http://files.localhost/v.mp4' } },
    ],
    ['`/content` names it', { body: { url } }],
  ])('is not fetched when %s', async (_, reply) => {
    const { open: openVideo, paths } = await setUp({ [route]: reply, [url]: { body: CLIP } });
    await expect(openVideo()).rejects.toMatchObject({
      code: 'content_refused',
      message: 'the server names a private address for the video’s file',
      hints: [expect.stringContaining('profiles.lab.capabilities.private_files yes')],
    });
    expect(paths()).not.toContain(url);
  });

  it('is skipped in favour of `/content`', async () => {
    const { open: openVideo, paths } = await setUp({ [route]: { body: CLIP }, [url]: { body: 'no' } });
    expect(await read(await openVideo())).toBe(CLIP);
    expect(paths()).toEqual([route]);
  });

  it('is fetched when the profile allows it', async () => {
    const { open: openVideo } = await setUp({ [url]: { body: CLIP } }, true);
    expect(await read(await openVideo())).toBe(CLIP);
  });

  it('is fetched when the server itself is at a private address', async () => {
    const files = await startScriptedServer([{ body: CLIP }]);
    const server = await startScriptedServer([{ status: 302, headers: { location: `${files.origin}/v.mp4` } }]);
    expect(await read(await open(server))).toBe(CLIP);
  });
});
