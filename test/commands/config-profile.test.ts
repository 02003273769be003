import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PRESETS } from '../../src/domain/presets.ts';
import { settingsOfFormat } from '../../src/domain/request-format.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine } from '../support/command-line.ts';
import { startVideosServer } from '../support/videos-server.ts';

const KEY = 'sk-lab-0123456789abcdefghij';
const ADD_LAB = ['config', 'profile', 'add', 'lab', '--base-url', 'http://127.0.0.1:8000/v1'];

const settingsOf = ({ home }: CommandLine) => JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8'));
const names = async (sora: CommandLine): Promise<string[]> => {
  const list = await sora.run(['config', 'profile', 'list', '--json']);
  return list.json<{ profiles: { name: string }[] }>().profiles.map(({ name }) => name);
};

describe('sora config profile add', () => {
  it.each(PRESETS.map((preset) => [preset.name, preset] as const))('applies the preset %s', async (name, preset) => {
    const sora = createCommandLine();
    const address = preset.baseUrl?.replace('RESOURCE', 'acme') ?? 'http://127.0.0.1:9000/v1';
    const added = await sora.run(['config', 'profile', 'add', 'my', '--preset', name, '--base-url', address, '--json']);
    expect(added.code).toBe(0);
    const shown = (await sora.run(['config', 'profile', 'show', 'my', '--json'])).json<Record<string, unknown>>();
    const { dialect, auth, format, shape, model, missing, listQuery = {} } = preset;
    expect(shown).toMatchObject({ name: 'my', base_url: address, dialect, auth, model, key: null, default: false });
    expect(shown.settings).toEqual({
      base_url: address,
      ...(name === 'custom' ? {} : { preset: name }),
      ...(dialect === 'videos' ? {} : { dialect }),
      ...(shape ? { shape } : {}),
      ...(auth === 'bearer' ? {} : { auth }),
      ...settingsOfFormat(format),
      ...(model === null ? {} : { model }),
      ...Object.fromEntries(Object.entries(listQuery).map(([name, value]) => [`list_query.${name}`, value])),
      ...Object.fromEntries(missing.map((name) => [`capabilities.${name}`, 'no'])),
    });
  });

  it('overrides the preset and accepts any other setting', async () => {
    const sora = createCommandLine();
    const argv = ['--preset', 'litellm', '-m', 'veo', '--key-from-env', 'LAB_KEY', '--use'];
    const sets = [
      'list_query.custom_llm_provider=gemini',
      'defaults.duration=8',
      'models.fast=veo-3.1-fast',
      'max_cost=2.50',
    ];
    const { code, stdout } = await sora.run([...ADD_LAB, ...argv, ...sets.flatMap((set) => ['--set', set])]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(settingsOf(sora)).toEqual({
      profile: 'lab',
      profiles: {
        lab: {
          preset: 'litellm',
          base_url: 'http://127.0.0.1:8000/v1',
          model: 'veo',
          key_from_env: 'LAB_KEY',
          list_query: { custom_llm_provider: 'gemini' },
          defaults: { duration: '8' },
          models: { fast: 'veo-3.1-fast' },
          max_cost: '2.50',
        },
      },
    });
  });

  it('lists the remaining steps before the first video', async () => {
    const { stderr } = await createCommandLine().run([...ADD_LAB, '--preset', 'litellm']);
    expect(stderr).toMatchInlineSnapshot(`
      "note: the model is a model name from the proxy’s configuration
      note: run \`sora config key set --profile lab\` to store its key
      note: run \`sora config set profiles.lab.model MODEL\` to set its model
      note: run \`sora config set profiles.lab.price free\` if the server is your own and free
      "
    `);
  });

  it('reports all problems together, stores nothing, and repeats no key from the wrong place', async () => {
    const sora = createCommandLine();
    const argv = [
      '--preset',
      'azure',
      '--auth',
      'basic',
      '--key-from-env',
      KEY,
      '--set',
      'x',
      '--set',
      'defaults.size=big',
    ];
    const { code, stderr } = await sora.run(['config', 'profile', 'add', 'lab', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error: invalid usage
        - \`--set x\` is not of the form name=value
        - the base URL https://RESOURCE.openai.azure.com/openai/v1 still contains the placeholder RESOURCE: set your own with \`--base-url\`
        - \`key_from_env\`: it is not the name of an environment variable
        - \`auth\`: it is not one of bearer, api-key, none
        - \`defaults.size\`: it is not WIDTHxHEIGHT in pixels, such as 1280x720

      hint: run \`sora config profile add --help\` to see its arguments and options
      "
    `);
    expect(existsSync(join(sora.home, 'settings.json'))).toBe(false);
  });

  it.each([
    ['an invalid name', ['a b', '--preset', 'vllm-omni'], 'may only contain letters'],
    ['a reserved name', ['custom', '--preset', 'vllm-omni'], 'reserved for servers without a profile'],
    ['a name that is taken', ['openai', '--preset', 'openai'], 'the profile `openai` already exists'],
    ['an unknown preset', ['lab', '--preset', 'nope'], 'is not one of openai, azure, litellm'],
    ['no address', ['lab'], 'the base URL is missing'],
    ['the built-in simulator', ['lab', '--preset', 'simulator'], '`sora config profile use simulator`'],
    ['an invalid address', ['lab', '--base-url', 'ftp://x'], 'does not start with http'],
    ['an unknown setting', ['lab', '--preset', 'sglang', '--set', 'colour=blue'], '`colour`: there is no such setting'],
  ])('refuses %s', async (_, argv, words) => {
    const { code, stderr } = await createCommandLine().run(['config', 'profile', 'add', ...argv]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
  });
});

describe('sora config profile', () => {
  it('lists the profiles, with the default, and each key masked', async () => {
    const sora = createCommandLine();
    await sora.run([...ADD_LAB, '--use', '--set', 'headers.X-Lab-Token=hush-hush']);
    await sora.run(['config', 'key', 'set'], { stdin: KEY });
    expect((await sora.run(['config', 'profile', 'list'])).stdout).toMatchInlineSnapshot(`
      "openai		https://api.openai.com/v1	videos		
      simulator		http://simulator.invalid/v1	videos		
      lab	yes	http://127.0.0.1:8000/v1	videos	sk-…ghij	
      "
    `);
    const shown = await sora.run(['config', 'profile', 'show', 'lab']);
    expect(shown.stdout).toMatchInlineSnapshot(`
      "name	lab	
      default	yes	
      base_url	http://127.0.0.1:8000/v1	profile lab
      key	sk-…ghij	profile lab
      headers.X-Lab-Token	…	profile lab
      "
    `);
  });

  it('`use` chooses the server of every command that names none', async () => {
    const sora = createCommandLine();
    const server = await startVideosServer();
    await sora.run(['config', 'profile', 'add', 'lab', '--base-url', server.url]);
    await sora.run(['config', 'profile', 'use', 'lab']);
    await sora.run(['create', 'a boat', '--detach'], { http: nodeHttp });
    await sora.run(['config', 'profile', 'use', 'simulator']);
    await sora.run(['create', 'a boat', '--detach']);
    const { jobs } = (await sora.run(['list', '--local', '--json'])).json<{ jobs: { profile: string }[] }>();
    expect({ posts: server.posts, profiles: jobs.map(({ profile }) => profile).sort() }).toEqual({
      posts: 1,
      profiles: ['lab', 'simulator'],
    });
  });

  it('`remove` deletes the settings, key and default of one profile only', async () => {
    const sora = createCommandLine();
    await sora.run([...ADD_LAB, '--use', '--set', 'defaults.params.seed=7']);
    await sora.run(['config', 'profile', 'add', 'other', '--base-url', 'http://x/v1']);
    for (const profile of ['lab', 'other'])
      await sora.run(['config', 'key', 'set', '--profile', profile], { stdin: KEY });
    const { code, stderr, json } = await sora.run(['config', 'profile', 'remove', 'lab', '--yes', '--json']);
    expect({ code, stderr, removed: json() }).toMatchObject({
      code: 0,
      stderr: '',
      removed: { profile: 'lab', removed: true },
    });
    expect(settingsOf(sora)).toEqual({ profiles: { other: { base_url: 'http://x/v1' } } });
    const keys = join(sora.home, 'keys.json');
    expect(JSON.parse(readFileSync(keys, 'utf8'))).toEqual({ other: KEY });
    if (process.platform !== 'win32') expect(statSync(keys).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['to act without --yes', ['lab'], 'add `--yes` to remove profile lab with its key'],
    ['a built-in profile', ['simulator', '--yes'], 'the profile `simulator` is built in'],
    ['a missing profile', ['nope', '--yes'], 'there is no profile `nope`'],
  ])('`remove` refuses %s', async (_, argv, words) => {
    const sora = createCommandLine();
    await sora.run(ADD_LAB);
    const { code, stderr } = await sora.run(['config', 'profile', 'remove', ...argv]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
    expect(await names(sora)).toEqual(['openai', 'simulator', 'lab']);
  });

  it('`remove` of a missing profile does not suggest to create it', async () => {
    const { stderr } = await createCommandLine().run(['config', 'profile', 'remove', 'nope', '--yes']);
    expect(stderr).toBe('error: there is no profile `nope`\n\nhint: choose one of openai, simulator\n');
  });

  it.each(['use', 'show'])('`%s` refuses a missing profile, and names the command that creates it', async (verb) => {
    const { code, stderr } = await createCommandLine().run(['config', 'profile', verb, 'nope']);
    expect(code).toBe(2);
    expect(stderr).toContain('hint: run `sora config profile add nope --base-url http://HOST:PORT/v1` to create it');
  });
});
