import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOwnNetwork } from '../../src/domain/own-network.ts';
import { createCommandLine } from '../support/command-line.ts';
import { setUp } from '../support/set-up.ts';

describe('a server other than OpenAI, Azure and the simulator', () => {
  it('gets only what was requested, from create, batch and doctor', async () => {
    const { sora, server, run } = await setUp();
    await run('create', 'a boat', '--detach');
    await run('create', 'a boat', '-r', '480p', '--detach');
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a cat\n');
    await run('batch', 'shots.txt');
    await run('doctor', '--yes');
    const bodies = server.requests
      .filter(({ method }) => method === 'POST')
      .map(({ body }) => JSON.parse(String(body)));
    expect(bodies).toEqual([
      { prompt: 'a boat' },
      { prompt: 'a boat', size: '854x480' },
      { prompt: 'a cat' },
      { prompt: 'Test video' },
    ]);
  });

  it('uses the lengths of an OpenAI model when that model is named', async () => {
    const { run } = await setUp();
    const { request, cost } = (await run('create', 'a boat', '-m', 'sora-2', '-d', '5', '-n', '--json')).json();
    expect({ request, cost }).toMatchObject({
      request: { model: 'sora-2', prompt: 'a boat', seconds: '4' },
      cost: { estimated_usd: null },
    });
    expect(request).not.toHaveProperty('size');
  });

  it.each(['https://acme.openai.azure.com/openai/v1', 'https://api.openai.com/v1'])(
    'differs from %s, where the defaults apply',
    async (url) => {
      const sora = createCommandLine();
      const { request } = (await sora.run(['create', 'a boat', '-n', '--json', '--base-url', url])).json();
      expect(request).toEqual({ model: 'sora-2', prompt: 'a boat', seconds: '4', size: '1280x720' });
    },
  );

  it('has an unknown price, which cannot be capped and needs approval on the internet', async () => {
    const { server, run } = await setUp();
    expect(await run('create', 'a boat', '--max-cost', '100')).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('the price is unknown, so the cap of $100.00 (--max-cost) cannot be enforced'),
    });
    expect(server.posts).toBe(0);
    const sora = createCommandLine();
    const argv = ['create', 'a boat', '--base-url', 'https://videos.example.com/v1'];
    const { code, stderr } = await sora.run(argv);
    expect({ code, stderr }).toEqual({
      code: 7,
      stderr: expect.stringContaining('confirmation is needed for 1 video of unknown price'),
    });
    expect(stderr).toContain('hint: run `sora config set profiles.NAME.price USD`');
  });

  it.each([
    ['free', 'cost: free\n', '0'],
    ['0.05', 'cost: $0.15\n', '0.15'],
  ])('has the price of its profile: %s', async (price, words, cap) => {
    const { sora, server, run } = await setUp();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    await sora.run(['config', 'set', 'profiles.lab.price', price]);
    const made = await run('create', 'a boat', '-d', '3', '--detach', '--profile', 'lab', '--max-cost', cap);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining(words) });
  });

  it('that is free is free for any request', async () => {
    const { sora, server, run } = await setUp();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    await sora.run(['config', 'set', 'profiles.lab.price', 'free']);
    const argv = ['--param', 'n=lots', '--detach', '--profile', 'lab', '--max-cost', '0'];
    expect(await run('create', 'a boat', ...argv)).toMatchObject({ code: 0 });
    expect(await run('cost', '--profile', 'lab', '-m', 'wan', '--json')).toMatchObject({ code: 0 });
  });

  it('is asked for its models, which doctor suggests', async () => {
    const { run } = await setUp({ models: ['wan-2.2', 'ltx'] });
    const { checks } = (await run('doctor', '--json')).json<{ checks: { id: string }[] }>();
    expect(checks.find(({ id }) => id === 'model')).toMatchObject({
      status: 'warn',
      detail: 'no model is set; the server lists wan-2.2, ltx',
    });
    expect((await run('doctor', '--server')).stderr).toContain('no model is set; the server lists wan-2.2, ltx');
    const only = await setUp({ models: ['wan-2.2'] });
    expect((await only.run('doctor', '--server')).stderr).toMatch(/config set profiles\.\S+\.model wan-2\.2/);
  });
});

it.each([
  ['http://127.0.0.1:8000/v1', true],
  ['http://localhost/v1', true],
  ['http://gpu-box:8000/v1', true],
  ['http://gpu.lan/v1', true],
  ['http://10.0.0.7/v1', true],
  ['http://172.20.1.1/v1', true],
  ['http://[::1]:8000/v1', true],
  ['http://[fd12:3456::1]/v1', true],
  ['http://172.32.1.1/v1', false],
  ['http://[2001:db8::1]/v1', false],
  ['https://openrouter.ai/api/v1', false],
  ['https://10.0.0.7.example.com/v1', false],
])('isOwnNetwork(%s) is %s', (url, isOwn) => {
  expect(isOwnNetwork(url)).toBe(isOwn);
});
