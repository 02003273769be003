import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import { CLIP } from '../support/videos-server.ts';

const errorOf = ({ stderr }: RunResult): { code: string; message: string; violations?: string[]; hints: string[] } =>
  JSON.parse(stderr).error;

const simulate = (sora: CommandLine, ...argv: string[]): Promise<RunResult> => sora.run([...argv, '--simulate']);

/** A server with one finished video of eight seconds, created with `sora create`. */
async function setUpSource(script: Parameters<typeof setUp>[0] = {}): Promise<Bench> {
  const bench = await setUp(script);
  const { code } = await bench.create(['-d', '8', '-o', 'source.mp4']);
  expect(code).toBe(0);
  return bench;
}

/** The requests that create something, after the first one. */
const derivedPosts = ({ server }: Bench): { path: string; body: string }[] =>
  server.requests
    .filter(({ method }) => method === 'POST')
    .slice(1)
    .map(({ path, body }) => ({ path, body: body.toString() }));

describe('a video made from an existing one', () => {
  it('is created by each command, and names its source', async () => {
    const sora = createCommandLine();
    const created = await simulate(sora, 'create', 'a boat', '-d', '8', '--size', '720x1280', '--no-download');
    const source = created.stdout.trim();
    for (const [operation, seconds] of [
      ['remix', 8],
      ['edit', 8],
      ['extend', 12],
    ] as const) {
      const made = await simulate(sora, operation, source, 'at night', '--no-download', '--json');
      expect(made.json()).toMatchObject({ remixed_from: source, seconds, size: '720x1280', status: 'completed' });
    }
    const { stdout } = await sora.run(['status', '@last', '--simulate', '--color', 'never'], {
      stdoutIsTerminal: true,
    });
    expect(stdout).toContain(`source   ${source}`);
  });

  it('is not offered as a request to repeat when it fails, which only one from a prompt can be', async () => {
    const sora = createCommandLine();
    const created = await simulate(sora, 'create', 'a boat', '--no-download');
    const fault = ['--fault', 'processing_error', '--json'];
    const made = await simulate(sora, 'edit', created.stdout.trim(), 'at night', ...fault);
    expect(errorOf(made)).toMatchObject({ hints: ['change the prompt, or create the video again'] });
  });

  it('is saved with its source in the sidecar', async () => {
    const bench = await setUpSource();
    const made = await bench.run('remix', '@last', 'at night', '-o', 'night.mp4', '--sidecar');
    expect({ code: made.code, stdout: made.stdout }).toEqual({ code: 0, stdout: 'night.mp4\n' });
    expect(JSON.parse(readFileSync(join(bench.sora.cwd, 'night.mp4.json'), 'utf8'))).toMatchObject({
      remixed_from: 'video_1',
      request: { prompt: 'at night', source: { operation: 'remix', video: 'id:video_1' } },
    });
  });

  it('is created from a file, whose length and size set the price', async () => {
    const sora = createCommandLine();
    await simulate(sora, 'create', 'a boat', '-d', '8', '-o', 'boat.mp4');
    const dry = await simulate(sora, 'edit', './boat.mp4', 'in snow', '--dry-run', '--json');
    expect(dry.json()).toMatchObject({
      operation: 'edit',
      source: './boat.mp4',
      request: { prompt: 'in snow', video: './boat.mp4' },
      cost: { estimated_usd: 0.8 },
    });
    expect(dry.json().curl).toContain(`-F "video=@./boat.mp4;type=video/mp4"`);
    expect((await simulate(sora, 'edit', 'boat.mp4', 'in snow', '-o', 'snow.mp4')).code).toBe(0);
    expect((await simulate(sora, 'extend', 'boat.mp4', 'on', '-o', 'longer.mp4')).code).toBe(0);
    expect(existsSync(join(sora.cwd, 'longer.mp4'))).toBe(true);
  });

  it('is extended with the prompt of its source if none is given', async () => {
    const bench = await setUpSource();
    expect((await bench.run('extend', '@last', '--detach')).code).toBe(0);
    const [post] = derivedPosts(bench);
    expect(post?.path).toBe('/v1/videos/extensions');
    expect(JSON.parse(post?.body ?? '')).toEqual({ prompt: 'a paper boat', seconds: '4', video: { id: 'video_1' } });
  });

  it.each([
    ['remix', [], 'remix', 0.8, '/videos/video_1/remix', '{"prompt":"at night"}'],
    ['edit', [], 'edit', 0.8, '/videos/edits', '{"prompt":"at night","video":{"id":"video_1"}}'],
    [
      'extend',
      ['-d', '12', '--count', '2'],
      'extend',
      2.4,
      '/videos/extensions',
      '{"prompt":"at night","seconds":"12","video":{"id":"video_1"}}',
    ],
  ])(
    'is shown by `sora %s --dry-run` with its price, without any request',
    async (command, options, operation, usd, path, body) => {
      const bench = await setUpSource();
      const before = bench.server.requests.length;
      const dry = await bench.run(command, '@last', 'at night', '--dry-run', '--json', ...options);
      expect(dry.json()).toMatchObject({ operation, source: 'video_1', cost: { estimated_usd: usd } });
      expect(dry.json().curl).toContain(`curl ${bench.server.url}${path} `);
      expect(dry.json().curl).toContain(`-d '${body}'`);
      expect(bench.server.requests).toHaveLength(before);
    },
  );
});

describe('payment for a derived video', () => {
  it('happens once per source, operation and prompt', async () => {
    const bench = await setUpSource();
    const ids: string[] = [];
    for (const argv of [
      ['remix', 'video_1', 'at night'],
      ['remix', 'video_1', 'at night'],
      ['edit', 'video_1', 'at night'],
      ['remix', 'video_1', 'at dawn'],
      ['remix', 'video_2', 'at night'],
      ['remix', 'video_1', 'at night', '--again'],
    ]) {
      ids.push((await bench.run(...argv, '--detach')).stdout.trim());
    }
    expect(ids).toEqual(['video_2', 'video_2', 'video_3', 'video_4', 'video_5', 'video_6']);
  });

  it.each([['remix', 'at night'], ['edit', 'at night', '--count', '2'], ['extend', 'on', '-d', '8'], ['extend']])(
    'is not repeated by `%s @last` while its own video is unfinished or unsaved',
    async (command, ...argv) => {
      let isRunning = true;
      const bench = await setUpSource({
        retrieve: (job) => (isRunning && job.id !== 'video_1' ? { body: { ...job, status: 'in_progress' } } : null),
      });
      const run = (...more: string[]) => bench.run(command, '@last', ...argv, '-y', ...more);
      await run('--timeout', '1s');
      const posts = bench.server.posts;
      await run('--timeout', '1s');
      isRunning = false;
      expect((await run('--dry-run', '--json')).json()).toMatchObject({ source: 'video_1' });
      expect((await run()).code).toBe(0);
      expect(bench.server.posts).toBe(posts);
      expect((await run('--dry-run', '--json')).json()).toMatchObject({ source: `video_${posts}` });
    },
  );

  it('is not repeated when the source is gone', async () => {
    const bench = await setUpSource();
    await bench.run('remix', 'video_1', 'at night', '--detach');
    await bench.run('delete', 'video_1', '--yes');
    const resumed = await bench.run('remix', 'video_1', 'at night', '-o', 'night.mp4');
    expect({ code: resumed.code, posts: bench.server.posts }).toEqual({ code: 0, posts: 2 });
    const reused = await bench.run('remix', 'video_1', 'at night', '--reuse', '--no-download', '--json');
    expect(reused.json()).toMatchObject({ id: 'video_2', remixed_from: 'video_1' });
  });

  it('is not repeated when the reply is lost and the list has the job', async () => {
    let isLost = false;
    const bench = await setUpSource({
      create(accept) {
        if (!isLost) return null;
        accept();
        return 'drop';
      },
    });
    isLost = true;
    const { code, stderr } = await bench.run('extend', 'video_1', 'on', '--no-download');
    expect({ code, posts: bench.server.posts }).toEqual({ code: 0, posts: 2 });
    expect(stderr).toContain('its job was found in the server’s list: video_2');
  });

  it.each<[string, ScriptedReply]>([
    ['a 500', { status: 500, body: { error: { message: 'oh' } } }],
    ['an HTML page', { body: '<html><title>Sign in</title></html>' }],
    ['a reset', 'drop'],
  ])('is not repeated after %s, except with --again', async (_, reply) => {
    let isLost = false;
    const bench = await setUpSource({ create: () => (isLost ? reply : null) });
    isLost = true;
    const remix = (...argv: string[]) => bench.run('remix', 'video_1', 'at night', '--no-download', '--json', ...argv);
    for (let runs = 0; runs < 2; runs++) expect(errorOf(await remix()).code).toBe('outcome_unknown');
    expect(bench.server.posts).toBe(2);
    isLost = false;
    expect((await remix('--again')).code).toBe(0);
    expect(bench.server.posts).toBe(3);
  });

  it('stays within a cap on the price of the source', async () => {
    const bench = await setUpSource();
    const refused = await bench.run('remix', 'video_1', 'at night', '--max-cost', '0.79', '--json');
    expect({ code: refused.code, error: errorOf(refused).code }).toEqual({ code: 7, error: 'cost_cap_exceeded' });
    expect(bench.server.posts).toBe(1);
    expect((await bench.run('remix', 'video_1', 'at night', '--max-cost', '0.80', '--detach')).code).toBe(0);
  });

  it('goes to the server of the source, which --base-url cannot change', async () => {
    const bench = await setUpSource();
    const elsewhere = { SORA_BASE_URL: 'http://127.0.0.1:9/v1' };
    expect((await bench.runWith({ env: elsewhere }, 'remix', 'video_1', 'at night', '--detach')).code).toBe(0);
    const refused = await bench.run('remix', 'video_1', 'x', '--base-url', 'http://127.0.0.1:9/v1', '--json');
    expect(errorOf(refused)).toMatchObject({ code: 'usage', message: expect.stringContaining('belongs to') });
  });
});

describe('a source', () => {
  type Case = [what: string, argv: string[], code: string, words: string | RegExp];
  const cases: Case[] = [
    ['an unknown id', ['remix', 'video_9', 'x'], 'video_not_found', /not found|no such video/i],
    ['a job that failed', ['remix', 'video_1', 'x'], 'video_not_found', 'has no video to remix'],
    ['a job that still runs', ['extend', 'video_1', 'x'], 'content_not_ready', 'not finished yet'],
    ['a file that is not a video', ['edit', 'notes.txt', 'x'], 'invalid_request', 'notes.txt is not a video file'],
    ['a missing file', ['edit', 'gone.mp4', 'x'], 'invalid_request', 'could not read the video'],
    ['a file without a prompt', ['extend', 'source.mp4'], 'invalid_request', 'add a prompt'],
    ['help after a remix', ['remix', 'video_1', 'help'], 'usage', '`help` is not a prompt'],
    ['help after an edit', ['edit', 'source.mp4', 'help'], 'usage', '`help` is not a prompt'],
    ['help after an extension', ['extend', 'video_1', 'help', '--to', '60s'], 'usage', '`help` is not a prompt'],
    ['an empty prompt', ['remix', 'video_1', ''], 'invalid_request', 'the prompt is empty'],
    ['another source', ['edit', 'video_1', 'x', '--param', 'video=y'], 'invalid_request', 'is the first argument'],
    ['an invalid length', ['extend', 'video_1', 'x', '-d', 'long'], 'invalid_request', 'not a positive number'],
    ['a result that is too long', ['extend', 'video_1', 'x', '-d', '20'], 'invalid_request', 'would have 128 seconds'],
  ];

  it.each(cases)('is refused before paying: %s', async (what, argv, code, words) => {
    const status = what.includes('failed') ? 'failed' : what.includes('runs') ? 'in_progress' : 'completed';
    let isSource = true;
    const bench = await setUpSource({
      retrieve: (job) => ({ body: { ...job, status: isSource ? 'completed' : status } }),
      create: (accept) => {
        const reply = accept();
        if (typeof reply === 'object' && what.startsWith('a result'))
          Object.assign(Object(reply.body), { seconds: '108' });
        return reply;
      },
    });
    isSource = false;
    writeFileSync(join(bench.sora.cwd, 'notes.txt'), 'no video');
    const refused = await bench.run(...argv, '--json', '--timeout', '5s');
    const error = errorOf(refused);
    expect(error.code).toBe(code);
    expect([error.message, ...(error.violations ?? [])].join('\n')).toMatch(words);
    expect(error.hints.length).toBeGreaterThan(0);
    expect(bench.server.posts).toBe(1);
  });

  it.each([
    ['the dialect', ['--dialect', 'generations'], 'the dialect `generations` has no remixes'],
    ['the profile', [], 'cannot remix videos, according to its settings'],
  ])('is refused when %s lacks the operation', async (what, options, words) => {
    const bench = await setUpSource();
    const { sora, server } = bench;
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    if (what === 'the profile') await sora.run(['config', 'set', 'profiles.lab.capabilities.remix', 'no']);
    const env = { SORA_BASE_URL: undefined, SORA_PROFILE: 'lab' };
    const refused = await bench.runWith({ env }, 'remix', 'video_1', 'x', '--json', ...options);
    expect(errorOf(refused)).toMatchObject({ code: 'invalid_request', violations: [expect.stringContaining(words)] });
    expect(server.posts).toBe(1);
  });

  it.each([
    [404, { error: { message: 'Invalid URL (POST /v1/videos/video_1/remix)' } }],
    [404, { detail: 'Not Found' }],
    [405, { detail: 'Method Not Allowed' }],
  ])('is not blamed when the server lacks the operation and replies %s', async (status, body) => {
    let isMissing = false;
    const bench = await setUpSource({ create: () => (isMissing ? { status, body } : null) });
    isMissing = true;
    const refused = await bench.run('remix', 'video_1', 'x', '--json');
    expect(errorOf(refused)).toMatchObject({ code: 'not_supported', message: 'the server cannot remix videos' });
  });

  it.each([
    ['edit', 'none.mp4', ['could not read the video: ENOENT']],
    ['extend', 'text.mp4', ['text.mp4 is not a video file']],
    ['remix', 'text.mp4', ['text.mp4 is a file, and only a video on the server can be remixed: use `sora edit`']],
    ['remix', 'video_of_others', []],
  ])('is refused with all problems together, before the server is asked: %s %s', async (operation, source, own) => {
    const { sora, server, run } = await setUp();
    writeFileSync(join(sora.cwd, 'text.mp4'), 'no video');
    const steps = operation === 'extend' ? ['--to', '60s'] : [];
    const refused = await run(operation, source, '', '--max-cost', 'much', '--timeout', '5q', '--json', ...steps);
    expect({ code: refused.code, error: errorOf(refused).code }).toEqual({ code: 2, error: 'invalid_request' });
    expect(errorOf(refused).violations).toEqual([
      expect.stringContaining('--timeout 5q'),
      expect.stringContaining('--max-cost much'),
      ...own.map((problem) => expect.stringContaining(problem)),
      'the prompt is empty',
    ]);
    expect(server.requests).toEqual([]);
  });

  it('that is a file is sent whole, in a form', async () => {
    const bench = await setUpSource();
    expect((await bench.run('edit', 'source.mp4', 'in snow', '--detach')).code).toBe(0);
    const [post] = derivedPosts(bench);
    expect(post?.path).toBe('/v1/videos/edits');
    expect(post?.body).toContain('name="video"; filename="source.mp4"\r\nContent-Type: video/mp4');
    expect(post?.body.length).toBeGreaterThan(CLIP.length);
  });
});
