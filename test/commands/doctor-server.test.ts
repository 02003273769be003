import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunOptions } from '../support/command-line.ts';
import { type ReceivedRequest, type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { CLIP, startVideosServer } from '../support/videos-server.ts';

interface Survey extends Record<string, unknown> {
  readonly notes?: readonly string[];
}

const PICTURE = Buffer.from([0xff, 0xd8, 0xff, 0xe0, ...Array(200).fill(0)]);

const KEY = { SORA_API_KEY: 'sk-survey-0123456789', SORA_MODEL: 'sora-2' };

async function survey(sora: CommandLine, argv: readonly string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await sora.run(['doctor', '--server', '--json', ...argv], {
    http: nodeHttp,
    env: KEY,
    ...options,
  });
  const found: Survey = code === 0 ? JSON.parse(stdout) : {};
  return { code, stderr, found, notes: (found.notes ?? []).join('\n') };
}

/** Scripts a server that accepts creates of this type only. */
function refuseUnless(type: string, refusal: ScriptedReply) {
  return (_: unknown, { headers }: ReceivedRequest): ScriptedReply | null =>
    headers['content-type']?.startsWith(type) ? null : refusal;
}

describe('sora doctor --server', () => {
  it('detects the other dialect, and suggests how to save it', async () => {
    const server = await startScriptedServer(({ path }) =>
      path.startsWith('/v1/video/generations/')
        ? { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } }
        : { status: 404, body: { error: { message: `Invalid URL (GET ${path})` } } },
    );
    const { found, notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(found).toMatchObject({ dialect: 'generations', list: 'no', multipart: 'no', json: 'unknown' });
    expect(notes).toMatch(/\.dialect generations && .*\.shape new-api/);
  });

  it('creates a single job in a dialect without forms', async () => {
    const server = await startScriptedServer(({ method, path }) => {
      if (!path.startsWith('/v1/video/generations')) return { body: '<html><title>The web interface</title>' };
      if (method === 'POST') return { body: { task_id: 'task_1', status: 'queued' } };
      if (method === 'DELETE') return { status: 405, body: '' };
      return { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } };
    });
    const { code, found } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    const posts = server.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
    expect({ code, posts, ...found }).toMatchObject({
      code: 0,
      posts: ['/v1/video/generations'],
      dialect: 'generations',
      delete: 'no',
      json: 'yes',
      multipart: 'no',
    });
  });

  it.each(['videos', 'generations'])('tests only %s when that dialect is chosen', async (dialect) => {
    const { found } = await survey(createCommandLine(), ['--simulate', '--dialect', dialect]);
    expect(found).toMatchObject({
      dialect,
      json: 'yes',
      multipart: dialect === 'videos' ? 'yes' : 'no',
      cancel: 'yes',
    });
  });

  it('reports every capability of the simulator, and leaves no job running', async () => {
    const sora = createCommandLine();
    const first = await survey(sora, ['--simulate']);
    expect(first.found).toMatchObject({ dialect: 'videos', cancel: 'yes', thumbnail: 'unknown', range: 'unknown' });
    expect(first.notes).toContain('thumbnail, spritesheet and range: unknown until');

    await sora.run(['create', 'a boat', '--simulate', '--no-download']);
    const { code, found } = await survey(sora, ['--simulate']);
    const { notes: _, ...abilities } = found;
    expect({ code, ...abilities }).toMatchInlineSnapshot(`
      {
        "base_url": "http://simulator.invalid/v1",
        "cancel": "yes",
        "code": 0,
        "content": "yes",
        "delete": "yes",
        "dialect": "videos",
        "edit": "yes",
        "extend": "yes",
        "json": "yes",
        "list": "yes",
        "multipart": "yes",
        "profile": "simulator",
        "range": "yes",
        "remix": "yes",
        "spritesheet": "yes",
        "thumbnail": "yes",
      }
    `);
    const jobs = (await sora.run(['list', '--simulate', '--json'])).json<{ jobs: { status: string }[] }>().jobs;
    expect(jobs.map(({ status }) => status).sort()).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
      'cancelled',
      'completed',
    ]);
  });

  it('creates no job without confirmation, and reports what further tests would cost', async () => {
    const server = await startVideosServer();
    server.jobs.push({ id: 'video_0', status: 'completed' });
    const { code, found, notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect({ code, found }).toMatchObject({
      code: 0,
      found: {
        dialect: 'videos',
        list: 'yes',
        delete: 'yes',
        content: 'yes',
        range: 'no',
        cancel: 'unknown',
        json: 'unknown',
        multipart: 'unknown',
      },
    });
    expect(server.posts).toBe(0);
    expect(notes).toContain('creating 2 jobs (price: $0.80); add `--yes` to create them');
  });

  it.each<[encoding: string, type: string, refusal: ScriptedReply, found: Record<string, string>]>([
    ['json', 'application/json', { status: 415, body: '' }, { json: 'yes', multipart: 'no' }],
    [
      'json',
      'application/json',
      { status: 400, body: { detail: 'There was an error parsing the body' } },
      { json: 'yes', multipart: 'no' },
    ],
    [
      'multipart',
      'multipart/form-data',
      { status: 422, body: { detail: [{ loc: ['body', 'prompt'], msg: 'Field required' }] } },
      { json: 'no', multipart: 'yes' },
    ],
  ])(
    'detects that a server accepts only %s, and suggests how to save it',
    async (encoding, type, refusal, expected) => {
      const server = await startVideosServer({ create: refuseUnless(type, refusal) });
      const { found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
      expect(found).toMatchObject({ cancel: 'unknown', ...expected });
      expect({ posts: server.posts, left: server.jobs }).toEqual({ posts: 2, left: [] });
      const setting = 'sora config set profiles.127-0-0-1';
      expect(notes).toContain(
        `run \`${setting}.base_url ${server.url} && ${setting}.key_from_env SORA_API_KEY && ${setting}.request.body ${encoding}\``,
      );
    },
  );

  it('suggests only new findings for an existing profile', async () => {
    const server = await startVideosServer({ create: refuseUnless('multipart/form-data', { status: 415, body: '' }) });
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    const { notes } = await survey(sora, ['--yes', '--profile', 'lab']);
    expect(notes).toContain('run `sora config set profiles.lab.request.body multipart` to save this in profile lab');
    await sora.run(['config', 'set', 'profiles.lab.request.body', 'multipart']);
    expect((await survey(sora, ['--yes', '--profile', 'lab'])).notes).not.toContain('config set');
  });

  it('suggests saving a missing or new capability of the server', async () => {
    const server = await startVideosServer({ list: () => ({ status: 405 }) });
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    const run = () => survey(sora, ['--profile', 'lab']);
    const setting = 'sora config set profiles.lab.capabilities';
    expect((await run()).notes).toContain(`run \`${setting}.list no\` to save this`);
    await sora.run(['config', 'set', 'profiles.lab.capabilities.list', 'no']);
    expect((await run()).notes).not.toContain('config set');
    const { url } = await startVideosServer();
    await sora.run(['config', 'set', 'profiles.lab.base_url', url]);
    expect((await run()).notes).toContain(`run \`${setting}.list yes\` to save this`);
  });

  it('records its jobs in the ledger, and reports one that cannot be stopped', async () => {
    const server = await startVideosServer({
      remove: () => ({ status: 405, body: '' }),
      retrieve: (job) => ({ body: { ...job, status: 'in_progress' } }),
    });
    const sora = createCommandLine();
    const { found, notes } = await survey(sora, ['--yes', '--base-url', server.url]);
    expect(found).toMatchObject({ cancel: 'no', json: 'yes', multipart: 'unknown' });
    expect(notes).toContain('video_1 (queued; price: $0.40); could not stop it: it keeps running and is billed');
    expect(notes).toContain('run `sora cancel video_1 --wait`');
    const { jobs } = (await sora.run(['list', '--local', '--json'])).json<{ jobs: { id: string }[] }>();
    expect(jobs.map(({ id }) => id)).toEqual(['video_1']);
  });

  it('names a job with a long id as tables do', async () => {
    const long = `video_${'c29yYTo'.repeat(30)}`;
    const server = await startVideosServer({
      create: (accept) => {
        const reply = accept() as { body: { id: string } };
        reply.body.id = long;
        return reply;
      },
      remove: () => ({ status: 405, body: '' }),
    });
    const { notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect(notes).toMatch(/created (\w{6}) \(queued.+; run `sora status \1` to see it/);
    expect(notes).not.toContain(long);
  });

  it('leaves no job running on a server that cannot cancel', async () => {
    let looks = 0;
    const server = await startVideosServer({
      remove: (job) => (job.status === 'completed' ? null : { status: 405, body: '' }),
      retrieve: (job) => {
        job.status = ++looks < 20 ? 'in_progress' : 'completed';
        return { body: job };
      },
    });
    const { found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect({ cancel: found.cancel, posts: server.posts, left: server.jobs }).toEqual({
      cancel: 'no',
      posts: 1,
      left: [],
    });
    expect(notes).toContain('could not stop it: it ran to its end, and was deleted');
  });

  it('deletes a job only after its end when the profile cannot cancel', async () => {
    let looks = 0;
    const deletedAt: unknown[] = [];
    const server = await startVideosServer({
      remove: (job) => {
        deletedAt.push(job.status);
        return null;
      },
      retrieve: (job) => {
        job.status = ++looks < 5 ? 'in_progress' : 'completed';
        return { body: job };
      },
    });
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    await sora.run(['config', 'set', 'profiles.lab.preset', 'sglang']);
    expect((await survey(sora, ['--profile', 'lab'])).notes).toContain('creating 1 job (price: $0.40)');
    const { found } = await survey(sora, ['--yes', '--profile', 'lab']);
    expect({ cancel: found.cancel, posts: server.posts, deletedAt }).toEqual({
      cancel: 'no',
      posts: 1,
      deletedAt: ['completed'],
    });
  });

  it('recognises a kind of server by its model list, and suggests its preset', async () => {
    const looks: unknown[] = [];
    const script = ({ method, path }: ReceivedRequest): ScriptedReply => {
      if (path === '/v1/models') return { body: { data: [{ id: 'wan', owned_by: 'sglang' }] } };
      if (path.includes('limit')) return { body: { data: [] } };
      if (path.includes('does_not_exist') || path.includes('edits') || path.includes('extensions'))
        return { status: 404, body: { detail: 'Not Found' } };
      if (method === 'POST') return { body: { id: 'made', status: 'queued' } };
      if (method === 'DELETE') return { body: { id: 'made', status: 'deleted' } };
      looks.push(path);
      return { body: { id: 'made', status: looks.length < 3 ? 'queued' : 'completed' } };
    };
    const server = await startScriptedServer((request) =>
      request.method === 'POST' && !request.body.includes('Test video')
        ? { status: 422, body: { detail: [{ loc: ['body', 'prompt'], msg: 'Field required' }] } }
        : script(request),
    );
    const { found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect([found.cancel, looks]).toEqual(['no', Array(3).fill('/v1/videos/made')]); // the job runs to its end
    expect(notes).toContain('.preset sglang');
  });

  it('detects the request format from refusals alone, and creates nothing', async () => {
    const server = await startScriptedServer(({ method, path, headers, body }) => {
      if (method !== 'POST')
        return path.includes('limit')
          ? { body: { data: [] } }
          : { status: 404, body: { error: { message: 'no such video' } } };
      if (!headers['content-type']?.startsWith('application/json'))
        return { status: 415, body: { detail: 'application/json expected' } };
      const wrong = Object.entries(JSON.parse(String(body))).flatMap(([name, value]) =>
        typeof value === (name === 'seconds' ? 'number' : 'string') ? [] : [{ loc: ['body', name], msg: 'wrong type' }],
      );
      return { status: 422, body: { detail: [{ loc: ['body', 'prompt'], msg: 'Field required' }, ...wrong] } };
    });
    const { found, notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(found).toMatchObject({ json: 'yes', multipart: 'no' });
    for (const setting of ['request.body json', 'request.seconds number', 'request.image text'])
      expect(notes).toContain(setting);
  });

  it.each<[string, ScriptedReply, string]>([
    ['has no such route', { status: 404, body: { detail: 'Not Found' } }, 'no'],
    ['allows no POST on it', { status: 405, body: { detail: 'Method Not Allowed' } }, 'no'],
    ['serves its web interface there', { body: '<html><title>The web interface</title>' }, 'no'],
    ['reports a missing video', { status: 404, body: { error: { message: 'Video not found' } } }, 'yes'],
    [
      'reports a missing prompt',
      { status: 422, body: { detail: [{ loc: ['body', 'prompt'], msg: 'required' }] } },
      'yes',
    ],
    ['fails', { status: 500, body: '' }, 'unknown'],
  ])('detects whether videos can be derived when the server %s', async (_, refusal, ability) => {
    const server = await startScriptedServer(({ method, path }) => {
      if (method === 'POST' && path !== '/v1/videos') return refusal;
      return path.includes('limit') ? { body: { data: [] } } : { status: 404, body: { detail: 'no such video' } };
    });
    const { found, notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(found).toMatchObject({ remix: ability, edit: ability, extend: ability });
    expect(notes.includes('capabilities.remix no')).toBe(ability === 'no');
  });

  it('deletes a job that the server creates without a prompt', async () => {
    const jobs = new Set<string>();
    const server = await startScriptedServer(({ method, path }) => {
      if (method === 'POST') jobs.add('made');
      if (method === 'DELETE') jobs.delete('made');
      return path.includes('limit') ? { body: { data: [] } } : { body: { id: 'made', status: 'queued' } };
    });
    const { notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(notes).toContain('accepts a create without a prompt: it created made, which was deleted at once');
    expect([...jobs]).toEqual([]);
  });

  it('is not misled by a mock server that accepts any request', async () => {
    const server = await startScriptedServer(({ path }) =>
      path.includes('/content')
        ? { headers: { 'content-type': 'video/mp4' }, body: 'string' }
        : { body: { data: [{ id: 'x', status: 'completed' }] } },
    );
    const { code, found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    const prompts = server.requests.filter(({ body }) => String(body).includes('prompt'));
    expect({ code, prompts, ...found }).toMatchObject({
      code: 0,
      prompts: [],
      dialect: 'videos',
      delete: 'unknown',
      content: 'unknown',
      thumbnail: 'unknown',
    });
    expect(notes).toContain('returns the content of a video that does not exist');
  });

  it.each([
    ['ignored', () => CLIP],
    ['one image for all', (path: string) => (path.includes('variant') ? PICTURE : CLIP)],
  ])('reports no thumbnail when the variant is %s', async (_, fileOf) => {
    const server = await startVideosServer({ content: ({ path }) => ({ body: fileOf(path) }) });
    server.jobs.push({ id: 'video_0', status: 'completed' });
    const { found } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(found).toMatchObject({ content: 'yes', thumbnail: 'no', spritesheet: 'no' });
  });

  it('stops at a refusal that is unrelated to the encoding', async () => {
    const server = await startVideosServer({
      create: () => ({ status: 429, body: { error: { code: 'insufficient_quota', message: 'no credit' } } }),
    });
    const { code, found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect({ code, ...found }).toMatchObject({ code: 0, cancel: 'unknown', json: 'unknown', multipart: 'unknown' });
    expect(server.posts).toBe(1);
    expect(notes).toContain('a job was not created: out of quota; HTTP 429: no credit');
    expect(notes).toContain('sora config set');
  });

  it('enforces the cap of the settings despite --yes', async () => {
    const server = await startVideosServer();
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'max_cost', '0.50']);
    const { code, stderr } = await survey(sora, ['--yes', '--base-url', server.url]);
    expect({ code, posts: server.posts, error: JSON.parse(stderr).error.code }).toEqual({
      code: 7,
      posts: 0,
      error: 'cost_cap_exceeded',
    });
  });

  it('does not wait through a long Retry-After, and reports it', async () => {
    const server = await startVideosServer({
      create: () => ({ status: 429, headers: { 'retry-after': '60' }, body: { error: { message: 'slow down' } } }),
    });
    const { notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect(notes).toContain('a job was not created: rate limit exceeded; HTTP 429: slow down');
    expect(server.posts).toBe(1);
  });

  it.each<[string, ScriptedReply, number, string]>([
    ['a rejected key', { status: 401, body: { error: { message: 'who are you' } } }, 4, 'invalid_api_key'],
    ['an HTML page instead of the API', { body: '<html><title>Wi-Fi login</title>' }, 1, 'unreadable_response'],
  ])('reports nothing but %s', async (_, reply, exitCode, error) => {
    const server = await startScriptedServer([reply]);
    const { code, stderr } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: exitCode, error });
    expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it.each([402, 403, 429, 503])('draws no conclusions from a server that replies %d', async (status) => {
    const server = await startScriptedServer([{ status, body: '' }]);
    const { found, notes } = await survey(createCommandLine(), ['--base-url', server.url]);
    expect(notes).not.toContain('config set');
    expect(found).toMatchObject({ dialect: 'unknown', list: 'unknown', delete: 'unknown', content: 'unknown' });
  });

  it('recognises a server that only accepts creates', async () => {
    const server = await startScriptedServer(({ method }) =>
      method === 'POST'
        ? { body: { id: 'v1', status: 'completed', data: [{ url: 'http://cdn.invalid/v.mp4' }] } }
        : { status: 404, body: { detail: 'Not Found' } },
    );
    const { found, notes } = await survey(createCommandLine(), ['--yes', '--base-url', server.url]);
    expect(found).toMatchObject({ dialect: 'videos', list: 'no', delete: 'no', cancel: 'unknown', json: 'yes' });
    expect(notes).toContain('created v1 (completed; price: $0.40); could not delete it');
  });
});
