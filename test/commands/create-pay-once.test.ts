import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InterruptName } from '../../src/platform/host.ts';
import { type CommandLine, Interrupt, type RunResult } from '../support/command-line.ts';
import type { ReceivedRequest, ScriptedReply } from '../support/scripted-server.ts';
import { setUp } from '../support/set-up.ts';
import { CLIP } from '../support/videos-server.ts';

const ledgerOf = ({ home }: CommandLine): Record<string, unknown>[] =>
  readFileSync(join(home, 'ledger.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Creates the job, but replies with something else. */
function instead(accept: () => ScriptedReply, reply: ScriptedReply): ScriptedReply {
  accept();
  return reply;
}

const errorCode = ({ stderr }: RunResult): string => JSON.parse(stderr).error.code;

describe('a create whose reply is lost', () => {
  type Create = (accept: () => ScriptedReply) => ScriptedReply | null;
  type Row = [name: string, create: Create];

  /** A reply that never comes times out at once. */
  async function setUpWith(create: Create) {
    const lab = await setUp({
      create: (accept) => {
        const reply = create(accept);
        if (reply === 'hang') lab.sora.clock.advance(120_000);
        return reply;
      },
    });
    return lab;
  }

  const nothingMade: Row[] = [
    ['a 500', () => ({ status: 500, body: { error: { message: 'oh' } } })],
    ['a 503', () => ({ status: 503, headers: { 'retry-after': '1' }, body: 'busy' })],
    ['a 409', () => ({ status: 409, body: { error: { message: 'in progress' } } })],
    ['a 200 with an HTML page', () => ({ body: '<html><title>Sign in</title></html>' })],
    ['a 200 without an id', () => ({ body: { status: 'queued' } })],
    ['a reset before the reply', () => 'drop'],
    ['a truncated reply', () => ({ headers: { 'content-length': '100' }, body: '{"id":', afterwards: 'drop' })],
    ['silence until the timeout', () => 'hang'],
  ];

  it.each(nothingMade)('is not sent again after %s, not even by a rerun, except with --again', async (_, create) => {
    let isFirst = true;
    const { server, create: run } = await setUpWith((accept) => {
      const reply = isFirst ? create(accept) : null;
      isFirst = false;
      return reply;
    });

    const first = await run(['--json']);
    expect({ code: first.code, error: errorCode(first), posts: server.posts }).toEqual({
      code: 1,
      error: 'outcome_unknown',
      posts: 1,
    });
    const rerun = await run(['--json']);
    expect({ code: rerun.code, error: errorCode(rerun), posts: server.posts }).toEqual({
      code: 1,
      error: 'outcome_unknown',
      posts: 1,
    });
    expect((await run(['--again'])).code).toBe(0);
    expect(server.posts).toBe(2);
  });

  const made: Row[] = [
    ['a 500', (accept) => instead(accept, { status: 500, body: 'oh' })],
    ['a reset', (accept) => instead(accept, 'drop')],
    ['silence', (accept) => instead(accept, 'hang')],
  ];

  it.each(made)('is found through the list after %s', async (_, create) => {
    const { sora, server, create: run } = await setUpWith(create);
    const { code, stdout } = await run();
    expect({ code, posts: server.posts }).toEqual({ code: 0, posts: 1 });
    expect(readFileSync(join(sora.cwd, stdout.trim()))).toEqual(CLIP);
  });

  it('is reported as unknown, with the commands to look for it', async () => {
    const { sora, create } = await setUp({ create: () => 'drop' });
    const { stderr } = await create();
    expect(sora.plain(stderr)).toMatchInlineSnapshot(`
      "cost: $0.40
      the response was lost; checking whether the video was created
      error: outcome unknown: the server may have created the video
        caused by: socket hang up

      hint: run \`sora status sub_ID\` to look for it on the server again
      hint: run \`sora attach sub_ID ID\` to continue with a job of the server that you know to be it
      hint: run \`sora forget sub_ID\` when you are sure that it does not exist; the request can then be submitted again
      "
    `);
  });

  it('is not sent again when a complete list shortens prompts, and is resolved by attach', async () => {
    const { server, run } = await setUp({
      create: (accept) => instead(accept, 'drop'),
      // Its reported time is so old that only the prompt suggests the lost job.
      list: () => ({
        body: { data: server.jobs.map((job) => ({ ...job, prompt: 'a pap…', created_at: 1 })), has_more: false },
      }),
    });
    await run('config', 'profile', 'add', 'lab', '--base-url', server.url);
    await run('config', 'set', 'profiles.lab.capabilities.complete_list', 'yes');
    const create = (): Promise<RunResult> => run('create', 'a paper boat', '--profile', 'lab', '-y', '--json');
    const lost = await create();
    const [, submission = ''] = /sora attach (sub_\w+) video_1/.exec(lost.stderr) ?? [];
    expect([errorCode(lost), errorCode(await create()), server.posts]).toEqual([
      'outcome_unknown',
      'outcome_unknown',
      1,
    ]);
    expect((await run('attach', submission, 'video_1')).code).toBe(0);
    expect({ code: (await create()).code, posts: server.posts }).toEqual({ code: 0, posts: 1 });
  });

  it('is found by `sora status` once it appears in the list', async () => {
    let isListed = false;
    const { run, create, server } = await setUp({
      create: (accept) => instead(accept, 'drop'),
      list: () => (isListed ? null : { body: { object: 'list', data: [] } }),
    });
    expect((await create()).code).toBe(1);
    isListed = true;
    const status = await run('status', '--json');
    expect(status.json()).toMatchObject({ jobs: [{ id: 'video_1', status: 'completed' }] });
    expect((await create(['--reuse'])).stdout).toMatch(/^a-paper-boat-/);
    expect(server.posts).toBe(1);
  });
});

describe('a refused create', () => {
  it('is sent again by a rerun, since nothing was created', async () => {
    let isFirst = true;
    const { create, server } = await setUp({
      create: () => {
        const reply = isFirst ? { status: 400, body: { error: { message: 'no' } } } : null;
        isFirst = false;
        return reply;
      },
    });
    expect((await create()).code).toBe(1);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(2);
  });
});

describe('the ledger', () => {
  it('records the intent before the POST, under the idempotency key of the POST', async () => {
    const seen: unknown[] = [];
    const bench = await setUp({
      create: (_, { headers }: ReceivedRequest) => {
        seen.push({ header: headers['idempotency-key'], events: ledgerOf(bench.sora) });
        return null;
      },
    });
    await bench.create();
    const [intent, sending] = ledgerOf(bench.sora);
    expect(seen).toEqual([{ header: intent?.key, events: [intent, sending] }]);
    expect(intent).toMatchObject({
      event: 'intent',
      estimatedMicros: 400_000,
      free: false,
      request: { prompt: 'a paper boat', seconds: 4 },
    });
    expect(ledgerOf(bench.sora).map(({ event }) => event)).toEqual(['intent', 'sending', 'accepted', 'seen', 'saved']);
  });

  it('prevents payment when its folder cannot be read', async () => {
    const { create, server, sora } = await setUp();
    const state = join(sora.cwd, 'a-file');
    writeFileSync(state, '');
    const { code, stderr } = await create([], { env: { SORA_HOME: undefined, XDG_STATE_HOME: state } });
    expect(code).toBe(2);
    expect(stderr).toContain('could not read the ledger');
    expect(server.posts).toBe(0);
  });

  it.skipIf(process.platform !== 'linux')('prevents payment when it cannot be written', async () => {
    const { create, server } = await setUp();
    // Nobody can create a file there, not even root.
    const { code, stderr } = await create(['--json'], { env: { SORA_HOME: undefined, XDG_STATE_HOME: '/sys' } });
    expect({ code, error: JSON.parse(stderr).error.code, posts: server.posts }).toEqual({
      code: 1,
      error: 'cannot_write',
      posts: 0,
    });
  });
});

describe('Ctrl-C', () => {
  const signals: [InterruptName, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGBREAK', 130],
  ];

  it.each(signals)('during the POST (%s) waits for the reply, and prints how to resume', async (name, exitCode) => {
    const interrupt = new AbortController();
    const { create, server, sora } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt(name));
        return null;
      },
    });
    const { code, stdout, stderr } = await create([], { interrupt: interrupt.signal });
    expect({ code, stdout, posts: server.posts }).toEqual({ code: exitCode, stdout: '', posts: 1 });
    expect(stderr).toContain(`hint: run \`sora status video_1 --watch --base-url ${server.url}\` to keep waiting`);
    if (name === 'SIGINT')
      expect(sora.plain(stderr)).toMatchInlineSnapshot(`
      "cost: $0.40
      finishing the submission so that its job is not lost; press Ctrl-C again to exit immediately
      video_1: queued
      error: interrupted; the job keeps running on the server

      hint: run \`sora status video_1 --watch --base-url http://127.0.0.1:PORT/v1\` to keep waiting
      hint: run \`sora download video_1 --wait --base-url http://127.0.0.1:PORT/v1\` to wait for the video and save it
      "
    `);

    const rerun = await create();
    expect({ code: rerun.code, posts: server.posts }).toEqual({ code: 0, posts: 1 });
    expect(rerun.stderr).toContain('note: the same request is already running as video_1');
  });

  it('during a POST whose reply is lost prints how to look for the job', async () => {
    const interrupt = new AbortController();
    const { create, server } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return 'drop';
      },
    });
    const { code, stderr } = await create([], { interrupt: interrupt.signal });
    expect({ code, posts: server.posts }).toEqual({ code: 130, posts: 1 });
    expect(stderr).toMatch(/hint: run `sora status sub_\w+` to look for it on the server/);
  });

  it('before the POST sends nothing', async () => {
    const { create, server } = await setUp();
    const { code, stderr } = await create([], { interrupt: AbortSignal.abort(new Interrupt('SIGINT')) });
    expect({ code, posts: server.posts }).toEqual({ code: 130, posts: 0 });
    expect(stderr).toContain('error: interrupted; nothing was submitted');
  });

  it('during the pause after a 429 stops the create', async () => {
    const interrupt = new AbortController();
    const { create, server } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return { status: 429, body: { error: { code: 'rate_limit_exceeded', message: 'slow down' } } };
      },
    });
    const { code } = await create([], { interrupt: interrupt.signal });
    expect({ code, posts: server.posts }).toEqual({ code: 130, posts: 1 });
  });

  it('between two copies keeps the first, and a rerun creates only the missing ones', async () => {
    const interrupt = new AbortController();
    const { create, server } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return null;
      },
    });
    const argv = ['--count', '3', '--detach', '--yes'];
    const first = await create(argv, { interrupt: interrupt.signal });
    expect({ code: first.code, stdout: first.stdout }).toEqual({ code: 130, stdout: 'video_1\n' });
    expect(first.stderr).toContain('error: interrupted; submitted 1 of 3');
    const rerun = await create(argv);
    expect(rerun).toMatchObject({ code: 0, stdout: 'video_1\nvideo_2\nvideo_3\n' });
    expect(server.posts).toBe(3);
  });
});

describe('the same request', () => {
  it('attaches to its unfinished job, with a note, whatever the order of options', async () => {
    const { create, server, sora } = await setUp();
    await create(['--detach', '-d', '8', '--param', 'seed=1', '--param', 'style=calm']);
    const again = await create(['--param', 'style=calm', '--param', 'seed=1', '-d', '8', '--detach']);
    expect(again).toMatchObject({ code: 0, stdout: 'video_1\n' });
    expect(sora.plain(again.stderr)).toMatchInlineSnapshot(`
      "note: the same request is already running as video_1; attaching to it at no further cost (\`--again\` submits another)
      note: run \`sora download video_1 --wait --base-url http://127.0.0.1:PORT/v1\` to wait for the video and save it
      "
    `);
    expect(server.posts).toBe(1);
  });

  const others: [string, string[]][] = [
    ['another length', ['-d', '8']],
    ['another model', ['-m', 'sora-2-pro']],
    ['another size', ['-a', '9:16']],
    ['another parameter', ['--param', 'seed=1']],
    ['another image', ['-i', 'https://example.com/a.png']],
    ['--again', ['--again']],
  ];

  it.each(others)('is a different request with %s', async (_, argv) => {
    const { create, server } = await setUp();
    await create(['--detach']);
    const { stdout } = await create(['--detach', '--yes', ...argv]);
    expect({ stdout, posts: server.posts }).toEqual({ stdout: 'video_2\n', posts: 2 });
  });

  it('is created again once its job has ended and been saved', async () => {
    const { create, server } = await setUp();
    await create();
    await create();
    expect(server.posts).toBe(2);
  });

  it.each([
    ['checked', ['status', '@last']],
    ['not checked', ['config', 'path']],
  ])('is not created again after Ctrl-C left its file unsaved, and its job was %s since', async (_, argv) => {
    const interrupt = new AbortController();
    const { create, run, server, sora } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return null;
      },
    });
    await create([], { interrupt: interrupt.signal });
    await run(...argv);
    const { stdout, stderr } = await create();
    expect(stderr).toMatch(
      /note: the same request (already finished|is already running) as video_1.*at no further cost/,
    );
    expect(readFileSync(join(sora.cwd, stdout.trim()))).toEqual(CLIP);
    expect(server.posts).toBe(1);

    await create();
    expect(server.posts).toBe(2); // the first video is saved by now
  });

  it.each([
    ['--detach', ['--detach'], []],
    ['--no-download', ['--no-download'], []],
    ['--detach, even with --no-download', ['--detach'], ['--no-download']],
  ])('is not created again while its finished job is unsaved because of %s', async (_, first, second) => {
    const { create, run, server } = await setUp();
    await create(first);
    await run('status', '@last', '--watch');
    const { stderr } = await create(second);
    expect(stderr).toMatch(/note: the same request already finished as video_1, and its video is not saved yet/);
    expect(server.posts).toBe(1);
    if (second.length === 0) {
      await create();
      expect(server.posts).toBe(2);
    }
  });

  it('is created again after it was written to standard output', async () => {
    const { create, run, server } = await setUp();
    await create(['-o', '-']);
    expect((await run('list', '--local', '--json')).stdout).toContain('"files": []');
    await create(['-o', '-']);
    expect(server.posts).toBe(2);
    expect((await run('download', '--all')).stderr).toContain('nothing to save');
  });

  it('is not created again when only its thumbnail was saved', async () => {
    let isLost = true;
    const { create, server } = await setUp({
      content: ({ path }) => (isLost && !path.includes('variant') ? { status: 403, body: 'oh' } : null),
    });
    const both = ['--variant', 'thumbnail', '--variant', 'video'];
    expect((await create(both)).code).not.toBe(0);
    isLost = false;
    expect((await create([])).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it('suggests `--again` when the finished video is gone from the server', async () => {
    const { create, server } = await setUp();
    await create(['--no-download']);
    server.jobs.length = 0;
    const { stderr } = await create();
    expect(server.posts).toBe(1);
    expect(stderr).toMatch(/hint: .*--again/);
  });

  it('is not created again when `expires_at` has passed locally: the server is asked for the file', async () => {
    const interrupt = new AbortController();
    let expiresAt = 0;
    const { create, run, server, sora } = await setUp({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return null;
      },
      retrieve: (job) => ({ body: { ...job, expires_at: expiresAt } }),
    });
    expiresAt = sora.clock.now() / 1000 + 60;
    await create([], { interrupt: interrupt.signal });
    await run('status', '@last');
    sora.clock.advance(3_600_000);
    expect(await create()).toMatchObject({ code: 0 });
    expect(server.posts).toBe(1);
    expect(readdirSync(sora.cwd)).toHaveLength(1);
  });

  it('is reported as a list with --count, even if only one was created', async () => {
    const refusal = { status: 400, body: { error: { message: 'no more' } } };
    const { create, server } = await setUp({ create: (accept) => (server.posts > 1 ? refusal : accept()) });
    const { code, stdout } = await create(['--count', '2', '--json']);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, jobs: [{ id: 'video_1' }] });
  });

  it.each([
    [[], [], ''],
    [['-o', 'a-{n}.mp4'], ['-o', 'b-{n}.mp4'], ' and another `-o`'],
  ])('is not recommended for all copies again when some of them are saved: %s', async (first, second, hint) => {
    const refusal = { status: 400, body: { error: { message: 'no more' } } };
    const { create, server } = await setUp({ create: (accept) => (server.posts === 3 ? refusal : accept()) });
    const { stderr } = await create(['--count', '5', '-y', ...first]);
    expect(stderr).toContain(`use \`--count 3\`${hint}: 2 of 5 are saved\n`);
    expect((await create(['--count', '3', '-y', ...second])).code).toBe(0);
    expect(server.posts).toBe(6);
  });

  it('is not recommended for all copies again when one is saved and another is still running', async () => {
    const retrieve = (job: { id: string }) =>
      job.id === 'video_2' ? { body: { ...job, status: 'in_progress', progress: 1 } } : null;
    const { create, server } = await setUp({ retrieve });
    const first = await create(['--count', '2', '--timeout', '2s']);
    expect(first.code).toBe(8);
    expect(first.stderr).toContain('hint: when you run it again, use `--count 1`: 1 of 2 are saved\n');
    await create(['--count', '1', '--timeout', '1s']);
    expect(server.posts).toBe(2);
  });

  it.each([
    ['refused', []],
    ['interrupted', ['--detach']],
  ])('is not recommended with --again for copies that are submitted, when the last one is %s', async (end, argv) => {
    const interrupt = new AbortController();
    const { create, server } = await setUp({
      create(accept) {
        if (server.posts === 2) interrupt.abort(new Interrupt('SIGINT'));
        return server.posts === 3 ? { status: 400, body: { error: { message: 'no more' } } } : accept();
      },
    });
    const signal = end === 'interrupted' ? { interrupt: interrupt.signal } : {};
    const { stderr } = await create(['--count', '3', '--again', '-y', ...argv], signal);
    expect(stderr).toContain('hint: run the same command without `--again` to resume\n');
    expect(stderr).not.toContain('the same command again');
  });

  it('attaches to it too when an editor has changed the line ends or the end of its prompt file', async () => {
    const { run, server, sora } = await setUp();
    for (const text of ['a boat\nat sea', 'a boat\r\nat sea\r\n\r\n', 'a boat\nat sea \n', '\n a boat\rat sea']) {
      writeFileSync(join(sora.cwd, 'prompt.txt'), text);
      expect((await run('create', '@prompt.txt', '--detach')).stdout).toBe('video_1\n');
    }
    expect(server.posts).toBe(1);
  });

  it('is resumed without another approval of its price, whatever the cap is now', async () => {
    const { create, server } = await setUp();
    const dear = ['-m', 'sora-2-pro', '-d', '12', '--detach'];
    expect((await create([...dear, '--count', '2', '-y'])).code).toBe(0);
    for (const argv of [[], ['--max-cost', '0.10'], ['--count', '2']])
      expect(await create([...dear, ...argv])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^video_1\n/) });
    expect((await create([...dear, '--count', '3', '--max-cost', '3.60'])).code).toBe(0);
    expect(server.posts).toBe(3);
    expect((await create([...dear, '--count', '4', '--max-cost', '3.50'])).code).toBe(7);
  });

  it('is created N times with --count, and no more by a rerun', async () => {
    const { create, server, sora } = await setUp();
    const argv = ['--count', '3', '-y'];
    expect((await create([...argv, '--detach'])).stdout).toBe('video_1\nvideo_2\nvideo_3\n');
    const { code, stdout } = await create(argv);
    expect({ code, posts: server.posts }).toEqual({ code: 0, posts: 3 });
    expect(stdout.trim().split('\n')).toEqual(readdirSync(sora.cwd).sort());
  });
});

describe('a finished video whose file has expired', () => {
  it('is paid for again only with --again, as the hint says', async () => {
    let isGone = true;
    const { create, server } = await setUp({
      content: () => (isGone ? { status: 410, body: { error: { message: 'gone' } } } : null),
    });
    for (let runs = 0; runs < 2; runs++) {
      const { code, stderr } = await create();
      expect({ code, posts: server.posts }).toEqual({ code: 5, posts: 1 });
      expect(stderr).toContain('hint: run `sora create --again` with the same request to create it again');
    }
    isGone = false;
    expect((await create(['--again'])).code).toBe(0);
    expect(server.posts).toBe(2);
  });
});

it('notes before paying that the same request is already saved', async () => {
  const { create, server } = await setUp();
  const { stdout } = await create();
  const { stderr } = await create();
  expect(stderr).toContain(`note: a video of the same request is saved as ${stdout.trim()}; \`--reuse\` returns it`);
  expect((await create(['--again'])).stderr).not.toContain('is saved as');
  expect(server.posts).toBe(3);
});

describe('--reuse', () => {
  it('returns the saved file of an identical request without a call', async () => {
    const { create, server } = await setUp();
    const { stdout } = await create();
    const calls = server.requests.length;
    expect(await create(['--reuse'])).toMatchObject({ code: 0, stdout });
    expect(server.requests.length).toBe(calls);
  });

  it('copies the file to the requested name or to standard output', async () => {
    const { create, server, sora } = await setUp();
    await create();
    expect(await create(['--reuse', '-o', 'copy.mp4'])).toMatchObject({ code: 0, stdout: 'copy.mp4\n' });
    expect(readFileSync(join(sora.cwd, 'copy.mp4'))).toEqual(CLIP);
    expect((await create(['--reuse', '-o', '-'])).stdout).toBe(CLIP.toString());
    expect(server.posts).toBe(1);
  });

  it('downloads the file again while the server has it', async () => {
    const { create, server, sora } = await setUp();
    const { stdout } = await create();
    rmSync(join(sora.cwd, stdout.trim()));
    expect(await create(['--reuse', '-o', 'new.mp4'])).toMatchObject({ code: 0, stdout: 'new.mp4\n' });
    expect(server.posts).toBe(1);
  });

  it('waits for a file that is not ready, and does not pay for another', async () => {
    let notReady = 0;
    const { create, server, sora } = await setUp({
      content: () => (notReady-- > 0 ? { status: 404, body: { error: { message: 'not ready' } } } : null),
    });
    const saved = join(sora.cwd, (await create()).stdout.trim());
    rmSync(saved);
    notReady = 3;
    expect((await create(['--reuse'])).code).toBe(0);
    rmSync(saved);
    notReady = Number.POSITIVE_INFINITY;
    const { code, stderr } = await create(['--reuse']);
    expect({ code, posts: server.posts }).toEqual({ code: 1, posts: 1 });
    expect(stderr).toContain('hint: run `sora download video_1');
  });

  it('stops at `--timeout` when the server never sends the file', async () => {
    let isHanging = false;
    const { create, server, sora } = await setUp({
      content: () => {
        if (isHanging) setImmediate(() => sora.clock.advance(3_000));
        return isHanging ? 'hang' : null;
      },
    });
    rmSync(join(sora.cwd, (await create()).stdout.trim()));
    isHanging = true;
    const { code, stderr } = await create(['--reuse', '--timeout', '2s', '--json']);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 8, error: 'wait_timeout' });
    expect(server.posts).toBe(1);
  });

  it('tolerates 404s from a replica that does not know the job', async () => {
    let misses = 0;
    const { create, server, sora } = await setUp({
      retrieve: () => (misses-- > 0 ? { status: 404, body: { error: { message: 'Video not found' } } } : null),
    });
    rmSync(join(sora.cwd, (await create()).stdout.trim()));
    misses = 3;
    expect((await create(['--reuse'])).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it('creates the video again when neither the disk nor the server has it', async () => {
    const { create, server, sora } = await setUp();
    const { stdout } = await create();
    rmSync(join(sora.cwd, stdout.trim()));
    server.jobs.length = 0;
    expect((await create(['--reuse'])).code).toBe(0);
    expect(server.posts).toBe(2);
  });

  it('cannot be combined with --count or --again', async () => {
    const { create, server } = await setUp();
    expect((await create(['--reuse', '--count', '2'])).code).toBe(2);
    expect((await create(['--reuse', '--again'])).code).toBe(2);
    expect(server.posts).toBe(0);
  });
});

describe('two keys at one server', () => {
  it('are two accounts, whose equal requests are two videos', async () => {
    const { create, server } = await setUp();
    const keys = ['sk-of-one-0123456789', 'sk-of-two-0123456789'];
    for (const key of keys) await create(['--detach'], { env: { SORA_API_KEY: key } });
    expect(server.posts).toBe(2);
    await create(['--detach'], { env: { SORA_API_KEY: String(keys[0]) } });
    expect(server.posts).toBe(2);
  });

  it('may be one account in an older ledger that records no accounts', async () => {
    const { create, server, sora } = await setUp();
    await create(['--detach']);
    const path = join(sora.home, 'ledger.jsonl');
    const old = ledgerOf(sora).map(({ account: _, crc: __, host: ___, ...event }) => JSON.stringify(event));
    writeFileSync(path, `${old.join('\n')}\n`);
    await create(['--detach'], { env: { SORA_API_KEY: 'sk-of-two-0123456789' } });
    expect(server.posts).toBe(1);
  });
});
