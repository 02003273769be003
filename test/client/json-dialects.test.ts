import { describe, expect, it } from 'vitest';
import { contentBytes } from '../support/content-bytes.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';

const JOB = { id: 'gen-1', status: 'pending' };

describe('the polling URL of a job', () => {
  async function look(pollingUrl: string, server: ScriptedServer): Promise<string | undefined> {
    const { client } = createVideosClient(server.url, { dialect: 'openrouter' });
    await client.create(createVideoRequest(), { idempotencyKey: pollingUrl });
    await client.get('gen-1');
    return server.requests.at(-1)?.path;
  }

  it.each([
    ['is used when it is relative', '/api/v1/videos/gen-1?full=1', '/api/v1/videos/gen-1?full=1'],
    ['is ignored when it cannot be fetched', 'http://', '/v1/videos/gen-1'],
  ])('%s', async (_, pollingUrl, path) => {
    const server = await startScriptedServer([{ status: 202, body: { ...JOB, polling_url: pollingUrl } }]);
    expect(await look(pollingUrl, server)).toBe(path);
  });

  it('is requested with the profile’s query beside its own', async () => {
    const { url, requests } = await startScriptedServer([{ status: 202, body: { ...JOB, polling_url: '/jobs?id=1' } }]);
    const endpoint = { query: { 'api-version': 'preview', id: '2' } };
    const { client } = createVideosClient(url, { dialect: 'openrouter', endpoint });
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    await client.get('gen-1');
    expect(requests.at(-1)?.path).toBe('/jobs?id=1&api-version=preview');
  });

  it('is used on the same origin only', async () => {
    const other = await startScriptedServer([{ body: JOB }]);
    const home = await startScriptedServer([
      { status: 202, body: { ...JOB, polling_url: `${other.url}/videos/gen-1` } },
    ]);
    expect(await look('sub_1', home)).toBe('/v1/videos/gen-1');
    expect(other.requests).toEqual([]);
  });
});

describe('the video of a job in dialect `generations`', () => {
  it('is looked up in the job if its URL is not known yet', async () => {
    const server = await startScriptedServer(({ path }) =>
      path === '/v1/video/generations/gen-1' ? { body: { ...JOB, video_url: '/files/v.mp4' } } : { body: 'the clip' },
    );
    const { client } = createVideosClient(server.url, { dialect: 'generations' });
    const reply = await client.content({ id: 'gen-1', content: null }, 'video');
    expect(String(await contentBytes(reply))).toBe('the clip');
    expect(server.requests.map(({ path }) => path)).toEqual(['/v1/video/generations/gen-1', '/files/v.mp4']);
  });

  it('is not downloaded from a URL that cannot be fetched', async () => {
    const { client } = createVideosClient('http://127.0.0.1:1/v1', { dialect: 'generations' });
    const content = { kind: 'url', url: 's3://bucket/v.mp4' } as const;
    await expect(client.content({ id: 'gen-1', content }, 'video')).rejects.toMatchObject({ code: 'not_supported' });
  });
});

it.each(['.', '..', '\ud800'])('an id that no path can hold is not found: %j', async (id) => {
  for (const dialect of ['videos', 'generations', 'openrouter'] as const) {
    const { client } = createVideosClient('http://127.0.0.1:1/v1', { dialect });
    const content = { kind: 'url', url: 'http://127.0.0.1:1/v.mp4' } as const;
    await expect(client.get(id)).rejects.toMatchObject({ code: 'video_not_found', status: null });
    if (dialect === 'generations') continue; // whose videos lie elsewhere
    await expect(client.content({ id, content }, 'video')).rejects.toMatchObject({ code: 'video_not_found' });
  }
});
