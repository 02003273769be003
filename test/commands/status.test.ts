import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { createCommandLine } from '../support/command-line.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { setUp } from '../support/set-up.ts';

const SIMULATE = ['create', '--simulate', '--detach'];

describe('sora status', () => {
  it('finds a job by its id, by @last and by its submission, and needs no option for its server', async () => {
    const sora = createCommandLine();
    const created = (await sora.run([...SIMULATE, 'a paper boat', '--json'])).json<{
      id: string;
      submission: string;
    }>();
    for (const name of [created.id, '@last', created.submission]) {
      const { code, stdout } = await sora.run(['status', name, '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ id: created.id, status: 'queued', profile: 'simulator' });
    }
  });

  it('refuses another name with an @ than @last, without asking the server', async () => {
    const { code, stderr } = await createCommandLine().run(['status', '@lst', '--simulate']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('hint: write `@last`') });
  });

  it('prints a job with every documented key', async () => {
    const sora = createCommandLine();
    await sora.run([...SIMULATE, 'a paper boat']);
    const { stdout } = await sora.run(['status', '@last', '--json']);
    expect(sora.plain(stdout)).toMatchInlineSnapshot(`
      "{
        "id": "video_ID",
        "profile": "simulator",
        "status": "queued",
        "server_status": "queued",
        "progress": 0,
        "model": "sora-2",
        "prompt": "a paper boat",
        "seconds": 4,
        "size": "1280x720",
        "created_at": "2026-09-21T14:13:20.000Z",
        "completed_at": null,
        "expires_at": null,
        "remixed_from": null,
        "error": null,
        "cost": {
          "estimated_usd": 0.4,
          "actual_usd": null,
          "price_list": "openai-2026-03-12"
        },
        "files": [],
        "request_id": "req_ID",
        "submission": "sub_ID"
      }
      "
    `);
  });

  it('shows a finished job in a pipe and on a terminal', async () => {
    const sora = createCommandLine();
    await sora.run(['create', '--simulate', 'a paper boat', '-o', 'boat.mp4']);
    expect(sora.plain((await sora.run(['status', '@last'])).stdout)).toMatchInlineSnapshot(`
      "video_ID	completed	100%	sora-2	4s	1280x720	2026-09-21T14:13:20.000Z	a paper boat
      "
    `);
    const onTerminal = await sora.run(['status', '@last'], { stdoutIsTerminal: true, env: { NO_COLOR: '1' } });
    expect(sora.plain(onTerminal.stdout)).toMatchInlineSnapshot(`
      "id       video_ID
      status   completed
      prompt   a paper boat
      video    sora-2, 4 s, 1280x720
      created  2s ago, through simulator
      expires  in 59m
      cost     free (simulated; normally $0.40)
      file     /work/boat.mp4
      "
    `);
  });

  it('without an id refreshes and prints unfinished and recent jobs, newest first', async () => {
    const sora = createCommandLine();
    for (const prompt of ['one', 'two', 'three']) {
      await sora.run([...SIMULATE, prompt]);
      sora.clock.advance(1_000);
    }
    const { jobs } = (await sora.run(['status', '--json'])).json<{ jobs: { prompt: string; status: string }[] }>();
    expect(jobs.map(({ prompt, status }) => [prompt, status])).toEqual([
      ['three', 'in_progress'],
      ['two', 'in_progress'],
      ['one', 'completed'],
    ]);
  });

  it('makes at most 16 calls at a time', async () => {
    let [open, most] = [0, 0];
    const http: Http = async (request) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return nodeHttp(request);
    };
    const { create, runWith } = await setUp();
    for (let made = 0; made < 40; made++) await create(['--detach', '--again']);
    const { jobs } = (await runWith({ http }, 'status', '--json')).json<{ jobs: object[] }>();
    expect({ count: jobs.length, most }).toEqual({ count: 40, most: 16 });
    most = 0;
    expect((await runWith({ http }, 'status', '--watch', '--json')).code).toBe(0);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('notes that there are no videos', async () => {
    expect(await createCommandLine().run(['status'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'note: there are no videos yet; run `sora create` to create one\n',
    });
    expect((await createCommandLine().run(['status', '--json'])).json()).toMatchObject({ jobs: [] });
  });

  it.each([
    ['an unknown id', ['status', 'video_nope', '--simulate'], 'video_not_found'],
    ['@last in an empty ledger', ['status', '@last'], 'video_not_found'],
  ])('refuses %s', async (_, argv, error) => {
    const { code, stderr } = await createCommandLine().run([...argv, '--json']);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error });
  });

  it('shows what it finds, and reports the rest', async () => {
    const sora = createCommandLine();
    const id = (await sora.run([...SIMULATE, 'a paper boat'])).stdout.trim();
    const { code, stdout, stderr } = await sora.run(['status', 'video_nope', id, '--simulate']);
    expect(code).toBe(1);
    expect(stdout).toContain(id);
    expect(stderr).toContain('error: no such video');
  });

  it('shows the last known state when the server does not reply', async () => {
    const { sora, create, run } = await setUp({ retrieve: () => ({ status: 401, body: 'no' }) });
    await create(['--detach']);
    const { code, stdout, stderr } = await run('status');
    expect({ code, stdout: sora.plain(stdout) }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^video_1\tqueued\t/),
    });
    expect(stderr).toContain('note: video_1: could not refresh it');
  });

  it('omits refused submissions and deleted videos from the overview, but not cancelled ones', async () => {
    const sora = createCommandLine();
    await sora.run([...SIMULATE, 'refused', '--fault', 'invalid_value']);
    await sora.run([...SIMULATE, 'deleted']);
    sora.clock.advance(5_000);
    await sora.run(['delete', '@last', '--yes']);
    await sora.run([...SIMULATE, 'cancelled']);
    await sora.run(['cancel', '@last']);
    const { jobs } = (await sora.run(['status', '--json'])).json<{ jobs: object[] }>();
    expect(jobs).toMatchObject([{ prompt: 'cancelled', status: 'cancelled' }]);
  });
});

describe('sora status --watch', () => {
  it('waits for all unfinished jobs and records how they ended', async () => {
    const sora = createCommandLine();
    await sora.run([...SIMULATE, 'one']);
    await sora.run([...SIMULATE, 'two']);
    const { jobs } = (await sora.run(['status', '--watch', '--json'])).json<{ jobs: object[] }>();
    expect(jobs).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
    expect(readFileSync(join(sora.home, 'ledger.jsonl'), 'utf8').match(/"status":"completed"/g)).toHaveLength(2);
  });

  it('exits with 5 when a job failed, and shows it with the others', async () => {
    const sora = createCommandLine();
    await sora.run([...SIMULATE, 'good']);
    await sora.run([...SIMULATE, 'bad', '--fault', 'processing_error']);
    const { code, stdout, stderr } = await sora.run(['status', '--watch']);
    expect(code).toBe(5);
    expect(stdout.match(/completed|failed/g)?.sort()).toEqual(['completed', 'failed']);
    expect(sora.plain(stderr)).toContain(
      'error: the job failed\n  caused by: processing_error: The video could not be generated',
    );
  });

  it('exits with 8 when the time is up, and prints how to resume', async () => {
    const sora = createCommandLine();
    await sora.run([...SIMULATE, 'a paper boat', '--fault', 'stuck']);
    const { code, stderr } = await sora.run(['status', '@last', '--watch', '--timeout', '10s']);
    expect(code).toBe(8);
    expect(stderr).toMatch(/hint: run `sora status \w{6} --watch --simulate` to keep waiting/);
  });

  it.each<[string, ScriptedReply, number, string]>([
    [
      'a rejected key',
      { status: 401, body: { error: { code: 'invalid_api_key' } } },
      4,
      'hint: run `sora status video_1 --watch --base-url ',
    ],
    [
      'a job that the server no longer has',
      { status: 404, body: { error: { message: 'video not found' } } },
      1,
      'hint: add `--again` to `sora create` to create it again',
    ],
  ])('prints how to continue after %s', async (_, reply, exitCode, hint) => {
    const { code, stderr } = await (await setUp({ retrieve: () => reply })).create();
    expect(code).toBe(exitCode);
    expect(stderr).toContain(hint);
  });

  it('shortens a very long status', async () => {
    const words = ['x'.repeat(100_000), 'completed'];
    const { create } = await setUp({ retrieve: (job) => ({ body: { ...job, status: words.shift() } }) });
    expect((await create()).stderr.length).toBeLessThan(2_000);
  });

  it('warns once about an unknown status, and continues', async () => {
    const words = ['warming up', 'in_progress', 'warming up', 'completed'];
    const { create } = await setUp({ retrieve: (job) => ({ body: { ...job, status: words.shift() } }) });
    const { code, stderr } = await create();
    expect(code).toBe(0);
    expect(stderr.match(/note: the server's status `warming up` is unknown/g)).toHaveLength(1);
  });
});

describe('--timeout', () => {
  const COMMANDS = [
    ['status'],
    ['status', '@last'],
    ['status', '--watch'],
    ['cancel', '--all'],
    ['cancel', '@last'],
    ['download', '--all', '--wait'],
    ['download', '@last'],
    ['remix', '@last', 'at night'],
    ['extend', '@last'],
    ['delete', '@last'],
    ['list', '--all'],
  ].map((argv) => [argv.join(' '), argv] as const);

  /** A server that hangs once it has answered a create, or has lost its answer. */
  async function setUpHanging(create: ScriptedReply | null) {
    let hangs = false;
    const hang = (): ScriptedReply | null => {
      if (!hangs) return null;
      setImmediate(() => bench.sora.clock.advance(3_000));
      return 'hang';
    };
    const bench = await setUp({ create: () => create, retrieve: hang, list: hang });
    await bench.create(['--detach']);
    hangs = true;
    return bench;
  }

  it.each(COMMANDS)('bounds `sora %s` while the server hangs', async (_, argv) => {
    const { run, server } = await setUpHanging(null);
    const { code } = await run(...argv, '--timeout', '2s');
    expect({ code, calls: server.requests.length }).toEqual({ code: argv.length === 1 ? 0 : 8, calls: 2 });
  });

  it.each(COMMANDS)('bounds the search of `sora %s` for a lost job', async (_, argv) => {
    const { run, server } = await setUpHanging('drop');
    const calls = server.requests.length;
    await run(...argv, '--timeout', '2s');
    expect(server.requests.length - calls).toBe(1);
  });

  it.each([
    ['list', ['list']],
    ['models', ['models']],
    ['delete', ['delete', 'video_123456789012']],
    ['attach', ['attach', 'sub_', 'video_123456789012']],
    ['character show', ['character', 'show', 'char_123']],
    ['batch', ['batch', 'shots.jsonl', '-y']],
  ])('bounds every call of `sora %s`', async (command, argv) => {
    const { run, runWith, sora } = await setUp({ create: () => 'drop' });
    const { error } = JSON.parse((await run('create', 'a boat', '--detach', '--json')).stderr);
    writeFileSync(join(sora.cwd, 'shots.jsonl'), '{"remix":"video_123456789012","prompt":"at night"}');
    const http: Http = ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        setImmediate(() => sora.clock.advance(3_000));
      });
    const words = argv.map((word) => (word === 'sub_' ? error.submission : word));
    const result = await runWith({ http }, ...words, '--timeout', '2s');
    expect(result).toMatchObject({ code: 8, stderr: expect.stringContaining('a longer `--timeout`') });
    const wrong = await run(...words, '--timeout', 'soon');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining(`run \`sora ${command} --help\``) });
  });

  it.each([
    ['delete --yes', 'completed', 1],
    ['cancel', 'queued', 1],
    ['cancel --wait', 'queued', 2],
  ])('bounds the deletion of `sora %s`, which may have happened', async (command, status, hangsAt) => {
    let deletions = 0;
    const bench = await setUp({
      retrieve: (job) => ({ body: { ...job, status: bench.sora.clock.uptimeMs() > 0 ? 'completed' : status } }),
      remove: () => {
        if (++deletions < hangsAt) return { status: 409, body: { error: { message: 'still running' } } };
        setImmediate(() => bench.sora.clock.advance(3_000));
        return 'hang';
      },
    });
    await bench.create(['--detach']);
    const [name = '', ...options] = command.split(' ');
    const ended = await bench.run(name, '@last', ...options, '--timeout', '2s');
    expect({ ...ended, deletions }).toMatchObject({ code: 8, stdout: '', deletions: hangsAt });
  });
});

it('shows a job as cancelled that another process cancels meanwhile', async () => {
  const { sora, server, run, create } = await setUp({
    retrieve: () => {
      const ledger = join(sora.home, 'ledger.jsonl');
      const key = /"key":"(sub_\w+)"/.exec(readFileSync(ledger, 'utf8'))?.[1] ?? '';
      appendFileSync(ledger, `${encodeEvent({ event: 'removed', key, atMs: sora.clock.now() })}\n`);
      server.jobs.splice(0);
      return { status: 404, body: { error: { message: 'Video with id video_1 not found' } } };
    },
  });
  await create(['--detach']);
  expect((await run('status', 'video_1', '--json')).json()).toMatchObject({ status: 'cancelled' });
});
