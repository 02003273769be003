import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { SORA_2 } from '../support/set-up.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

const NOWHERE = `postgres://sora:s3cret-of-the-team@${'127.0.0.1'}:9/sora`;
const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

let machines = 0;

/** `sora` on a separate machine. */
function createMachine(host: string, server: VideosServer, ledger: string | undefined) {
  const sora: CommandLine = createCommandLine({ seed: ++machines });
  const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab', SORA_LEDGER: ledger };
  const run = (argv: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<RunResult> =>
    sora.run(argv, { http: nodeHttp, env: { ...env, ...more }, self: { host, boot: host } });
  const create = (prompt: string, more = {}): Promise<RunResult> =>
    run(['create', prompt, ...SORA_2, '--detach', '--json'], more);
  return { sora, run, create };
}

describe('an unreachable ledger', () => {
  it('prevents payment, and its password is never shown', async () => {
    const server = await startVideosServer();
    const { run, create } = createMachine('here', server, NOWHERE);
    const refused = await create('a boat');
    expect(errorOf(refused)).toMatchObject({ code: 'ledger_unreachable' });
    expect(server.posts).toBe(0);
    const runs = [
      refused,
      await run(['config', 'list']),
      await run(['doctor', '--debug']),
      await run(['list', '--local']),
    ];
    expect(runs.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toContain('s3cret');
  });

  it('stops a batch before its first row', async () => {
    const server = await startVideosServer();
    const { sora, run } = createMachine('here', server, NOWHERE);
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\na kite\n');
    expect(errorOf(await run(['batch', 'shots.txt', '-y', '--json']))).toMatchObject({ code: 'ledger_unreachable' });
    expect(server.posts).toBe(0);
  });

  it('is refused as a setting when it contains a password or is not a database', async () => {
    const server = await startVideosServer();
    const { run, create } = createMachine('here', server, 'https://example.com');
    expect(errorOf(await create('a boat'))).toMatchObject({ code: 'invalid_config' });
    for (const url of [NOWHERE, 'postgres://sora@127.0.0.1:9/sora?password=s3cret-of-the-team']) {
      const set = await run(['config', 'set', 'ledger', url, '--json']);
      expect(errorOf(set).code).toBe('invalid_config');
      expect(set.stderr).not.toContain('s3cret');
    }
  });
});

describe.skipIf(POSTGRES_BIN === undefined)(`a ledger in PostgreSQL${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  it('shares jobs between machines', async () => {
    const server = await startVideosServer();
    const url = postgres.createDatabase();
    const [one, two] = [createMachine('one', server, url), createMachine('two', server, url)];
    const first = await one.create('a boat');
    const second = await two.create('a boat');
    expect(second.json().id).toBe(first.json().id);
    expect(server.posts).toBe(1);
    expect(await two.run(['list', '--local'])).toMatchObject({
      stdout: expect.stringContaining(String(first.json().id)),
    });
    expect((await one.run(['doctor'])).stdout).toContain('PostgreSQL');
    expect((await one.run(['ledger', 'check'])).stdout).toBe('1 submission, no damage\n');
  });

  it('enforces the caps of the team and of each person across machines', async () => {
    const server = await startVideosServer();
    const url = postgres.createDatabase();
    const team = ['one', 'two', 'three'].map((host) => createMachine(host, server, url));
    for (const { run } of team) await run(['config', 'set', 'max_cost_per_day', '2.00']);
    for (const { run } of team) await run(['config', 'set', 'max_cost_per_day_per_user', '1.20']);
    const created = await Promise.all(
      team.flatMap(({ create }, at) =>
        Array.from({ length: 4 }, (_, take) =>
          create(`take ${take} of ${at}`, { SORA_USER: at === 0 ? 'ada' : 'bob' }),
        ),
      ),
    );
    const refused = created.filter(({ code }) => code !== 0);
    expect(refused.map((result) => errorOf(result).code)).toEqual(Array(7).fill('cost_cap_exceeded'));
    expect(server.posts).toBe(5);
    const spent = async (by: string) => (await team[0]?.run(['cost', '--spent', '--by', by, '--json']))?.json();
    const byUser = Object((await spent('user'))?.groups);
    expect(Object.fromEntries(byUser.map((group: { name: string; jobs: number }) => [group.name, group.jobs]))).toEqual(
      expect.objectContaining({ ada: expect.any(Number), bob: expect.any(Number) }),
    );
    for (const { jobs } of byUser) expect(jobs).toBeLessThanOrEqual(3);
    expect((await spent('machine'))?.total).toMatchObject({ jobs: 5, spent_usd: 2 });
  });

  it('holds team caps beside those of each machine', async () => {
    const server = await startVideosServer();
    const url = postgres.createDatabase();
    const [one, two] = [createMachine('one', server, url), createMachine('two', server, url)];
    await two.run(['config', 'set', 'max_cost_per_day', '1.00']);
    await one.run(['ledger', 'caps', 'max_cost_per_day=2', 'max_cost_per_day_per_user=1.60']);
    const results: [number, string | null][] = [];
    const create = async (machine: typeof one, user: string, options: readonly string[] = []): Promise<void> => {
      const argv = ['create', `take ${results.length}`, ...SORA_2, '--detach', '--json', ...options];
      const result = await machine.run(argv, { SORA_USER: user });
      results.push([result.code, result.code === 0 ? null : errorOf(result).message]);
    };
    for (const machine of [two, two, two]) await create(machine, 'bob'); // the machine has the lower cap
    for (const _ of [1, 2, 3]) await create(one, 'ada');
    expect(results.map(([code]) => code)).toEqual([0, 0, 7, 0, 0, 0]);
    await create(one, 'ada');
    await create(one, 'cy', ['--count', '2']);
    expect(results.slice(6)).toEqual([
      [7, expect.stringContaining('over the team’s cap of $2.00')],
      [7, expect.stringContaining('over the team’s cap of $2.00')],
    ]);
    await one.run(['ledger', 'caps', 'max_cost_per_day=none', 'profiles.other.max_cost_per_day=0']);
    await create(one, 'ada'); // 1.60 of 1.60
    await create(one, 'ada');
    expect(results.slice(8)).toEqual([
      [0, null],
      [7, expect.stringContaining('user ada')],
    ]);
    expect(server.posts).toBe(6);
    const caps = [
      { name: 'max_cost_per_day_per_user', usd: 1.6, spent_today_usd: 1.6 },
      { name: 'profiles.other.max_cost_per_day', usd: 0, spent_today_usd: 0 },
    ];
    const ada = { SORA_USER: 'ada' };
    expect((await two.run(['ledger', 'caps', '--json'], ada)).json()).toEqual({ caps });
    expect((await two.run(['cost', '--spent', '--json'], ada)).json().caps).toEqual(caps);
    expect((await two.run(['cost', '--spent'], ada)).stderr).toContain('max_cost_per_day_per_user: $1.60 of $1.60');
    expect((await one.run(['doctor'])).stdout).toContain('max_cost_per_day_per_user $1.60');
  });

  it('accepts only valid caps, and a file ledger accepts none', async () => {
    const server = await startVideosServer();
    const { run } = createMachine('one', server, postgres.createDatabase());
    const misnamed = ['__proto__', '\x1b[31m'].map((profile) => `profiles.${profile}.max_cost_per_day=5`);
    for (const cap of ['max_cost=5', 'max_cost_per_day', 'max_cost_per_day=much', ...misnamed]) {
      expect(errorOf(await run(['ledger', 'caps', cap, '--json']))).toMatchObject({ code: 'usage' });
    }
    const alone = createMachine('two', server, undefined);
    expect(errorOf(await alone.run(['ledger', 'caps', '--json']))).toMatchObject({
      code: 'usage',
      hints: expect.arrayContaining([expect.stringContaining('SORA_LEDGER')]),
    });
  });

  it('takes over the ledger of a machine, once', async () => {
    const server = await startVideosServer();
    const url = postgres.createDatabase();
    const { sora, run, create } = createMachine('one', server, undefined);
    const ids = [(await create('a boat')).json().id, (await create('a kite')).json().id];
    for (const _ of ids) {
      expect((await run(['ledger', 'copy', '--to', url, '--json'])).json()).toMatchObject({ submissions: 2 });
    }
    const moved = createMachine('two', server, url);
    const listed = (await moved.run(['list', '--local', '--json'])).json().jobs as { id: string }[];
    expect(listed.map(({ id }) => id).sort()).toEqual(ids.toSorted());
    expect((await moved.run(['cost', '--spent', '--json'])).json().total).toMatchObject({ jobs: 2, spent_usd: 0.8 });
    expect((await moved.run(['ledger', 'check'])).code).toBe(0);
    writeFileSync(join(sora.home, 'ledger.jsonl'), 'garbage\n', { flag: 'a' });
    expect(errorOf(await run(['ledger', 'copy', '--to', url, '--json'])).code).toBe('ledger_damaged');
  });

  it('is found through a service file, as psql finds it', async () => {
    const server = await startVideosServer();
    const folder = createTemporaryFolder();
    const { searchParams, pathname } = new URL(postgres.createDatabase());
    const service = `[other]\nhost=/nowhere\n[team]\nhost=${searchParams.get('host')}\ndbname=${pathname.slice(1)}\nuser=sora\n`;
    writeFileSync(join(folder, 'services'), service);
    const { create, run } = createMachine('one', server, 'postgres:///');
    const env = { PGSERVICE: 'team', PGSERVICEFILE: join(folder, 'services') };
    expect((await create('a boat', env)).code).toBe(0);
    expect((await run(['list', '--local', '--json'], env)).json().jobs).toHaveLength(1);
    expect(errorOf(await create('a boat', { ...env, PGSERVICE: 'nobody' })).code).toBe('invalid_config');
  });

  it('reports a damaged submission and a wrong sum, and corrects the sum', async () => {
    const server = await startVideosServer();
    const url = postgres.createDatabase();
    const { run, create } = createMachine('one', server, url);
    await create('a boat');
    postgres.psql(url, 'UPDATE sora.spent SET micros = 0');
    expect(errorOf(await run(['ledger', 'check', '--json']))).toMatchObject({ code: 'ledger_damaged' });
    expect((await run(['ledger', 'check', '--yes'])).code).toBe(0);
    expect((await run(['ledger', 'check'])).code).toBe(0);
    postgres.psql(url, "UPDATE sora.submission SET lines = replace(lines, 'a boat', 'a goat')");
    expect((await run(['ledger', 'check', '--json'])).json().damaged).toHaveLength(1);
    expect(errorOf(await create('a boat')).code).toBe('ledger_damaged');
    expect(server.posts).toBe(1);
  });
});
