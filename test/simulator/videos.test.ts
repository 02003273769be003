import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSimulatedApi } from '../support/simulated-api.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

describe('a video', () => {
  it('progresses from queued to completed with the clock', async () => {
    const api = createSimulatedApi();
    const id = await api.create();
    const statuses: unknown[] = [];
    for (let looks = 0; looks < 4; looks++) {
      const response = await api.call('GET', `/videos/${id}`);
      const video: unknown = await response.json();
      statuses.push([video, response.headers.get('openai-poll-after-ms')]);
      api.clock.advance(1_000);
    }
    expect(statuses).toEqual([
      [expect.objectContaining({ id, status: 'queued', progress: 0 }), '250'],
      [expect.objectContaining({ id, status: 'in_progress', progress: 35 }), '250'],
      [expect.objectContaining({ id, status: 'in_progress', progress: 88 }), '250'],
      [expect.objectContaining({ id, status: 'completed', progress: 100 }), null],
    ]);
  });

  it('keeps the speed and fault of its create', async () => {
    const first = createSimulatedApi({ fault: 'moderation_blocked', speed: 10 });
    const id = await first.create();
    first.clock.advance(230);
    const second = createSimulatedApi({ stateDir: first.stateDir, clock: first.clock });
    expect(await (await second.call('GET', `/videos/${id}`)).json()).toMatchObject({
      status: 'failed',
      error: { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' },
    });
  });

  it.each([
    ['unfinished', 0],
    ['finished', 3_000],
  ])('is gone in every process once it is deleted, %s', async (_, elapsedMs) => {
    const api = createSimulatedApi();
    const other = createSimulatedApi({ stateDir: api.stateDir, clock: api.clock });
    const id = await api.create();
    api.clock.advance(elapsedMs);
    const reply = await api.call('DELETE', `/videos/${id}`);
    expect([reply.status, await reply.json()]).toEqual([200, { id, object: 'video.deleted', deleted: true }]);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/content'],
    ] as const) {
      const response = await other.call(method, `/videos/${id}${path}`);
      expect([response.status, await response.json()]).toEqual([
        404,
        {
          error: {
            message: `Video with id '${id}' not found`,
            type: 'invalid_request_error',
            param: null,
            code: 'not_found',
          },
        },
      ]);
    }
  });

  it('never shares its id, even with a repeating random generator', async () => {
    const first = createSimulatedApi({ seed: 5 });
    const second = createSimulatedApi({ seed: 5, stateDir: first.stateDir });
    expect(await first.create()).not.toBe(await second.create());
  });
});

describe('the list', () => {
  it('is empty at first', async () => {
    const response = await createSimulatedApi().call('GET', '/videos');
    expect(await response.json()).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
  });

  it.each([
    ['', ['e', 'd', 'c', 'b', 'a'], false],
    ['?limit=2', ['e', 'd'], true],
    ['?limit=2&after=d', ['c', 'b'], true],
    ['?limit=2&after=b', ['a'], false],
    ['?after=a', [], false],
    ['?order=asc&limit=3', ['a', 'b', 'c'], true],
    ['?order=asc&limit=3&after=c', ['d', 'e'], false],
    ['?limit=5', ['e', 'd', 'c', 'b', 'a'], false],
    ['?limit=0', [], true],
  ])('%j is %j', async (query, names, hasMore) => {
    const api = createSimulatedApi();
    const ids = new Map<string, string>();
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.set(name, await api.create({ prompt: name }));
    const path = query.replace(/after=(\w)/, (_, name: string) => `after=${ids.get(name)}`);
    const wanted = names.map((name) => ids.get(name));
    expect(await (await api.call('GET', `/videos${path}`)).json()).toEqual({
      object: 'list',
      data: names.map((name) => expect.objectContaining({ id: ids.get(name), prompt: name })),
      first_id: wanted.at(0) ?? null,
      last_id: wanted.at(-1) ?? null,
      has_more: hasMore,
    });
  });

  it('has twenty videos per page by default', async () => {
    const api = createSimulatedApi();
    for (let count = 0; count < 21; count++) await api.create();
    expect(await (await api.call('GET', '/videos')).json()).toMatchObject({ data: { length: 20 }, has_more: true });
  });

  it.each([
    ['limit=101', 400],
    ['limit=-1', 400],
    ['limit=many', 400],
    ['order=up', 400],
    ['after=video_unknown', 404],
  ])('refuses %s', async (query, status) => {
    expect((await createSimulatedApi().call('GET', `/videos?${query}`)).status).toBe(status);
  });
});

describe('the routes', () => {
  it.each([
    'http://simulator.invalid/v1/videos',
    'https://elsewhere.example:8443/v1/videos',
    'http://resource.example/openai/v1/videos',
  ])('exist below %s', async (url) => {
    expect((await createSimulatedApi().handle(new Request(url))).status).toBe(200);
  });

  it.each([
    ['POST', '/v1/video/generation'],
    ['GET', '/videos'],
    ['GET', '/v1/v1/videos'],
    ['GET', '/v1/videos/'],
    ['GET', '/v1/videos/video_1/frames'],
    ['GET', '/'],
  ])('do not exist: %s %s', async (method, path) => {
    const { handle } = createSimulatedApi();
    const response = await handle(new Request(`http://simulator.invalid${path}`, { method }));
    expect(response.status).toBe(404);
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
    expect(await response.json()).toEqual({
      error: { message: `Invalid URL (${method} ${path})`, type: 'invalid_request_error', param: null, code: null },
    });
  });

  it.each([
    ['PUT', '/videos', 'POST, GET'],
    ['PATCH', '/videos/video_1', 'GET, DELETE'],
    ['DELETE', '/models/sora-2', 'GET'],
  ])('answer 405 to %s %s', async (method, path, allowed) => {
    const response = await createSimulatedApi().call(method, path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
  });

  it('accept any id, in any encoding', async () => {
    const api = createSimulatedApi();
    for (const [encoded, id] of [
      ['a%2Fb%2B%3D', 'a/b+='],
      ['100%', '100%'],
    ]) {
      const reply: unknown = await (await api.call('GET', `/videos/${encoded}`)).json();
      expect(reply).toMatchObject({ error: { message: `Video with id '${id}' not found` } });
    }
  });

  it('list the models and describe each', async () => {
    const api = createSimulatedApi();
    const names = ['sora-2', 'sora-2-2025-10-06', 'sora-2-2025-12-08', 'sora-2-pro', 'sora-2-pro-2025-10-06'];
    const models = names.map((id) => ({ id, object: 'model', created: expect.any(Number), owned_by: 'openai' }));
    expect(await (await api.call('GET', '/models')).json()).toEqual({ object: 'list', data: models });
    expect(await (await api.call('GET', '/models/sora-2-pro')).json()).toEqual(models[3]);
    const unknown = await api.call('GET', '/models/gpt');
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }]);
  });

  it('report an internal error like a server', async () => {
    const stateDir = join(createTemporaryFolder(), 'state');
    writeFileSync(stateDir, 'a file where the folder should be');
    const response = await createSimulatedApi({ stateDir }).call('POST', '/videos', { json: { prompt: 'a kite' } });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      error: { type: 'server_error', message: expect.stringMatching(/^The simulator failed: /) },
    });
  });
});
