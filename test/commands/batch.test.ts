import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { manifestPath } from '../../src/commands/batch/options.ts';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import {
  clipsIn,
  createStudio,
  failedReply,
  linesOf,
  promptOf,
  resultsIn,
  summaryOf,
} from '../support/batch-studio.ts';
import { createCommandLine, Interrupt, type RunResult } from '../support/command-line.ts';
import { SORA_2 } from '../support/set-up.ts';

const rows = (count: number): string => Array.from({ length: count }, (_, at) => `scene ${at}\n`).join('');

it('refuses a name of one file for several videos, unless it is a folder', async () => {
  const { sora, batch } = await createStudio();
  const refused = await batch(['-o', 'clips.mp4']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('`-o clips.mp4` names one file') });
  mkdirSync(join(sora.cwd, 'clips.mp4'));
  expect((await batch(['-o', 'clips.mp4'])).code).toBe(0);
});

describe('a batch', () => {
  it('completes every row, prints one line per row in a pipe, and sends nothing when it is run again', async () => {
    const { sora, server, batch } = await createStudio();
    const first = await batch();
    expect(sora.plain(first.stderr).replaceAll(server.url, 'URL')).toMatchInlineSnapshot(`
      "plan: 3 rows: 3 to do; cost: $1.20
      3 rows: 3 done; spent: $1.20
      "
    `);
    expect(first.stdout.trim().split('\n').sort()).toEqual([
      expect.stringMatching(/^line 1\tdone\tvideo_\d\t001-a-boat-\d\.mp4$/),
      expect.stringMatching(/^line 2\tdone\tvideo_\d\t002-a-cat-\d\.mp4$/),
      expect.stringMatching(/^line 3\tdone\tvideo_\d\t003-a-dog-\d\.mp4$/),
    ]);
    expect(clipsIn(sora)).toHaveLength(3);
    expect(resultsIn(sora).map(({ line, outcome }) => [line, outcome])).toEqual([
      [1, 'done'],
      [2, 'done'],
      [3, 'done'],
    ]);
    const calls = server.requests.length;
    const second = await batch();
    expect({ code: second.code, calls: server.requests.length - calls }).toEqual({ code: 0, calls: 0 });
    expect(second.stdout.trim().split('\n')).toHaveLength(3);
  });

  it('records what a server says without characters that change how the file looks', async () => {
    const error = { message: 'no \u202eboats\u009b2J\u{e0041}' };
    const { sora, batch } = await createStudio({ retrieve: (job) => ({ body: { ...job, status: 'failed', error } }) });
    expect((await batch()).code).toBe(6);
    const [name = ''] = readdirSync(sora.cwd).filter((name) => name.endsWith('.results.jsonl'));
    const text = readFileSync(join(sora.cwd, name), 'utf8');
    expect(text).not.toMatch(/\u202e|\u009b|\u{e0041}/u);
    expect(JSON.stringify(JSON.parse(text.split('\n')[0] ?? ''))).toContain(error.message);
  });

  it('prints one JSON document per row and then the summary with --json', async () => {
    const { server, batch } = await createStudio();
    const run = await batch(['--json']);
    expect(
      linesOf(run)
        .slice(0, 3)
        .map(({ outcome, status }) => [outcome, status]),
    ).toEqual(Array(3).fill(['done', 'completed']));
    expect(summaryOf(run)).toMatchObject({ rows: 3, done: 3, failed: 0, cost: { spent_usd: 1.2 } });
    expect({ stderr: run.stderr, code: run.code, posts: server.posts }).toEqual({ stderr: '', code: 0, posts: 3 });
  });

  it('shows the state of each row and the remaining cost with --dry-run, and sends nothing', async () => {
    const { server, batch, sora } = await createStudio();
    await batch();
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\na horse\na cat\n');
    const calls = server.requests.length;
    const run = await batch(['--dry-run', '-d', '4']);
    expect(run.stdout.split('\n').map((line) => line.split('\t').slice(0, 2).join(' '))).toEqual([
      'line 1 done',
      'line 2 to do',
      'line 3 done',
      '',
    ]);
    expect(run.stderr).toContain('plan: 3 rows: 1 to do, 2 done; cost: $0.40');
    expect(server.requests).toHaveLength(calls);
  });

  it('keeps no more unfinished jobs on the server than --concurrency allows', async () => {
    let [running, most] = [0, 0];
    const { batch } = await createStudio(
      {
        create(accept) {
          most = Math.max(most, ++running);
          return accept();
        },
        retrieve(job) {
          running--;
          return { body: job };
        },
      },
      rows(12),
    );
    expect((await batch(['--concurrency', '3'])).code).toBe(0);
    expect(most).toBe(3);
  });

  it('recognises a manifest through a link, and pays again only for changed rows', async () => {
    const { sora, server, batch } = await createStudio();
    await batch();
    symlinkSync('shots.txt', join(sora.cwd, 'link.txt'));
    await sora.run(['batch', 'link.txt', ...SORA_2, '--base-url', server.url, '-y'], { http: nodeHttp });
    expect(server.posts).toBe(3);
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a dog\na boat\n\na cat, asleep\n'); // moved, and one changed
    await batch();
    expect(server.posts).toBe(4);
  });

  it('reads rows from standard input', async () => {
    const { sora, server } = await createStudio();
    const run = (): Promise<RunResult> =>
      sora.run(['batch', '-', '--base-url', server.url], { http: nodeHttp, stdin: '{"id":"x","prompt":"a fox"}\n' });
    expect((await run()).stdout).toMatch(/^x\tdone\tvideo_1\t001-a-fox-/);
    expect((await run()).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it.skipIf(process.platform === 'win32')('writes no results beside /dev/stdin, whatever that is', () => {
    const paths = ['/dev/stdin', '/dev/fd/63', '/dev/shm/m.txt'].map((path) => manifestPath(path, '/'));
    expect(paths).toEqual([null, null, '/dev/shm/m.txt']);
  });

  it('shows rows of the simulator as free, before and after they are made', async () => {
    const sora = createCommandLine();
    const run = (...argv: string[]): Promise<RunResult> =>
      sora.run(['batch', '-', '--simulate', ...argv], { stdin: 'a fox\n' });
    expect((await run('--dry-run')).stdout).toMatch(/\tto do\t.*\tfree\ta fox\n/);
    expect((await run()).code).toBe(0);
    expect((await run('--dry-run')).stdout).toMatch(/\tdone\t.*\tfree\t/);
  });

  it('names standard input in errors, and limits its size', async () => {
    const sora = createCommandLine();
    const faulty = await sora.run(['batch', '-', '--simulate'], { stdin: '{"prompt":1}\n' });
    expect({ code: faulty.code, title: faulty.stderr.split('\n')[0] }).toEqual({
      code: 2,
      title: 'error: 1 error in standard input',
    });
    const endless = new PassThrough();
    Readable.from(endlessly('a prompt\n'.repeat(100_000))).pipe(endless);
    const { code, stderr } = await sora.run(['batch', '-', '--simulate'], { stdin: endless });
    expect({ code, stderr: sora.plain(stderr) }).toEqual({
      code: 2,
      stderr: expect.stringContaining('could not read standard input\n  caused by: it is larger than 64 MiB'),
    });
  });

  it('stops on Ctrl-C while it reads its rows', async () => {
    const { sora, server } = await createStudio();
    const interrupt = new AbortController();
    const stdin = new PassThrough().end('a fox\n');
    stdin.once('end', () => setImmediate(() => interrupt.abort(new Interrupt('SIGINT'))));
    const argv = ['batch', '-', '--base-url', server.url, '--dry-run'];
    expect(await sora.run(argv, { stdin, interrupt: interrupt.signal })).toMatchObject({ code: 130, stdout: '' });
  });

  it('downloads missing files again without paying', async () => {
    const { sora, server, batch } = await createStudio();
    await batch();
    rmSync(join(sora.cwd, clipsIn(sora)[0] ?? ''));
    expect((await batch()).code).toBe(0);
    expect({ clips: clipsIn(sora).length, posts: server.posts }).toEqual({ clips: 3, posts: 3 });
  });
});

describe('a failed row', () => {
  it('is retried up to --retries times after a server error, and never after moderation', async () => {
    const { server, batch } = await createStudio({
      retrieve: (job) => {
        if (job.prompt === 'a cat') return failedReply(job, 'moderation_blocked');
        return job.prompt === 'a dog' ? failedReply(job, 'processing_error') : null;
      },
    });
    const run = await batch(['--retries', '2', '--json']);
    const creates = server.requests.filter(({ method }) => method === 'POST').map(promptOf);
    expect(creates.sort()).toEqual(['a boat', 'a cat', 'a dog', 'a dog', 'a dog']);
    expect(run.code).toBe(6);
    expect(summaryOf(run)).toMatchObject({ done: 1, failed: 2, cost: { spent_usd: 2 } });
  });

  it('is the only row redone with --retry-failed', async () => {
    let isBroken = true;
    const { sora, server, batch } = await createStudio({
      retrieve: (job) => (isBroken && job.prompt === 'a cat' ? failedReply(job, 'processing_error') : null),
    });
    const first = await batch();
    expect(first.code).toBe(6);
    expect(first.stderr).toContain('add `--retry-failed` to the same command to retry what failed (1 row)');
    expect((await batch()).code).toBe(6);
    expect(server.posts).toBe(3);
    isBroken = false;
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\na cat\na dog\na new row\n');
    const plan = await batch(['--retry-failed', '--dry-run']);
    expect(plan.stderr).toContain('1 to do, 2 done, 1 failed; cost: $0.40');
    const redone = await batch(['--retry-failed', '--json']);
    expect(summaryOf(redone)).toMatchObject({ done: 3, failed: 0, to_do: 1 });
    expect(
      server.requests
        .filter(({ method }) => method === 'POST')
        .map(promptOf)
        .slice(3),
    ).toEqual(['a cat']);
  });

  it('stays failed when its video is no longer on the server, until --retry-failed', async () => {
    let isGone = false;
    const { sora, server, batch } = await createStudio({
      content: () => (isGone ? { status: 410, body: { error: { message: 'expired' } } } : null),
    });
    await batch();
    for (const name of clipsIn(sora)) rmSync(join(sora.cwd, name));
    isGone = true;
    expect(summaryOf(await batch(['--json']))).toMatchObject({ failed: 3 });
    isGone = false;
    expect((await batch()).code).toBe(6);
    expect(server.posts).toBe(3);
    expect((await batch(['--retry-failed'])).code).toBe(0);
    expect(server.posts).toBe(6);
  });

  it('stops rows that have not started with --fail-fast, and lets running ones finish', async () => {
    const { server, batch } = await createStudio(
      { create: (_, request) => (promptOf(request) === 'scene 1' ? { status: 400, body: 'no' } : null) },
      rows(20),
    );
    const run = await batch(['--fail-fast', '--concurrency', '2', '--json']);
    const { done, failed: failures, to_do: toDo } = summaryOf(run);
    expect({ failures, posts: server.posts, sum: Number(done) + Number(toDo) }).toEqual({
      failures: 1,
      posts: Number(done) + 1,
      sum: 19,
    });
    expect(toDo).toBeGreaterThan(10);
  });

  it('stops the batch when credits run out, and the next run does the rest', async () => {
    let isEmpty = true;
    const quota = { status: 429, body: { error: { code: 'insufficient_quota', message: 'no credits' } } };
    const { server, batch } = await createStudio(
      { create: (_, request) => (isEmpty && promptOf(request) === 'scene 3' ? quota : null) },
      rows(12),
    );
    const first = await batch(['--concurrency', '2']);
    expect(first.code).toBe(7);
    expect(first.stderr).toMatch(
      /hint: run `sora batch shots\.txt --base-url http:\S+ -y .*--concurrency 2` to resume/,
    );
    expect(server.posts).toBeLessThan(8);
    isEmpty = false;
    expect((await batch()).code).toBe(0);
    expect(server.jobs).toHaveLength(12);
  });
});

describe('a row whose creates are refused with a 429 until its time is over', () => {
  const busy = { status: 429, body: { error: { message: 'slow down' } } };

  it('has failed: no job of it is running', async () => {
    const { sora, server, batch } = await createStudio({
      create: () => {
        sora.clock.advance(3_000);
        return busy;
      },
    });
    const run = await batch(['--timeout', '2s', '--json']);
    expect(run.code).toBe(6);
    expect(summaryOf(run)).toMatchObject({ failed: 3, running: 0 });
    expect(linesOf(run)[0]).toMatchObject({ outcome: 'failed', error: { code: 'rate_limit_exceeded' } });
    expect(server.jobs).toHaveLength(0);
  });

  it('is not waited for longer than --timeout, nor are the rows behind it', async () => {
    const { sora, server, batch } = await createStudio({
      create: () => ({ ...busy, headers: { 'retry-after': '3600' } }),
    });
    const startMs = sora.clock.now();
    const run = await batch(['--timeout', '2s', '--concurrency', '1', '--json']);
    expect(run.code).toBe(6);
    expect(summaryOf(run)).toMatchObject({ failed: 1, running: 0, to_do: 2 });
    expect({ posts: server.posts, seconds: Math.round((sora.clock.now() - startMs) / 1000) }).toEqual({
      posts: 1,
      seconds: 6,
    });
  });

  it('is still to do if it was interrupted', async () => {
    const interrupt = new AbortController();
    const { batch } = await createStudio({
      create: () => {
        interrupt.abort(new Interrupt('SIGINT'));
        return busy;
      },
    });
    const run = await batch(['--json'], { interrupt: interrupt.signal });
    expect(run.code).toBe(130);
    expect(summaryOf(run)).toMatchObject({ failed: 0, running: 0, to_do: 3 });
  });
});

describe('a row whose create got no reply', () => {
  it('is looked for in the list, even if its time is over', async () => {
    const { sora, server, batch } = await createStudio(
      {
        create: (accept) => {
          accept();
          setImmediate(() => sora.clock.advance(20_000));
          return 'hang';
        },
      },
      'a boat\n',
    );
    const run = await batch(['--timeout', '12s', '--json']);
    expect(summaryOf(run)).toMatchObject({ done: 1, unknown: 0 });
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 0, posts: 1 });
  });

  it('is unknown, not failed, and is resent only with --retry-unknown', async () => {
    let isSilent = true;
    let isRunning = true;
    const { server, batch } = await createStudio({
      create: (_, request) => (isSilent && promptOf(request) === 'a cat' ? 'hang' : null),
      retrieve: (job) => (isRunning && job.prompt === 'a cat' ? { body: { ...job, status: 'in_progress' } } : null),
    });
    // Only this call: the others may take long on a busy machine.
    const http: Http = (request) =>
      nodeHttp(String(request.body).includes('a cat') ? { ...request, idleTimeoutMs: 100 } : request);
    const first = await batch(['--json'], { http });
    expect(first.code).toBe(6);
    expect(summaryOf(first)).toMatchObject({ done: 2, failed: 0, unknown: 1 });
    expect(linesOf(first).at(-1)?.notes).toEqual([expect.stringMatching(/^add `--retry-unknown`.*paid twice/)]);
    expect((await batch(['--retry-failed'])).code).toBe(6);
    expect(server.posts).toBe(3);
    isSilent = false;
    const resent = await batch(['--retry-unknown', '--timeout', '1m']);
    expect(resent.code).toBe(8);
    expect(resent.stderr).toMatch(/; run `sora batch shots\.txt (?!.*--retry-unknown).*` to resume/);
    isRunning = false;
    expect((await batch(['--retry-unknown'])).code).toBe(0);
    expect(server.posts).toBe(4);
  });
});

describe('the cost of a batch', () => {
  it('needs confirmation above the threshold, and is refused without a terminal', async () => {
    const { sora, server } = await createStudio();
    const argv = ['batch', 'shots.txt', ...SORA_2, '--base-url', server.url];
    const refused = await sora.run(argv, { http: nodeHttp });
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain('this would cost $1.20; above $1.00 it needs confirmation');
    const capped = await sora.run([...argv, '--max-cost', '1.19'], { http: nodeHttp });
    expect(capped.code).toBe(7);
    expect(server.requests).toHaveLength(0);
    expect((await sora.run([...argv, '--max-cost', '1.20'], { http: nodeHttp })).code).toBe(0);
  });

  const MIXED = '{"prompt":"a boat"}\n{"prompt":"a kite","model":"wan"}\n{"prompt":"a fox","model":"wan"}\n';

  it('with unknown prices needs confirmation, and cannot be capped', async () => {
    const { sora, server } = await createStudio();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), MIXED);
    const run = (...argv: readonly string[]) =>
      sora.run(['batch', 'shots.jsonl', ...SORA_2, '--base-url', server.url, ...argv], { http: nodeHttp });
    const asked = await run();
    expect(asked.code).toBe(7);
    expect(asked.stderr).toContain('confirmation is needed for $0.40, and 2 videos of unknown price');
    expect((await run('--max-cost', '100')).stderr).toContain('the price is unknown, so the cap of $100.00');
    expect(server.posts).toBe(0);

    const made = await run('--yes', '--json');
    expect(summaryOf(made)).toMatchObject({ done: 3, cost: { spent_usd: 0.4, jobs_of_unknown_price: 2 } });
    expect((await run('--yes')).stderr).toContain('spent: $0.40, and 2 videos of unknown price');
    writeFileSync(join(sora.cwd, 'shots.jsonl'), '{"prompt":"a fish"}\n');
    const capped = await run('--max-cost', '100');
    expect(capped.stderr).toContain(
      'the cap of $100.00 (--max-cost) cannot be enforced: the price of 2 earlier jobs is unknown',
    );
  });

  it('is unknown, never zero, when no price is known', async () => {
    const { sora, server, batch } = await createStudio();
    const run = await batch(['-m', 'wan', '--json']);
    expect(summaryOf(run)).toMatchObject({ cost: { spent_usd: null, to_spend_usd: 0, jobs_of_unknown_price: 3 } });
    const plan = await sora.run(['batch', 'shots.txt', '-m', 'ltx', '-n', '--json', '--base-url', server.url]);
    expect(plan.json()).toMatchObject({ summary: { cost: { to_spend_usd: null, rows_of_unknown_price: 3 } } });
  });

  it('counts only what the profile in use has spent', async () => {
    const { sora, server, batch } = await createStudio();
    await batch();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    const run = await sora.run(
      ['batch', 'shots.txt', '--profile', 'lab', ...SORA_2, '-d', '8', '--max-cost', '2.40', '--json'],
      {
        http: nodeHttp,
      },
    );
    expect({ code: run.code, summary: summaryOf(run) }).toMatchObject({
      code: 0,
      summary: { cost: { spent_usd: 2.4 } },
    });
  });

  it('includes the videos that a parameter of a row asks for', async () => {
    const { sora, server } = await createStudio();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), '{"prompt":"a boat","param":{"n":5}}\n');
    const run = await sora.run(['batch', 'shots.jsonl', ...SORA_2, '--base-url', server.url, '--max-cost', '1'], {
      http: nodeHttp,
    });
    expect(run.code).toBe(7);
    expect(run.stderr).toContain('this would cost $2.00, more than the cap of $1.00');
  });

  it('includes earlier runs and retries in the cap', async () => {
    const { sora, server, batch } = await createStudio({ retrieve: (job) => failedReply(job, 'processing_error') });
    const first = await batch(['--max-cost', '1.60', '--retries', '5', '--json']);
    expect(first.code).toBe(7);
    expect(summaryOf(first)).toMatchObject({ cost: { spent_usd: 1.6 } });
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a fox\n');
    const second = await batch(['--max-cost', '1.90']);
    expect(second.stderr).toContain('this would cost $0.40 on top of $1.60 already spent');
    expect(server.posts).toBe(4);
  });

  it('stays below the daily cap, which counts other commands too', async () => {
    const { sora, server, batch } = await createStudio({}, rows(10));
    await sora.run(['config', 'set', 'max_cost_per_day', '2']);
    await sora.run(['create', 'another', ...SORA_2, '--base-url', server.url, '--detach'], { http: nodeHttp });
    const run = await batch(['--json']);
    expect(run.code).toBe(7);
    expect(server.posts).toBe(5);
    expect(summaryOf(run)).toMatchObject({ done: 4, cost: { spent_usd: 1.6 } });
  });
});

describe('Ctrl-C', () => {
  it('leaves jobs running, starts no more, and prints a command to resume', async () => {
    const stop = new AbortController();
    const { sora, server, batch } = await createStudio(
      {
        retrieve(job) {
          if (stop.signal.aborted) return null;
          if (job.id === 'video_2') stop.abort(new Interrupt('SIGINT'));
          return { body: { ...job, status: 'in_progress' } };
        },
      },
      rows(9),
    );
    const argv = ['-d', '8', '-o', 'my clips'];
    const first = await batch(argv, { interrupt: stop.signal });
    expect(first.code).toBe(130);
    expect(server.posts).toBe(4);
    expect(first.stderr).toContain('interrupted; 4 jobs keep running on the server, 5 rows to do');
    expect(first.stderr).toMatch(/hint: run `sora batch shots\.txt --base-url \S+ -y .*-d 8 -o "my clips"` to resume/);
    expect((await batch(argv)).code).toBe(0);
    expect(server.posts).toBe(9);
    expect(readdirSync(join(sora.cwd, 'my clips'))).toHaveLength(9);
  });

  it('does not make resumed jobs wait for the rate', async () => {
    const stop = new AbortController();
    const { sora, batch } = await createStudio({
      retrieve(job) {
        if (stop.signal.aborted) return null;
        if (job.id === 'video_3') stop.abort(new Interrupt('SIGINT'));
        return { body: { ...job, status: 'in_progress' } };
      },
    });
    await batch([], { interrupt: stop.signal });
    const startMs = sora.clock.now();
    expect((await batch(['--rate', '1/h'])).code).toBe(0);
    expect(sora.clock.now() - startMs).toBeLessThan(60_000);
  });
});

function* endlessly(text: string): Generator<Buffer> {
  for (;;) yield Buffer.from(text);
}
