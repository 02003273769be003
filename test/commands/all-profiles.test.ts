import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunOptions, type RunResult } from '../support/command-line.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { startVideosServer } from '../support/videos-server.ts';

interface Listed {
  readonly jobs: readonly {
    readonly id: string;
    readonly profile: string;
    readonly status: string;
    readonly files: unknown[];
  }[];
}

const rows = (result: RunResult): string[][] =>
  result.json<Listed>().jobs.map(({ profile, id, status }) => [profile, id, status]);

async function addProfile(sora: CommandLine, name: string, { url }: ScriptedServer, ...argv: readonly string[]) {
  await sora.run(['config', 'profile', 'add', name, '--base-url', url, ...argv]);
}

const listing = (...jobs: readonly object[]) => ({
  list: () => ({ body: { object: 'list', data: jobs, has_more: false } }),
});
const job = (id: string, createdAt: number, status = 'completed') => ({ id, status, created_at: createdAt });

const run = (sora: CommandLine, argv: readonly string[], options: RunOptions = {}) =>
  sora.run(argv, { http: nodeHttp, ...options });

describe.each(['list', 'status'])('sora %s --all-profiles', (command) => {
  it('merges the jobs of all servers with the ledger, newest first, with their profiles', async () => {
    const sora = createCommandLine();
    await addProfile(sora, 'east', await startVideosServer(listing(job('video_9', 1_780_000_000), job('old', 1_000))));
    await addProfile(sora, 'west', await startVideosServer(listing(job('video_9', 1_785_000_000))));
    const silentOne = await startVideosServer({ list: () => ({ status: 405, body: 'no' }) });
    await addProfile(sora, 'none', silentOne);
    await run(sora, ['create', 'a boat', '--detach', '--profile', 'none']);
    const result = await run(sora, [command, '--all-profiles', '--json']);
    expect({ code: result.code, rows: rows(result) }).toEqual({
      code: 0,
      rows: [
        ['none', 'video_1', 'completed'], // which its server was asked for, as it has no list
        ['west', 'video_9', 'completed'],
        ['east', 'video_9', 'completed'],
        ['east', 'old', 'completed'],
      ],
    });
    const { stdout } = await run(sora, [command, '--all-profiles']);
    expect(stdout.split('\n')[1]).toMatch(/^west\tvideo_9\tcompleted\t/);
  });

  it('names a server that fails, shows the rest, and exits with the code of the failure', async () => {
    const sora = createCommandLine();
    await addProfile(sora, 'good', await startVideosServer(listing(job('video_9', 1_780_000_000))));
    await addProfile(sora, 'shut', await startScriptedServer([{ status: 401, body: { error: { message: 'who?' } } }]));
    await sora.run(['config', 'profile', 'add', 'gone', '--base-url', 'http://127.0.0.1:9/v1']);
    const result = await run(sora, [command, '--all-profiles', '--json']);
    expect({ code: result.code, rows: rows(result) }).toEqual({ code: 4, rows: [['good', 'video_9', 'completed']] });
    const { errors } = JSON.parse(result.stderr);
    expect(errors.map(({ message }: { message: string }) => message)).toEqual([
      'profile shut: no API key for this server',
      'profile gone: could not connect to the server',
    ]);
  });

  it('calls all servers at the same time', async () => {
    const sora = createCommandLine();
    const arrived: (() => void)[] = [];
    const everyone = new Promise<void>((resolve) => {
      for (let at = 0; at < 2; at++) arrived.push(() => (arrived.length === 1 ? resolve() : undefined));
    });
    for (const name of ['east', 'west']) await addProfile(sora, name, await startVideosServer(listing()));
    const http: typeof nodeHttp = async (request) => {
      arrived.pop()?.();
      await everyone;
      return nodeHttp(request);
    };
    expect((await run(sora, [command, '--all-profiles'], { http })).code).toBe(0);
  });

  it('skips built-in profiles that were never used, and includes the profile in use', async () => {
    const sora = createCommandLine();
    const result = await run(sora, [command, '--all-profiles']);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 0, stdout: '' });
    await run(sora, ['create', 'a boat', '--detach', '--simulate']);
    const server = await startVideosServer(listing(job('video_9', 1_780_000_000)));
    const env = { SORA_BASE_URL: server.url, OPENAI_API_KEY: 'sk-of-that-server' };
    const all = await run(sora, [command, '--all-profiles', '--json'], { env });
    expect(rows(all).map(([profile]) => profile)).toEqual(['simulator', 'custom']);
    expect(server.requests).toHaveLength(1);
  });

  it('cannot be combined with one server', async () => {
    const { code, stderr } = await run(createCommandLine(), [command, '--all-profiles', '--simulate']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('`--all-profiles` covers all servers'),
    });
  });
});

describe('the files of a job', () => {
  it('are listed while they are on the disk', async () => {
    const sora = createCommandLine();
    const files = async (argv: readonly string[]) =>
      (await sora.run([...argv, '--json'])).json<Listed>().jobs[0]?.files;
    await sora.run(['create', 'a boat', '--simulate', '-o', 'boat.mp4']);
    for (const argv of [['status'], ['list', '--simulate'], ['list', '--local']])
      expect(await files(argv)).toMatchObject([{ variant: 'video', path: join(sora.cwd, 'boat.mp4') }]);
    rmSync(join(sora.cwd, 'boat.mp4'));
    for (const argv of [['status'], ['list', '--simulate'], ['list', '--local']]) expect(await files(argv)).toEqual([]);
  });
});

it('`status --all-profiles` takes neither an id nor --watch', async () => {
  for (const argv of [['video_1'], ['--watch']]) {
    const { code, stderr } = await run(createCommandLine(), ['status', '--all-profiles', ...argv]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('cannot be combined with an id or `--watch`'),
    });
  }
});
