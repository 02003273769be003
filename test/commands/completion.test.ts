import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { setUp } from '../support/set-up.ts';

async function complete(...words: readonly string[]): Promise<string> {
  return (await createCommandLine().run(['complete', '--', ...words])).stdout;
}

describe('completion', () => {
  it.each<[string, string[], RegExp]>([
    ['commands', ['cr'], /^create\t.+\n:4\n$/],
    ['commands of a group', ['config', 'profile', ''], /^add\t.+\nuse\t.+\nlist\t.+\nshow\t/],
    ['commands to get help for', ['help', 'config', 'se'], /^set\t.+\n:4\n$/],
    ['no job where a row of the queue is named', ['queue', 'retry', ''], /^:4\n$/],
    ['options', ['create', 'x', '--asp'], /^--aspect-ratio\t.+\n:4\n$/],
    ['choices', ['ls', '--status', 'c'], /^completed\t\ncancelled\t\n:4\n$/],
    ['a value after =', ['create', '--model=sora-2-'], /^sora-2-pro\t\n:4\n$/],
    ['the values of an option', ['create', 'x', '-a', '9'], /^9:16\t\n:4\n$/],
    ['profiles', ['list', '--profile', 's'], /^simulator\t\n:4\n$/],
    ['presets', ['config', 'profile', 'add', 'x', '--preset', 'sgl'], /^sglang\t\n/],
    ['settings', ['config', 'set', 'max_cost_per_day'], /^max_cost_per_day\t.+\nmax_cost_per_day_per_user\t.+\n:4\n$/],
    ['files through the shell', ['create', 'x', '--image', 'a'], /^:0\n$/],
    ['a manifest through the shell', ['batch', ''], /^:0\n$/],
    ['ids, or files through the shell', ['edit', '@'], /^@last\t.+\n:0\n$/],
    ['a folder through the shell', ['mcp', '-o', ''], /^:0\n$/],
    ['nothing after an unknown command', ['nope', ''], /^:4\n$/],
    ['nothing where a prompt is typed', ['create', ''], /^:4\n$/],
  ])('offers %s', async (_, words, expected) => {
    expect(await complete(...words)).toMatch(expected);
  });

  it('offers recent ids with their prompts, and ignores broken settings', async () => {
    const { writeFileSync } = await import('node:fs');
    const sora = createCommandLine();
    const id = (await sora.run(['create', 'a\tboat', '--simulate', '--detach'])).stdout.trim();
    const run = await sora.run(['complete', '--', 'status', id.slice(-6, -4)]);
    expect(run.stdout).toBe(`${id.slice(-6)}\ta boat\n:4\n`);
    writeFileSync(`${sora.home}/settings.json`, 'broken');
    expect(await sora.run(['complete', '--', 'list', '--profile', ''])).toMatchObject({
      code: 0,
      stdout: ':4\n',
      stderr: '',
    });
  });

  it('offers submissions in doubt, where they are resolved', async () => {
    const { sora, run, server } = await setUp({ create: () => 'drop', list: () => ({ status: 500 }) });
    await run('create', 'a boat');
    await sora.run(['create', 'a cat', '--simulate', '--detach']);
    expect(server.posts).toBe(1);
    for (const command of ['attach', 'forget'])
      expect((await sora.run(['complete', '--', command, ''])).stdout).toMatch(/^sub_\w+\ta boat\n:4\n$/);
  });

  it.each(['two\nlines', 'a\ttab', 'red\u001b[31m', 'hidden\u200b'])(
    'leaves out an id that cannot be shown as it is: %j',
    async (id) => {
      const sora = createCommandLine();
      const { url } = await startScriptedServer(() => ({ body: { id, object: 'video', status: 'queued' } }));
      await sora.run(['create', 'a boat', '--base-url', url, '--detach'], { http: nodeHttp });
      expect((await sora.run(['complete', '--', 'status', ''])).stdout).toBe('@last\tthe newest job\n:4\n');
    },
  );

  it('refuses an unsupported shell', async () => {
    const { code, stderr } = await createCommandLine().run(['completion', 'tcsh']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('choose one of bash, zsh') });
  });
});
