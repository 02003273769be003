import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { type ReceivedRequest, type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { avi, mp4, mp4Base64 } from '../support/servers/clips.ts';
import { type Bench, SORA_2, setUp } from '../support/set-up.ts';
import { CLIP, clipReply, type VideosScript, type VideosServer } from '../support/videos-server.ts';

// Fifteen ways in which servers differ, and how `sora` handles each; one `describe` per item.

const PROMPT = 'a paper boat';
const KEY = 'sk-lab-0123456789abcdef';
const NO_ROUTE: ScriptedReply = { status: 404, body: { detail: 'Not Found' } };

/** Runs `sora` on the server at this address. */
function runner(sora: CommandLine, baseUrl: string): Bench['run'] {
  return (...argv) => sora.run(argv, { http: nodeHttp, env: { SORA_BASE_URL: baseUrl, SORA_API_KEY: KEY } });
}

/** A server whose jobs go through these states and keep the last. */
function reporting(...states: readonly object[]): VideosScript {
  let looks = 0;
  return { retrieve: ({ id }) => ({ body: { id, ...states[Math.min(looks++, states.length - 1)] } }) };
}

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;
const encodingOf = ({ headers }: ReceivedRequest): string => (headers['content-type'] ?? '').split(';')[0] ?? '';
const postsOf = ({ requests }: VideosServer): ReceivedRequest[] => requests.filter(({ method }) => method === 'POST');

describe('1. the base URL', () => {
  it.each(['', '/v1', '/openai/v1', '/api/v1/', '/v1?', '/v1#'])('is used as given: %j', async (base) => {
    const server = await startScriptedServer([{ body: { id: 'v', status: 'queued' } }]);
    const run = runner(createCommandLine(), `${server.origin}${base}`);
    expect((await run('create', PROMPT, '--detach')).stdout).toBe('v\n');
    expect(server.requests[0]?.path).toBe(`${base.replace(/\W$/, '')}/videos`);
  });

  it('identifies one server in any spelling: the same create attaches to its job', async () => {
    const { sora, server } = await setUp({ retrieve: ({ id }) => ({ body: { id, status: 'queued' } }) });
    const { port } = new URL(server.url);
    for (const spelling of ['', '/', '//'].map((end) => `HTTP://127.0.0.1:${port}/v1${end}`)) {
      expect((await runner(sora, spelling)('create', PROMPT, '--detach')).stdout).toBe('video_1\n');
    }
    expect(server.posts).toBe(1);
  });

  it('gets a suggested fix when it is wrong', async () => {
    const server = await startScriptedServer(({ method, path }) =>
      path.startsWith('/v1/videos?')
        ? { body: { object: 'list', data: [] } }
        : { status: 404, body: { error: { message: `Invalid URL (${method} ${path})` } } },
    );
    const run = runner(createCommandLine(), `${server.url}/v1`);
    expect(errorOf(await run('status', 'video_1', '--json')).hints).toContain(
      'run `sora doctor` to find the right base URL and dialect',
    );
    const { checks } = (await run('doctor', '--json')).json<{ checks: { id: string; remedy: string[] }[] }>();
    expect(checks.find(({ id }) => id === 'videos')?.remedy).toEqual([`set \`SORA_BASE_URL=${server.url}\``]);
  });
});

describe('2. the encoding of a create', () => {
  it('is changed once when the server shows that it created nothing, and remembered', async () => {
    const { run, server } = await setUp({
      create: (_, request) =>
        encodingOf(request) === 'application/json'
          ? { status: 415, body: 'Unsupported media type' }
          : { body: { id: `video_${server.requests.length}`, status: 'queued' } },
    });
    const { code } = await run('create', PROMPT, '--count', '3', '--detach', '--yes');
    expect({ code, encodings: postsOf(server).map(encodingOf) }).toEqual({
      code: 0,
      encodings: ['application/json', ...Array.from({ length: 3 }, () => 'multipart/form-data')],
    });
  });
});

describe('3. seconds', () => {
  it('are sent as a string, and read in any form', async () => {
    const { run, server } = await setUp(reporting({ status: 'completed', seconds: 4.0 }));
    expect((await run('create', PROMPT, '-d', '4', '--json')).json()).toMatchObject({ seconds: 4 });
    expect(JSON.parse(String(server.requests[0]?.body)).seconds).toBe('4');
  });
});

describe('4. a status', () => {
  it('that is unknown is polled more slowly, reported once and kept', async () => {
    const words = ['NOT_START', 'Warming-Up', 'Warming-Up', 'generating', 'Succeeded'];
    const { run, sora } = await setUp(reporting(...words.map((status) => ({ status }))));
    const startMs = sora.clock.now();
    const { stdout, stderr } = await run('create', PROMPT);
    expect(stdout).toMatch(/\.mp4\n$/);
    expect(stderr.match(/the server's status `Warming-Up` is unknown/g)).toHaveLength(1);
    expect(sora.clock.now() - startMs).toBeGreaterThan(8_000); // two calls with the unknown status
    expect((await run('status', 'video_1', '--json')).json()).toMatchObject({
      status: 'completed',
      server_status: 'Succeeded',
    });
  });
});

describe('5. a progress', () => {
  it.each([
    ['a string', '40%', 40],
    ['a fraction', 40.6, 41],
    ['too much', 140, 100],
    ['negative', -1, 0],
    ['a word', 'soon', null],
    ['missing', undefined, null],
  ])('may be %s', async (_, progress, shown) => {
    const { run } = await setUp(reporting({ status: 'running', progress }));
    await run('create', PROMPT, '--detach');
    expect((await run('status', 'video_1', '--json')).json()).toMatchObject({ progress: shown });
  });
});

describe('6. an id', () => {
  it('may be anywhere and contain anything: it is encoded in URLs, and hashed in file names', async () => {
    const id = `${'bGl0ZWxsbTo/'.repeat(14)}a+b/c=`;
    const server = await startScriptedServer(({ method, path }) => {
      if (method === 'POST') return { body: { code: 'success', data: { task_id: id, status: 'SUBMITTED' } } };
      return path.endsWith('/content') ? mp4 : { body: { status: 'completed' } };
    });
    const sora = createCommandLine();
    const { stdout } = await runner(sora, server.url)('create', PROMPT);
    expect(stdout).toMatch(/^a-paper-boat-[0-9a-f]{8}\.mp4\n$/);
    expect(server.requests.slice(1).map(({ path }) => path.split('/')[3])).toEqual([
      encodeURIComponent(id),
      encodeURIComponent(id),
    ]);
  });
});

describe('6. an id (continued)', () => {
  it('of 19 digits is not rounded, and is kept whatever later replies contain', async () => {
    const id = '1234567890123456789';
    const server = await startScriptedServer(({ method, path }) => {
      if (method === 'POST') return { headers: { 'content-type': 'application/json' }, body: `{"id":${id}}` };
      return path.endsWith('/content') ? mp4 : { body: { id: 17, task_id: id, status: 'completed' } };
    });
    const run = runner(createCommandLine(), server.url);
    expect((await run('create', PROMPT, '--json')).json()).toMatchObject({ id, status: 'completed' });
    expect(server.requests.slice(1).map(({ path }) => path)).toEqual([`/v1/videos/${id}`, `/v1/videos/${id}/content`]);
  });

  it('is quoted in suggested commands', async () => {
    const { run } = await setUp({ create: () => ({ body: { id: '$(rm -rf ~) x', status: 'queued' } }) });
    expect((await run('create', PROMPT, '--detach')).stderr).toContain("`sora download '$(rm -rf ~) x' --wait");
  });
});

describe('7. a time', () => {
  it.each([
    ['zero', 0, null],
    ['negative', -62_135_596_800, null],
    ['in the year 9999', 253_402_300_799, null],
    ['in milliseconds', 1_790_000_000_000, '2026-09-21T14:13:20.000Z'],
    ['a string', '2026-09-21T14:13:20Z', '2026-09-21T14:13:20.000Z'],
  ])('may be %s', async (_, time, shown) => {
    const { run } = await setUp(reporting({ status: 'completed', completed_at: time, expires_at: time }));
    await run('create', PROMPT, '--detach');
    const { completed_at: completedAt, expires_at: expiresAt } = (await run('status', 'video_1', '--json')).json();
    expect([completedAt, expiresAt]).toEqual([shown, shown]);
  });
});

describe('8. an error', () => {
  it.each<[string, string | object, string]>([
    ['an envelope', { error: { message: 'too long' } }, 'too long'],
    ['a string', { error: 'too long' }, 'too long'],
    ['a detail', { detail: 'too long' }, 'too long'],
    ['a list of details', { detail: [{ loc: ['body', 'seconds'], msg: 'too long' }] }, 'body.seconds: too long'],
    ['a message', { message: 'too long' }, 'too long'],
    ['a code and a message', { code: 'invalid', message: 'too long', data: null }, 'too long'],
    ['problem+json', { type: 'about:blank', title: 'Bad', status: 400, detail: 'too long' }, 'too long'],
    ['a failure', { status: 'failure', message: 'too long' }, 'too long'],
    ['an unknown form', { oops: ['too long'] }, '{"oops":["too long"]}'],
    ['an HTML page', '<html><title>Bad Request</title></html>', 'an HTML page: Bad Request'],
    ['nothing', '', ''],
  ])('is quoted from any form: %s', async (_, body, words) => {
    const { run } = await setUp({ create: () => ({ status: 400, body }) });
    expect(errorOf(await run('create', PROMPT, '--json'))).toMatchObject({
      code: 'invalid_request',
      caused_by: words === '' ? 'HTTP 400 (empty body)' : `HTTP 400: ${words}`,
    });
  });

  it('is ignored in a job that succeeds', async () => {
    const { run } = await setUp(reporting({ status: 'completed', error: { message: '' } }));
    expect((await run('create', PROMPT, '--json')).json()).toMatchObject({ status: 'completed', error: null });
  });
});

describe('9. the bytes', () => {
  const PLACES: readonly (readonly [string, (url: string) => object])[] = [
    ['url', (url) => ({ url })],
    ['video_url', (url) => ({ video_url: url })],
    ['output_url', (url) => ({ output_url: url })],
    ['result_url', (url) => ({ result_url: url })],
    ['metadata.url', (url) => ({ metadata: { url } })],
    ['meta_data.url', (url) => ({ meta_data: { url } })],
    ['data[0].url', (url) => ({ data: [{ url }] })],
    ['unsigned_urls[0]', (url) => ({ unsigned_urls: [url] })],
    ['urls[0]', (url) => ({ urls: [url] })],
    ['video.url', (url) => ({ video: { url } })],
  ];

  it.each(PLACES)('are downloaded from %s, without the key', async (_, place) => {
    const cdn = await startScriptedServer([mp4]);
    const { run } = await setUp({
      content: () => NO_ROUTE,
      ...reporting({ status: 'completed', ...place(`${cdn.origin}/v.mp4?sig=1`) }),
    });
    expect((await run('create', PROMPT)).stdout).toMatch(/\.mp4\n$/);
    expect(cdn.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v.mp4?sig=1', undefined],
    ]);
  });

  it('may be inside the job', async () => {
    const { sora, run } = await setUp({
      content: () => NO_ROUTE,
      create: () => ({ body: { id: 'video_1', status: 'completed', data: [{ b64_json: mp4Base64 }] } }),
    });
    const { stdout } = await run('create', PROMPT);
    expect(readFileSync(join(sora.cwd, stdout.trim()))).toEqual(CLIP);
  });

  it.each([400, 404, 409, 425])('are waited for when a finished job has none yet: %d', async (status) => {
    let early = 2;
    const { run } = await setUp({ content: () => (early-- > 0 ? { status, body: { message: 'not yet' } } : null) });
    expect((await run('create', PROMPT)).stdout).toMatch(/\.mp4\n$/);
  });
});

describe('10. the downloaded file', () => {
  it.each<[string, ScriptedReply]>([
    ['an HTML page', { headers: { 'content-type': 'video/mp4' }, body: '<html>sign in</html>' }],
    ['JSON', { body: { error: 'storage is away' } }],
    ['shorter than announced', { headers: { 'content-length': '9999' }, body: CLIP, afterwards: 'drop' }],
  ])('is not saved when it is %s', async (_, reply) => {
    const { sora, run } = await setUp({ content: () => reply });
    const { code, stderr } = await run('create', PROMPT, '--json');
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'download_corrupt' });
    expect(readdirSync(sora.cwd)).toEqual([]);
  });

  it('is named by its content, not its type', async () => {
    const { sora, run } = await setUp({ content: () => avi });
    const { stdout } = await run('create', PROMPT);
    expect(stdout).toMatch(/\.avi\n$/);
    expect(sniffMedia(readFileSync(join(sora.cwd, stdout.trim())))).toBe('avi');
  });

  it('resumes after an interruption, if the server can', async () => {
    let cuts = 1;
    const { sora, run, server } = await setUp({
      content(request) {
        const whole = clipReply(request);
        if (cuts-- <= 0 || typeof whole === 'string') return whole;
        return { ...whole, body: CLIP.subarray(0, 2_000), afterwards: 'drop' };
      },
    });
    const { stdout } = await run('create', PROMPT);
    expect(readFileSync(join(sora.cwd, stdout.trim()))).toEqual(CLIP);
    expect(server.requests.at(-1)?.headers.range).toBe('bytes=2000-');
  });
});

describe('11. a list', () => {
  it.each<[string, object]>([
    ['does not say whether there is more', {}],
    ['always says that there is more', { has_more: true }],
  ])('ends although the server %s', async (_, says) => {
    const data = [
      { id: 'b', status: 'queued' },
      { id: 'a', status: 'queued' },
    ];
    const { run, server } = await setUp({ list: () => ({ body: { data, ...says } }) });
    const { jobs } = (await run('list', '--json')).json<{ jobs: { id: string }[] }>();
    expect(jobs.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(server.requests.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['to the next jobs', 1, ['a']],
    ['only for a while', 1_000, []],
  ])('with an empty page is followed %s when the server says that there is more', async (_, emptyPages, ids) => {
    let pages = 0;
    const { run, server } = await setUp({
      list: () => {
        const isEmpty = pages++ < emptyPages;
        const data = isEmpty ? [] : [{ id: 'a', status: 'queued' }];
        return { body: { data, has_more: isEmpty, last_id: `cursor-${pages}` } };
      },
    });
    const { jobs } = (await run('list', '--json')).json<{ jobs: { id: string }[] }>();
    expect(jobs.map(({ id }) => id)).toEqual(ids);
    expect(server.requests.length).toBeLessThanOrEqual(20);
  });

  it('is reported as lost, not as empty, below a base URL without its /v1', async () => {
    const server = await startScriptedServer(({ path }) =>
      path.startsWith('/v1/') ? { body: { data: [] } } : { status: 404, body: { detail: 'Not Found' } },
    );
    const { code, stderr } = await runner(createCommandLine(), server.origin)('list');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`hint: use the base URL ${server.origin}/v1`),
    });
  });

  it('comes from the ledger when the server has none', async () => {
    const { run } = await setUp({ list: () => ({ status: 405, body: '' }) });
    await run('create', PROMPT, '--detach');
    const { stdout, stderr } = await run('list');
    expect(stdout).toContain(PROMPT);
    expect(stderr).toMatch(/^note: only the local ledger is shown/);
  });
});

describe('12. a cancellation', () => {
  it.each<[string, VideosScript, string]>([
    [
      'aborted',
      { remove: () => ({ body: {} }), ...reporting({ status: 'queued' }, { status: 'canceled' }) },
      'aborted',
    ],
    ['deleted', { retrieve: ({ id }) => ({ body: { id, status: 'queued' } }) }, 'deleted'],
  ])('reports what happened to the job: %s', async (_, script, outcome) => {
    const { run } = await setUp(script);
    await run('create', PROMPT, '--detach');
    expect((await run('cancel', 'video_1', '--json')).json()).toMatchObject({ outcome });
  });

  it('reports a job that is still running, whatever the server replied', async () => {
    const { run } = await setUp({ remove: () => ({ body: { deleted: true } }), ...reporting({ status: 'queued' }) });
    await run('create', PROMPT, '--detach');
    expect(errorOf(await run('cancel', 'video_1', '--json')).code).toBe('cannot_cancel');
  });
});

describe('13. a create', () => {
  it.each<[string, ScriptedReply]>([
    ['a 500', { status: 500, body: '' }],
    ['a 409', { status: 409, body: '' }],
    ['a broken connection', 'drop'],
    ['an HTML page', { body: '<html>sign in</html>' }],
  ])('is never sent again after %s', async (_, reply) => {
    const { run, server } = await setUp({ create: () => reply });
    expect(errorOf(await run('create', PROMPT, '--json')).code).toBe('outcome_unknown');
    expect(server.posts).toBe(1);
  });

  it('is sent again after a 429, with the same key', async () => {
    let busy = 2;
    const { run, server } = await setUp({
      create: (accept) => (busy-- > 0 ? { status: 429, headers: { 'retry-after': '1' }, body: '' } : accept()),
    });
    expect((await run('create', PROMPT)).code).toBe(0);
    expect(new Set(postsOf(server).map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(server.posts).toBe(3);
  });
});

describe('14. a changed request', () => {
  const CHANGES = [
    'the server changed the length: 5 s instead of 4 s',
    'the server changed the size: 832x480 instead of 1280x720',
    'the server changed the model: wan-2.2 instead of sora-2',
  ];

  it.each([
    ['at once', true],
    ['when the job ends', false],
  ])('is reported once, even when the server shows it %s', async (_, isAtOnce) => {
    const changed = { seconds: 5, size: '832x480', model: 'wan-2.2' };
    const server = await startScriptedServer(({ method, path }) => {
      if (method === 'POST') return { body: { id: 'video_1', status: 'queued', ...(isAtOnce ? changed : {}) } };
      return path.endsWith('/content') ? mp4 : { body: { id: 'video_1', status: 'completed', ...changed } };
    });
    const run = runner(createCommandLine(), server.url);
    expect((await run('create', PROMPT, ...SORA_2, '--json')).json()).toMatchObject({ notes: CHANGES });
    // The other model name is not reported again.
    const [length, size] = CHANGES;
    const second = (await run('create', `${PROMPT}, again`, ...SORA_2, '--json')).json<{ notes: string[] }>();
    expect(second.notes).toEqual([length, size]);
  });
});

describe('15. the profile', () => {
  it('adds its headers, its query and its kind of key to every call; a sunset is reported once', async () => {
    const headers = { deprecation: '@1774310400', sunset: 'Thu, 24 Sep 2026 00:00:00 GMT' };
    const server = await startScriptedServer(({ method, path }) => {
      if (path.includes('/content')) return { ...mp4, headers: { ...mp4.headers, ...headers } };
      return { headers, body: { id: 'video_1', status: method === 'POST' ? 'queued' : 'completed' } };
    });
    const sora = createCommandLine();
    const settings = {
      base_url: server.url,
      auth: 'api-key',
      key_from_env: 'LAB_KEY',
      'headers.X-Tenant': 'lab',
      'query.api-version': 'preview',
    };
    for (const [name, value] of Object.entries(settings))
      await sora.run(['config', 'set', `profiles.lab.${name}`, value]);
    const { stdout, stderr } = await sora.run(['create', PROMPT, '--profile', 'lab'], {
      http: nodeHttp,
      env: { LAB_KEY: KEY },
    });
    expect(existsSync(join(sora.cwd, stdout.trim()))).toBe(true);
    expect(server.requests.length).toBe(3);
    for (const { path, headers: sent } of server.requests) {
      expect(path).toContain('api-version=preview');
      expect(sent).toMatchObject({ 'api-key': KEY, 'x-tenant': 'lab' });
      expect(sent).not.toHaveProperty('authorization');
    }
    expect(stderr.split('\n').filter((line) => line.startsWith('note: the server announces'))).toEqual([
      'note: the server announces its deprecation: @1774310400',
      'note: the server announces its sunset: Thu, 24 Sep 2026 00:00:00 GMT',
    ]);
  });
});
