import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { SORA_2, setUp } from '../support/set-up.ts';
import { startVideosServer, type VideosScript } from '../support/videos-server.ts';

/** A profile `lab` with these settings, for a server that can do everything. */
async function setUpProfile(settings: readonly string[], script: VideosScript = {}) {
  const { sora, server, run } = await setUp(script, { env: { SORA_BASE_URL: '' } });
  const sets = settings.flatMap((setting) => ['--set', setting]);
  await sora.run(['config', 'profile', 'add', 'lab', '--base-url', server.url, '--use', ...sets]);
  const asked = () => server.requests.map(({ method, path }) => `${method} ${path}`);
  const sent = () => JSON.parse(server.requests.find(({ method }) => method === 'POST')?.body.toString() ?? 'null');
  return { sora, server, run, asked, sent };
}

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

describe('a missing capability in a profile', () => {
  it('makes `list` use the ledger, with a note, and look up unfinished jobs one by one', async () => {
    const { run, asked } = await setUpProfile(['capabilities.list=no']);
    await run('create', 'a boat', '--detach');
    const { code, stdout, stderr } = await run('list');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^video_1\tcompleted\t/) });
    expect(stderr).toBe(
      'note: only the local ledger is shown: the server of profile lab cannot list its videos, according to its settings\n',
    );
    expect(asked()).toEqual(['POST /v1/videos', 'GET /v1/videos/video_1']);
  });

  it.each([
    ['cancel', 'capabilities.cancel=no'],
    ['delete', 'capabilities.delete=no'],
  ])('is reported by `%s` without a call', async (command, setting) => {
    const { run, asked } = await setUpProfile([setting], {
      retrieve: (job) => ({ body: { ...job, status: 'queued' } }),
    });
    await run('create', 'a boat', '--detach');
    const result = await run(command, 'video_1', '--json');
    expect({ code: result.code, error: errorOf(result) }).toMatchObject({
      code: 1,
      error: {
        code: 'not_supported',
        message: expect.stringMatching(
          /^the server of profile lab cannot (stop a running job|delete videos), according/,
        ),
        hints: [`run \`sora config set profiles.lab.${setting.replace('=no', '')} yes\` if it can now`],
      },
    });
    expect(asked()).toEqual(['POST /v1/videos']);
  });

  it('still lets `cancel --wait` delete a job after its end', async () => {
    const statuses = ['queued', 'queued', 'completed'];
    const { run, server } = await setUpProfile(['capabilities.cancel=no'], {
      retrieve: (job) => ({ body: { ...job, status: statuses.shift() ?? 'completed' } }),
    });
    await run('create', 'a boat', '--detach');
    expect(await run('cancel', 'video_1', '--wait')).toMatchObject({ code: 0, stdout: 'video_1\tdeleted\n' });
    expect(server.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
    expect(statuses).toEqual([]);
  });

  it.each(['vllm-omni', 'sglang'])(
    'is in the preset %s, whose server knows neither pictures nor characters',
    async (preset) => {
      const { run, asked } = await setUpProfile([`preset=${preset}`]);
      const argv = ['--variant', 'thumbnail', '--variant', 'spritesheet', '--character', 'char_1', '--json'];
      const { violations } = errorOf(await run('create', 'a boat', ...argv));
      expect(violations.join()).toMatch(/cannot return thumbnails.*cannot return spritesheets.*cannot use characters/);
      expect(asked()).toEqual([]);
    },
  );

  it('refuses a request that needs it, with all other problems, before paying', async () => {
    const { run, asked } = await setUpProfile(['capabilities.thumbnail=no', 'capabilities.characters=no']);
    const argv = ['--variant', 'video', '--variant', 'thumbnail', '--character', 'char_1', '-d', 'x', '--json'];
    expect(errorOf(await run('create', 'a boat', ...argv)).violations).toEqual([
      'the server of profile lab cannot return thumbnails, according to its settings',
      'the server of profile lab cannot use characters, according to its settings',
      'the duration `x` is not a positive number of seconds',
    ]);
    await run('create', 'a boat', '-o', 'boat.mp4');
    expect(errorOf(await run('download', '@last', '--variant', 'thumbnail', '--json')).code).toBe('not_supported');
    expect(asked().filter((path) => path.includes('thumbnail'))).toEqual([]);
  });

  it('refuses the URL of an image before paying, but accepts a file', async () => {
    const { run, sent, sora } = await setUpProfile(['capabilities.image_url=no']);
    const refused = await run('create', 'a boat', '-i', 'https://example.com/a.png', '--json');
    expect(errorOf(refused).violations).toEqual([
      'the server of profile lab cannot use an image at a URL, according to its settings',
    ]);
    expect(sent()).toBeNull();
    writeFileSync(join(sora.cwd, 'a.png'), createPngHeader(1280, 720));
    expect((await run('create', 'a boat', '-i', 'a.png', '--detach')).code).toBe(0);
  });

  it('refuses rows of a manifest in the same way', async () => {
    const { sora, run, asked } = await setUpProfile(['capabilities.thumbnail=no', 'capabilities.characters=no']);
    const rows = [
      { prompt: 'a boat', variant: ['video', 'thumbnail'] },
      { prompt: 'a kite', character: 'char_1' },
    ];
    writeFileSync(join(sora.cwd, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    expect(errorOf(await run('batch', 'rows.jsonl', '-y', '--json')).violations).toEqual([
      'line 1: the server of profile lab cannot return thumbnails, according to its settings',
      'line 2: the server of profile lab cannot use characters, according to its settings',
    ]);
    expect(errorOf(await run('batch', 'rows.jsonl', '-y', '--dialect', 'openrouter', '--json')).violations).toEqual([
      'line 1: the dialect `openrouter` has no thumbnail',
      'line 2: the dialect `openrouter` has no characters',
    ]);
    expect(asked()).toEqual(['GET /v1/videos/models']);
  });

  it('is not a problem for `doctor`', async () => {
    const { run } = await setUpProfile(['capabilities.list=no'], {
      list: () => ({ status: 404, body: 'no such page' }),
    });
    const { checks } = (await run('doctor', '--json')).json<{ checks: { id: string; status: string }[] }>();
    expect(checks.find(({ id }) => id === 'videos')?.status).toBe('pass');
  });
});

describe('model names of a server', () => {
  it('are sent, while limits and price follow the requested name', async () => {
    const { run, sent } = await setUpProfile(['models.sora-2=my-deployment'], {
      retrieve: (job) => ({ body: { ...job, status: 'queued' } }),
    });
    const created = await run('create', 'a boat', ...SORA_2, '-d', '5', '--detach', '--json');
    expect(sent()).toMatchObject({ model: 'my-deployment', seconds: '4' });
    expect(created.json()).toMatchObject({ model: 'sora-2', cost: { estimated_usd: 0.4 } });
    expect((await run('status', 'video_1', '--json')).json()).toMatchObject({ model: 'sora-2' });
    expect((await run('list', '--json')).json()).toMatchObject({ jobs: [{ model: 'sora-2' }] });
  });

  it('are shown by a dry run, and identify a job whose reply was lost', async () => {
    const { run, server } = await setUpProfile(['models.sora-2=my-deployment'], {
      create(accept) {
        accept();
        return 'drop';
      },
    });
    expect((await run('create', 'a boat', '-m', 'sora-2', '--dry-run')).stdout).toMatch(/"model":"my-deployment"/);
    const { code, stdout } = await run('create', 'a boat', '-m', 'sora-2', '--detach');
    expect({ code, stdout, posts: server.posts }).toEqual({ code: 0, stdout: 'video_1\n', posts: 1 });
  });
});

describe('the request format of a server', () => {
  it('is learned from its first refusal, saved in the profile, and shown with its origin', async () => {
    const { run, server } = await setUpProfile([], {
      create: (_, { headers }) =>
        headers['content-type']?.startsWith('multipart/') ? null : { status: 415, body: '' },
    });
    for (const prompt of ['one', 'two']) expect((await run('create', prompt, '--detach')).code).toBe(0);
    expect(server.posts).toBe(3);
    const shown = (await run('config', 'profile', 'show', 'lab', '--json')).json();
    expect(shown).toMatchObject({
      settings: { 'request.body': 'multipart' },
      origins: { 'request.body': 'learnt', base_url: 'profile lab' },
    });
  });

  it('comes from the settings, else from what was learned, else from the preset', async () => {
    const { sora, run } = await setUpProfile([
      'preset=vllm-omni',
      'learnt.request.body=json',
      'learnt.request.image=text',
    ]);
    const origins = async () => (await run('config', 'profile', 'show', 'lab', '--json')).json().origins;
    expect(await origins()).toMatchObject({ 'request.body': 'learnt', 'request.image_field': 'preset vllm-omni' });
    await sora.run(['config', 'set', 'profiles.lab.request.body', 'multipart']);
    expect(await origins()).toMatchObject({ 'request.body': 'profile lab', 'request.image': 'learnt' });
    const { curl } = (await run('create', 'a boat', '-i', 'https://cdn.example/a.png', '-n', '--json')).json();
    expect(curl).toContain(`--form-string image_reference=https://cdn.example/a.png`);
  });

  it.each([
    ['request.seconds=number', '"seconds":4,"input_reference"'],
    ['request.image=text', '"seconds":"4","input_reference":"https://cdn.example/a.png"'],
    ['request.extras=metadata', '"metadata":{"seed":7}'],
  ])('can be set: %s', async (setting, body) => {
    const { run } = await setUpProfile([setting]);
    const argv = ['-d', '4', '-i', 'https://cdn.example/a.png', '--param', 'seed=7', '-n', '--json'];
    expect((await run('create', 'a boat', ...argv)).json().curl).toContain(body);
  });

  it('excludes an upload id when an image must be a URL', async () => {
    const { run, asked } = await setUpProfile(['request.image=text']);
    expect(errorOf(await run('create', 'a boat', '-i', 'file-123', '--json')).violations).toEqual([
      'the server of profile lab accepts a reference image as a file or a URL, not as the id of an upload',
    ]);
    expect(asked()).toEqual([]);
  });
});

describe('query parameters', () => {
  it.each(['list_query.custom_llm_provider'])('for lists are sent with lists only: %s', async (name) => {
    const { run, asked } = await setUpProfile([`${name}=openai`, 'query.tenant=lab']);
    await run('create', 'a boat', '--no-download');
    await run('list');
    expect(asked().filter((path) => path.includes('custom_llm_provider'))).toEqual([
      expect.stringMatching(/^GET \/v1\/videos\?.*custom_llm_provider=openai/),
    ]);
    expect(asked().every((path) => path.includes('tenant=lab'))).toBe(true);
  });
});

describe('defaults and caps of a profile', () => {
  it('fill in missing values', async () => {
    const settings = ['model=wan', 'defaults.duration=3', 'defaults.size=832x480', 'defaults.params.seed=7'];
    const { run, sent } = await setUpProfile(settings);
    await run('create', 'a boat', '--detach', '-r', '720p');
    expect(sent()).toMatchObject({ model: 'wan', seconds: '3', size: '1280x720', seed: 7 });
  });

  it('do not apply to other servers', async () => {
    const { sora } = await setUpProfile(['model=wan', 'defaults.duration=12', 'max_cost=0']);
    const { code, stdout } = await sora.run(['create', 'a boat', '--dry-run', '--simulate']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('"seconds":"4"') });
  });

  it.each([
    ['max_cost', 'more than the cap of $0.30 (profile lab)'],
    ['confirm_above', 'above $0.30 it needs confirmation'],
    ['max_cost_per_day', 'run `sora config set profiles.lab.max_cost_per_day 0.40` to raise the cap'],
  ])('override the general ones: %s', async (cap, words) => {
    const { sora, run, server } = await setUpProfile([`${cap}=0.30`]);
    await sora.run(['config', 'set', cap, '100']);
    const { code, stderr } = await run('create', 'a boat', ...SORA_2, '--detach');
    expect({ code, stderr, posts: server.posts }).toEqual({
      code: 7,
      stderr: expect.stringContaining(words),
      posts: 0,
    });
  });

  it('count one day of spending through the profile', async () => {
    const { run, server } = await setUpProfile(['max_cost_per_day=0.50']);
    const other = await startVideosServer();
    await run('create', 'elsewhere', ...SORA_2, '--detach', '--base-url', other.url);
    const codes: number[] = [];
    for (const prompt of ['one', 'two']) codes.push((await run('create', prompt, ...SORA_2, '--detach')).code);
    expect(codes).toEqual([0, 7]);
    expect(server.posts).toBe(1);
  });
});
