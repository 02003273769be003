import { describe, expect, it } from 'vitest';
import type { RunResult } from '../support/command-line.ts';
import { SORA_2, setUp } from '../support/set-up.ts';

const HOOK = 'https://hooks.example/videos';

const violationsOf = ({ stderr }: RunResult): string[] => JSON.parse(stderr).error.violations;

/** A profile `lab` with these settings, on a server that accepts anything. */
async function setUpLab(...settings: readonly string[]) {
  const bench = await setUp({}, { env: { SORA_BASE_URL: '' } });
  const sets = settings.flatMap((setting) => ['--set', setting]);
  await bench.run('config', 'profile', 'add', 'lab', '--base-url', bench.server.url, '--use', ...sets);
  const create = (...argv: readonly string[]): Promise<RunResult> =>
    bench.run('create', 'a boat', ...SORA_2, '--detach', '--json', '-y', ...argv);
  return { ...bench, create };
}

describe('create --webhook', () => {
  it('sends the URL in the field of the profile, and shows it in a dry run', async () => {
    const { create, server } = await setUpLab('request.callback_field=notify_url');
    const dry = await create('--webhook', HOOK, '--dry-run');
    expect(dry.json()).toMatchObject({ request: { notify_url: HOOK } });
    expect(server.requests).toEqual([]);
    expect((await create('--webhook', HOOK)).code).toBe(0);
    expect(JSON.parse(server.requests[0]?.body.toString() ?? '')).toMatchObject({ notify_url: HOOK });
  });

  it('does not change the request: with another URL it attaches to the same job', async () => {
    const bench = await setUpLab('request.callback_field=notify_url');
    const isNoted = ({ stderr }: RunResult): boolean =>
      stderr.includes('note: `--webhook` is not sent: an existing job keeps the webhook URL of its own create');
    const run = (...argv: readonly string[]): Promise<RunResult> =>
      bench.run('create', 'a boat', ...SORA_2, '--detach', '-y', ...argv);
    expect(isNoted(await run('--webhook', HOOK))).toBe(false);
    expect(isNoted(await run('--webhook', `${HOOK}/2`, '--dry-run'))).toBe(true);
    expect(isNoted(await run('--webhook', `${HOOK}/2`))).toBe(true);
    expect(isNoted(await run())).toBe(false);
    expect(bench.server.posts).toBe(1);
    await bench.run('download', '--all', '--wait');
    expect(isNoted(await run('--webhook', HOOK, '--reuse'))).toBe(true);
  });

  it('is sent as `callback_url` in dialect `openrouter`', async () => {
    const { create } = await setUpLab();
    const dry = await create('--webhook', HOOK, '--dialect', 'openrouter', '--dry-run');
    expect(dry.json()).toMatchObject({ request: { callback_url: HOOK } });
  });

  it.each<[string, string[], string]>([
    ['a server that accepts none', ['--webhook', HOOK], 'the server of profile lab accepts no webhook URL'],
    [
      'a dialect that has none',
      ['--webhook', HOOK, '--dialect', 'generations'],
      'the dialect `generations` accepts no webhook URL',
    ],
    ['an invalid URL', ['--webhook', 'hooks'], '`--webhook hooks` is not an http or https URL'],
    ['another scheme', ['--webhook', 'file:///etc/passwd'], 'is not an http or https URL'],
  ])('is refused before anything is sent for %s', async (_, argv, problem) => {
    const { create, server } = await setUpLab();
    const refused = await create(...argv);
    expect(refused.code).toBe(2);
    expect(violationsOf(refused)).toContainEqual(expect.stringContaining(problem));
    expect(server.requests).toEqual([]);
  });

  it('is refused by a simulator that ends with the command', async () => {
    const { sora } = await setUp();
    const refused = await sora.run(['create', 'x', '--simulate', '--detach', '--webhook', HOOK, '--json']);
    expect(refused.code).toBe(2);
  });
});
