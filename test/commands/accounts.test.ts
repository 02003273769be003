import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import type { ReceivedRequest } from '../support/scripted-server.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

const KEYS = { work: 'sk-of-work-0123456789', home: 'sk-of-home-0123456789' };

interface Bench {
  readonly server: VideosServer;
  /** The folder of the commands. */
  readonly cwd: string;
  run(...argv: readonly string[]): Promise<RunResult>;
  setKey(profile: string, key: string): Promise<void>;
  /** The jobs of each account. */
  owners(): (string | undefined)[];
}

/** Two profiles of one server, on which each account sees its own running jobs only. `home` is the default profile. */
async function setUp(
  accountOf = ({ headers }: ReceivedRequest): string => String(headers.authorization),
): Promise<Bench> {
  const owners = new Map<string, string>();
  const server = await startVideosServer({
    create(accept, request) {
      const reply = accept();
      owners.set(String(server.jobs.at(-1)?.id), accountOf(request));
      return reply;
    },
    retrieve(job) {
      const request = server.requests.at(-1);
      if (request && accountOf(request) === owners.get(job.id)) return { body: { ...job, status: 'in_progress' } };
      return { status: 404, body: { error: { message: `Video with id '${job.id}' not found` } } };
    },
  });
  const sora = createCommandLine();
  const run = (...argv: readonly string[]): Promise<RunResult> => sora.run(argv, { http: nodeHttp });
  const setKey = async (profile: string, key: string): Promise<void> => {
    await sora.run(['config', 'key', 'set', '--profile', profile], { stdin: key });
  };
  for (const [profile, key] of Object.entries(KEYS)) {
    await run('config', 'profile', 'add', profile, '--base-url', server.url, '--no-input');
    await setKey(profile, key);
  }
  await run('config', 'set', 'profile', 'home');
  return { server, cwd: sora.cwd, run, setKey, owners: () => server.jobs.map(({ id }) => owners.get(id)) };
}

const bearer = (profile: keyof typeof KEYS): string => `Bearer ${KEYS[profile]}`;
const CREATE = ['create', 'a cat', '--detach'];

describe('two profiles of one server', () => {
  it('have their own jobs, also for commands without an id', async () => {
    const { server, run, owners } = await setUp();
    for (const profile of ['work', 'home']) expect((await run(...CREATE, '--profile', profile)).code).toBe(0);
    expect(owners()).toEqual([bearer('work'), bearer('home')]);
    const { jobs } = (await run('status', '--json')).json<{ jobs: object[] }>();
    expect(jobs).toMatchObject([{ id: 'video_2', profile: 'home' }]);
    expect((await run('status', '@last', '--profile', 'work', '--json')).json()).toMatchObject({ id: 'video_1' });
    await run('cancel', '--all');
    expect(server.jobs).toMatchObject([{ id: 'video_1' }]);
  });

  it('use the key of a job’s own profile, unless another is named', async () => {
    const { server, run } = await setUp();
    await run(...CREATE, '--profile', 'work');
    expect((await run('status', 'video_1', '--json')).json()).toMatchObject({ status: 'in_progress', profile: 'work' });
    const before = server.requests.length;
    for (const argv of [
      ['status', 'video_1'],
      ['cancel', 'video_1'],
      ['remix', 'video_1', 'a dog'],
    ]) {
      const { code, stderr } = await run(...argv, '--profile', 'home');
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('this job belongs to') });
    }
    expect(server.requests).toHaveLength(before);
    expect((await run('cancel', 'video_1')).code).toBe(0);
  });

  it('do not resume each other’s rows', async () => {
    const { server, cwd, run, owners } = await setUp();
    writeFileSync(join(cwd, 'shots.txt'), 'a cat\na dog\n');
    const argv = ['batch', 'shots.txt', '-y', '--timeout', '5s'];
    for (const profile of ['work', 'home']) expect((await run(...argv, '--profile', profile)).code).toBe(8);
    expect(owners()).toEqual([bearer('work'), bearer('work'), bearer('home'), bearer('home')]);
    const before = server.requests.length;
    for (const profile of ['work', 'home']) expect((await run(...argv, '--profile', profile)).code).toBe(8);
    const polled = server.requests.slice(before).map(({ headers, path }) => `${headers.authorization} ${path}`);
    expect([...new Set(polled)].sort()).toEqual([
      `${bearer('home')} /v1/videos/video_3`,
      `${bearer('home')} /v1/videos/video_4`,
      `${bearer('work')} /v1/videos/video_1`,
      `${bearer('work')} /v1/videos/video_2`,
    ]);
    expect(owners()).toHaveLength(4);
  });

  it('may differ in a header only', async () => {
    const { run, setKey, owners } = await setUp(({ headers }) => String(headers['x-tenant']));
    for (const profile of ['work', 'home']) {
      await setKey(profile, KEYS.work);
      await run('config', 'set', `profiles.${profile}.headers.x-tenant`, profile);
      await run(...CREATE, '--profile', profile);
    }
    expect(owners()).toEqual(['work', 'home']);
  });
});

describe('a profile whose key is replaced', () => {
  it('keeps its jobs if the server shows them to the new key', async () => {
    const { server, run, setKey } = await setUp(() => 'the only account');
    await run(...CREATE);
    await setKey('home', 'sk-of-home-replaced-01');
    expect((await run(...CREATE, '--json')).json()).toMatchObject({ id: 'video_1' });
    expect((await run('status', '@last', '--json')).json()).toMatchObject({ id: 'video_1', status: 'in_progress' });
    expect(server.posts).toBe(1);
  });

  it('does not wait for a job of another account', async () => {
    const { run, setKey, owners } = await setUp();
    await run(...CREATE);
    await setKey('home', KEYS.work);
    expect((await run(...CREATE, '--json')).json()).toMatchObject({ id: 'video_2' });
    expect(owners()).toEqual([bearer('home'), bearer('work')]);
  });

  it('does not pay again for rows of another account without being asked', async () => {
    const { server, cwd, run, setKey } = await setUp();
    await run('config', 'set', 'profiles.home.price', '1');
    writeFileSync(join(cwd, 'shots.txt'), 'a cat\na dog\n');
    const argv = ['batch', 'shots.txt', '--duration', '4'];
    expect((await run(...argv, '-y', '--timeout', '5s')).code).toBe(8);
    await setKey('home', KEYS.work);
    const { code, stderr } = await run(...argv);
    expect(server.posts, stderr).toBe(2);
    expect(code).toBe(6);
  });
});

describe('without a profile, and with another key of the same account,', () => {
  it('a row in doubt is resent with --retry-unknown only', async () => {
    let isLost = true;
    const server = await startVideosServer({ create: () => (isLost ? 'drop' : null) });
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a cat\n');
    const batch = (key: string, ...options: readonly string[]): Promise<RunResult> =>
      sora.run(['batch', 'shots.txt', '-y', '--base-url', server.url, ...options], {
        http: nodeHttp,
        env: { SORA_API_KEY: key },
      });
    expect((await batch(KEYS.work)).code).toBe(6);
    isLost = false;
    const dry = await batch(KEYS.home, '--dry-run', '--json');
    expect(dry.json<{ summary: object }>().summary).toMatchObject({ unknown: 1, to_do: 0 });
    expect((await batch(KEYS.home)).code).toBe(6);
    expect(server.posts).toBe(1);
    expect((await batch(KEYS.home, '--retry-unknown')).code).toBe(0);
    expect((await batch(KEYS.home, '--retry-unknown')).code).toBe(0);
    expect(server.posts).toBe(2);
  });

  it('a row in doubt on another server is still a row of the manifest', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a cat\n');
    const batch = (server: VideosServer): Promise<RunResult> =>
      sora.run(['batch', 'shots.txt', '-y', '--base-url', server.url], {
        http: nodeHttp,
        env: { SORA_API_KEY: KEYS.work },
      });
    expect((await batch(await startVideosServer({ create: () => 'drop' }))).code).toBe(6);
    const elsewhere = await batch(await startVideosServer());
    expect(elsewhere).toMatchObject({ code: 0, stderr: expect.not.stringContaining('no longer match') });
  });

  const run = async (server: VideosServer, manifest: string, ...options: readonly string[]): Promise<RunResult[]> => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.yaml'), manifest);
    const argv = ['batch', 'shots.yaml', '-y', '--base-url', server.url, ...options];
    const runs: RunResult[] = [];
    for (const key of Object.values(KEYS))
      runs.push(await sora.run(argv, { http: nodeHttp, env: { SORA_API_KEY: key } }));
    return runs;
  };

  it('a row that failed is made again', async () => {
    const server = await startVideosServer({
      retrieve: (job) => ({ body: { ...job, status: 'failed', error: null } }),
    });
    await run(server, '- prompt: a cat\n');
    expect(server.posts).toBe(2);
  });

  it('a row starts from the video of another', async () => {
    let posts = 0;
    const server = await startVideosServer({
      create: (accept) => (posts++ === 1 ? { status: 400, body: { error: { message: 'not today' } } } : accept()),
    });
    const [first, second] = await run(server, '- id: cat\n  prompt: a cat\n- remix: cat\n  prompt: a dog\n');
    expect([first?.code, second?.code], second?.stderr).toEqual([6, 0]);
    expect(server.posts).toBe(3);
  });
});
