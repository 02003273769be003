import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCommandLine } from '../support/command-line.ts';

// Its questions are tested in test/cli/terminal.test.ts.

describe('sora init', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      'nothing',
      [],
      [
        'config profile add lab --base-url http://127.0.0.1:8000/v1 --use',
        'printenv MY_KEY | sora config key set --profile lab',
      ],
    ],
    [
      'a preset',
      ['--preset', 'sglang'],
      ['config profile add sglang --preset sglang --base-url http://127.0.0.1:30000/v1 --use'],
    ],
    [
      'all',
      ['--preset', 'new-api', '--profile', 'mine', '--base-url', '10.0.0.7:8000/v1'],
      [
        'config profile add mine --preset new-api --base-url http://10.0.0.7:8000/v1 --use',
        'printenv MY_KEY | sora config key set --profile mine',
      ],
    ],
    [
      'any other server',
      ['--preset', 'custom'],
      ['config profile add lab --preset custom --base-url http://127.0.0.1:8000/v1 --use'],
    ],
    ['the built-in simulator', ['--preset', 'simulator'], ['config profile use simulator']],
  ])('prints equivalent commands without a terminal, given %s', async (_, given, commands) => {
    const sora = createCommandLine();
    const { code, stderr } = await sora.run(['init', ...given, '--json']);
    const { error } = JSON.parse(stderr);
    expect({ code, error: error.code }).toEqual({ code: 2, error: 'usage' });
    expect(existsSync(sora.home)).toBe(false);
    const suggested = error.hints.map((hint: string) => /`(?:sora )?([^`]+)`/.exec(hint)?.[1]);
    expect(suggested).toEqual([...commands, expect.stringMatching(/^doctor --profile \w/)]);
    expect((await sora.run(commands[0]?.split(' ') ?? [])).code).toBe(0);
    const shown = await sora.run(['config', 'list', '--json']);
    expect(shown.json<{ settings: { name: string; value: string }[] }>().settings[0]).toMatchObject({
      name: 'profile',
      value: error.hints[0].includes('simulator')
        ? 'simulator'
        : (given[3] ?? given[1]?.replace('custom', 'lab') ?? 'lab'),
    });
  });

  it('suggests a free name if the usual one is taken', async () => {
    const sora = createCommandLine();
    await sora.run(['config', 'profile', 'add', 'sglang', '--preset', 'sglang']);
    expect((await sora.run(['init', '--preset', 'sglang'])).stderr).toContain('config profile add sglang-2 --preset');
  });

  it('refuses an unknown preset', async () => {
    const { code, stderr } = await createCommandLine().run(['init', '--preset', 'nope']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('choose one of openai, azure') });
  });
});
