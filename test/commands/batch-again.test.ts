import { appendFileSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { clipsIn, createStudio, failedReply, linesOf, promptOf, summaryOf } from '../support/batch-studio.ts';
import { type CommandLine, Interrupt } from '../support/command-line.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { SORA_2, setUp } from '../support/set-up.ts';
import { clipReply } from '../support/videos-server.ts';

const NAMED = '{"prompt":"a boat","output":"boat.mp4"}\n';
const jsonl = ({ cwd }: CommandLine, text: string): void => writeFileSync(join(cwd, 'shots.jsonl'), text);

it('leaves a saved row done when its server reports the job as expired later', async () => {
  let isExpired = false;
  const retrieve = (job: object) => (isExpired ? { body: { ...job, status: 'expired' } } : null);
  const { sora, server, batch } = await createStudio({ retrieve }, 'a boat\n');
  await batch();
  isExpired = true;
  const env = { SORA_BASE_URL: server.url };
  await sora.run(['status', 'video_1'], { env, http: nodeHttp });
  expect(summaryOf(await batch(['--json', '--retry-failed']))).toMatchObject({ done: 1, failed: 0 });
  const both = ['--variant', 'video', '--variant', 'thumbnail'];
  for (const argv of [[], ['--retry-failed'], ['--retry-failed']])
    expect((await batch([...both, ...argv])).code).toBe(6);
  expect((await batch(both, { env: { SORA_API_KEY: 'sk-of-another-account' } })).code).toBe(6);
  const named = await sora.run(['download', 'video_1', '-o', 'x.mp4'], { env, http: nodeHttp });
  expect(named.stderr).toMatch(/; the video is saved as \S+\.mp4\n\nhint: use that file\n/);
  const same = ['create', 'a boat', ...SORA_2, '--reuse', '-o', 'copy.mp4'];
  expect(await sora.run(same, { env, http: nodeHttp })).toMatchObject({ code: 0, stdout: 'copy.mp4\n' });
  expect(server.posts).toBe(1);
});

it.runIf(process.platform === 'win32' || process.platform === 'darwin')(
  'finds its rows when the manifest is named in another case',
  async () => {
    const { server, batch } = await createStudio({}, 'a boat\n');
    await batch();
    expect((await batch(['shots.TXT'])).code).toBe(0);
    expect(server.posts).toBe(1);
  },
);

it('resumes the replacement of an expired job of which a thumbnail is left', async () => {
  let isOld = true;
  const { sora, batch } = await createStudio(
    {
      content: ({ path }) => (path.includes('thumbnail') ? { body: Buffer.from([0xff, 0xd8, 0xff, 0xd9]) } : null),
      retrieve: (job) => (isOld ? null : { body: { ...job, status: job.id === 'video_1' ? 'expired' : 'queued' } }),
    },
    'a boat\n',
  );
  const both = ['--variant', 'video', '--variant', 'thumbnail', '--timeout', '1m'];
  await batch(both);
  rmSync(join(sora.cwd, clipsIn(sora)[0] ?? ''));
  isOld = false;
  expect((await batch(both)).code).toBe(6);
  expect((await batch([...both, '--retry-failed'])).code).toBe(8);
  isOld = true;
  expect(await batch(both)).toMatchObject({ code: 0, stdout: expect.stringContaining('video_2') });
});

describe('a row with its own output', () => {
  it('is done in the next run when the file was saved but not recorded', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, NAMED);
    await batch(['shots.jsonl']);
    const ledger = join(sora.home, 'ledger.jsonl');
    const before = readFileSync(ledger, 'utf8')
      .split('\n')
      .filter((line) => !line.includes('"saved"'));
    writeFileSync(ledger, before.join('\n'));
    const run = await batch(['shots.jsonl']);
    expect({ code: run.code, posts: server.posts, clips: clipsIn(sora) }).toEqual({
      code: 0,
      posts: 1,
      clips: ['boat.mp4'],
    });
  });

  it('saves another variant beside the existing video', async () => {
    const { sora, server, batch } = await createStudio({
      content: ({ path }) => (path.includes('spritesheet') ? { body: Buffer.from([0xff, 0xd8, 0xff, 0xd9]) } : null),
    });
    jsonl(sora, NAMED);
    await batch(['shots.jsonl']);
    expect((await batch(['shots.jsonl', '--variant', 'video', '--variant', 'spritesheet'])).code).toBe(0);
    expect(readdirSync(sora.cwd)).toEqual(expect.arrayContaining(['boat.jpg', 'boat.mp4']));
    expect({ posts: server.posts, clips: clipsIn(sora) }).toEqual({ posts: 1, clips: ['boat.mp4'] });
  });

  it('creates the folder of its output, and pays nothing when it cannot', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, '{"prompt":"a boat","output":"day 1/boat.mp4"}\n');
    expect((await batch(['shots.jsonl'])).code).toBe(0);
    expect(readdirSync(join(sora.cwd, 'day 1'))).toEqual(['boat.mp4']);
    jsonl(sora, '{"prompt":"a cat","output":"shots.txt/cat.mp4"}\n"a fox"\n');
    expect((await batch(['shots.jsonl'])).code).toBe(1);
    expect(server.posts).toBe(1);
  });

  it('is an error of its line when no file can have the name', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, `{"prompt":"a","output":"a\\u0000.mp4"}\n{"prompt":"b","output":"${'b'.repeat(252)}.mp4"}\n`);
    const run = await batch(['shots.jsonl']);
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 2, posts: 0 });
    expect(run.stderr).toMatch(/line 1: .*null character.*\n.*line 2: .*too long/);
  });

  it('is refused before paying when another file has the name', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, NAMED);
    writeFileSync(join(sora.cwd, 'boat.mp4'), 'mine');
    const run = await batch(['shots.jsonl']);
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 2, posts: 0 });
  });
});

it('counts nothing for a create that never arrived', async () => {
  let isLost = true;
  const { sora, server, batch } = await createStudio({ create: () => (isLost ? 'drop' : null) }, 'a boat');
  await sora.run(['config', 'profile', 'add', 'lab', '--base-url', server.url]);
  const spent = async (): Promise<string> => (await batch(['--profile', 'lab'])).stderr.split('spent: ').at(-1) ?? '';
  expect(await spent()).toMatch(/^\$0\.40/);
  isLost = false;
  await sora.run(['config', 'set', 'profiles.lab.capabilities.complete_list', 'yes']);
  expect(await spent()).toBe('$0.40\n');
});

describe('--timeout', () => {
  it('leaves a slow job on the server and exits with 8; the next run saves it', async () => {
    let isSlow = true;
    const { server, batch } = await createStudio({
      retrieve: (job) => (isSlow && job.prompt === 'a cat' ? { body: { ...job, status: 'in_progress' } } : null),
    });
    const first = await batch(['--timeout', '1m', '--json']);
    expect(first.code).toBe(8);
    expect(summaryOf(first)).toMatchObject({ done: 2, running: 1, failed: 0 });
    isSlow = false;
    expect((await batch()).code).toBe(0);
    expect(server.posts).toBe(3);
  });

  it('does not call a row running that was not sent in time', async () => {
    const clock = createFakeClock();
    let isSlow = true;
    const alarm: FakeClock['alarm'] = (ms, ring) => {
      const cancel = clock.alarm(ms, ring);
      if (isSlow && ms === 77_000) clock.advance(ms); // the time that the ledger takes
      isSlow &&= ms !== 77_000;
      return cancel;
    };
    const { sora, server, run } = await setUp({}, { clock: { ...clock, alarm } });
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\n');
    const argv = ['batch', 'shots.txt', '-y', ...SORA_2, '--timeout', '77s'];
    const first = await run(...argv);
    expect({ code: first.code, posts: server.posts }).toEqual({ code: 8, posts: 0 });
    expect(first.stderr).toContain('1 row: 1 to do');
    expect(first.stderr).toMatch(/note: 1 row was not sent before the timeout; run `sora batch .+` to resume/);
    expect((await run(...argv)).code).toBe(0);
  });

  it('bounds the download too, which the next run resumes', async () => {
    let isStuck = true;
    const { sora, batch } = await createStudio(
      {
        content(request) {
          if (!isStuck) return clipReply(request);
          isStuck = false;
          setTimeout(() => sora.clock.advance(120_000), 50);
          return 'hang';
        },
      },
      'a boat',
    );
    const first = await batch(['--timeout', '1m', '--json']);
    expect({ code: first.code, ...summaryOf(first) }).toMatchObject({ code: 8, done: 0, running: 1, failed: 0 });
    expect((await batch()).code).toBe(0);
  });

  it('counts from the creation of the job, not from the start of the run', async () => {
    const seen = new Set<string>();
    const { batch } = await createStudio({
      retrieve(job) {
        if (seen.has(job.id)) return null;
        seen.add(job.id);
        return { body: { ...job, status: 'in_progress' } };
      },
    });
    const run = await batch(['--rate', '1/h', '--timeout', '10m', '--json']);
    expect({ code: run.code, ...summaryOf(run) }).toMatchObject({ code: 0, done: 3 });
  });
});

describe('a key that is rejected during a run', () => {
  it('stops the batch and leaves its jobs running', async () => {
    let isRejected = false;
    const { server, batch } = await createStudio(
      {
        retrieve(job) {
          isRejected ||= job.id === 'video_2';
          return isRejected ? { status: 401, body: { error: { message: 'no' } } } : null;
        },
      },
      'a boat\na cat\na dog\na fox\na horse\n',
    );
    const run = await batch(['--concurrency', '2', '--json']);
    expect({ code: run.code, ...summaryOf(run) }).toMatchObject({ code: 4, failed: 0, running: server.posts - 1 });
    expect(server.posts).toBeLessThan(5);
  });
});

describe('a changed row', () => {
  it('is mentioned in the plan, because its earlier job was paid for', async () => {
    const { sora, batch } = await createStudio();
    await batch();
    const changed = await batch(['-d', '8', '--dry-run', '--json']);
    expect(changed.json().notes).toEqual([expect.stringMatching(/^3 earlier jobs no longer match/)]);
    expect((await batch(['--dry-run', '--json'])).json().notes).toBeUndefined();
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\na cat, asleep\na dog\n');
    expect((await batch(['--dry-run'])).stderr).toContain('note: 1 earlier job no longer matches any row');
  });

  it('is not what a rehearsal on the simulator leaves', async () => {
    const { sora, batch } = await createStudio();
    expect((await sora.run(['batch', 'shots.txt', '--simulate'])).code).toBe(0);
    expect((await batch(['--dry-run', '--json'])).json().notes).toBeUndefined();
  });
});

describe('a job that the server no longer knows', () => {
  it('is looked up again in each run, and replaced only with --retry-failed', async () => {
    let isOtherAccount = false;
    const { server, batch } = await createStudio({
      retrieve: (job) => {
        if (isOtherAccount) return { status: 404, body: { error: { message: `Video with id '${job.id}' not found` } } };
        return job.prompt === 'a cat' ? { body: { ...job, status: 'in_progress' } } : null;
      },
    });
    expect((await batch(['--timeout', '1m'])).code).toBe(8);
    isOtherAccount = true;
    expect((await batch()).code).toBe(6);
    isOtherAccount = false;
    expect((await batch(['--timeout', '1m'])).code).toBe(8);
    isOtherAccount = true;
    expect((await batch(['--retry-failed'])).code).toBe(6);
    expect(server.posts).toBe(3);
    const plan = await batch(['--retry-failed', '--dry-run', '--json']);
    expect(plan.json().summary).toMatchObject({ failed: 1, cost: { to_spend_usd: 0.4 } });
  });
});

describe('--retry-failed', () => {
  it('retries rows that failed because the server was busy', async () => {
    let isBusy = true;
    const { batch } = await createStudio({
      create: (_, request) =>
        isBusy && promptOf(request) === 'a cat' ? { status: 429, body: { error: { message: 'busy' } } } : null,
    });
    const first = await batch(['--timeout', '5s']);
    expect(first.stderr).toContain('add `--retry-failed`');
    isBusy = false;
    const run = await batch(['--retry-failed', '--json']);
    expect({ code: run.code, ...summaryOf(run) }).toMatchObject({ code: 0, done: 3 });
  });

  it('resumes the replacement of a job that expired, and can replace that too', async () => {
    let state: 'well' | 'gone' | 'broken' = 'well';
    const stop = new AbortController();
    const { sora, server, batch } = await createStudio(
      {
        content: () => (state === 'gone' ? { status: 410, body: { error: { message: 'expired' } } } : null),
        retrieve(job) {
          if (state === 'broken') return failedReply(job, 'processing_error');
          if (state === 'well' || stop.signal.aborted || job.id === 'video_1') return null;
          stop.abort(new Interrupt('SIGINT'));
          return { body: { ...job, status: 'in_progress' } };
        },
      },
      'a boat\n',
    );
    await batch();
    for (const name of clipsIn(sora)) rmSync(join(sora.cwd, name));
    state = 'gone';
    const { stdout } = await batch();
    expect(stdout).toMatch(/the video’s files have expired; the video was saved as \S+\.mp4: HTTP 410/);
    await batch(['--retry-failed'], { interrupt: stop.signal });
    expect(server.posts).toBe(2);
    state = 'broken';
    const plan = await batch(['--dry-run', '--json']);
    expect(plan.json().summary).toMatchObject({ running: 1, failed: 0 });
    expect((await batch()).code).toBe(6);
    state = 'well';
    expect((await batch(['--retry-failed'])).code).toBe(0);
    expect(server.posts).toBe(3);
  });
});

it('a finished job is never paid for again when its file URL is refused', async () => {
  let isRefused = true;
  const { server, batch } = await createStudio(
    {
      content: () => ({ status: 404, body: { error: { message: 'Invalid URL' } } }),
      retrieve: (job) => ({ body: { ...job, url: `${files.origin}/${job.id}.mp4` } }),
    },
    'a boat\na cat\n',
  );
  const files = await startScriptedServer((request) => (isRefused ? { status: 403 } : clipReply(request)));
  const run = await batch();
  expect(run.code).not.toBe(0);
  await batch(['--retry-failed']);
  expect(server.posts).toBe(2);
  isRefused = false;
  expect(await batch(['--retry-failed'])).toMatchObject({ code: 0 });
  expect(server.posts).toBe(2);
});

describe('the results file', () => {
  it('must be a regular file; otherwise nothing is paid', async () => {
    const { batch, server } = await createStudio();
    const run = await batch(['--results', '/dev/full']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('it is a pipe or a device, not a file');
    expect(server.posts).toBe(0);
  });

  it('is an error before paying when it cannot be written', async () => {
    const { sora, server, batch } = await createStudio();
    symlinkSync(join('not', 'there'), join(sora.cwd, 'results.jsonl'));
    const run = await batch(['--results', 'results.jsonl']);
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 1, posts: 0 });
  });

  it('never overwrites a manifest that begins with a blank line', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, `\n${NAMED}`);
    const run = await batch(['shots.jsonl', '--results', 'shots.jsonl']);
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 2, posts: 0 });
    expect(readFileSync(join(sora.cwd, 'shots.jsonl'), 'utf8')).toBe(`\n${NAMED}`);
  });
});

describe('--sidecar', () => {
  it('writes one beside each video, like the setting', async () => {
    const { sora, batch } = await createStudio();
    await batch();
    await sora.run(['config', 'set', 'sidecar', 'yes']);
    writeFileSync(join(sora.cwd, 'shots.txt'), 'a boat\na horse\na cat\n');
    const run = await batch(['-o', 'others']);
    expect({ code: run.code, stderr: run.stderr }).toMatchObject({ code: 0 });
    const sidecars = [sora.cwd, join(sora.cwd, 'others')].map((folder) =>
      readdirSync(folder).filter((name) => name.endsWith('.mp4.json')),
    );
    expect(sidecars.map(({ length }) => length)).toEqual([2, 1]);
    expect(JSON.parse(readFileSync(join(sora.cwd, 'others', sidecars[1]?.[0] ?? ''), 'utf8'))).toMatchObject({
      request: { prompt: 'a horse' },
      files: [{ variant: 'video' }],
    });
  });

  it('is refused before paying when a file has its name', async () => {
    const { sora, server, batch } = await createStudio();
    jsonl(sora, NAMED);
    writeFileSync(join(sora.cwd, 'boat.mp4.json'), '{}');
    const run = await batch(['shots.jsonl', '--sidecar']);
    expect({ code: run.code, posts: server.posts }).toEqual({ code: 2, posts: 0 });
  });
});

describe('a cap below the amount already spent', () => {
  it('does not stop paid videos from being saved', async () => {
    const { sora, server, batch } = await createStudio();
    await batch();
    for (const name of clipsIn(sora)) rmSync(join(sora.cwd, name));
    const run = await batch(['--max-cost', '0.10']);
    expect({ code: run.code, posts: server.posts, clips: clipsIn(sora).length }).toEqual({
      code: 0,
      posts: 3,
      clips: 3,
    });
  });
});

describe('a job that `sora cancel` has ended while its row waits', () => {
  it('ends its row at once, although the server no longer knows it', async () => {
    const { sora, server, batch } = await createStudio(
      {
        retrieve(job) {
          const ledger = join(sora.home, 'ledger.jsonl');
          const key = /"key":"(sub_\w+)"/.exec(readFileSync(ledger, 'utf8'))?.[1] ?? '';
          appendFileSync(ledger, `${encodeEvent({ event: 'removed', key, atMs: sora.clock.now() })}\n`);
          server.jobs.splice(0);
          return { body: { ...job, status: 'in_progress' } };
        },
      },
      'a boat\n',
    );
    const before = sora.clock.now();
    const run = await batch(['--json']);
    expect(run.code).toBe(6);
    expect(linesOf(run)[0]).toMatchObject({ outcome: 'failed', error: { message: 'the job was cancelled' } });
    expect(sora.clock.now() - before).toBeLessThan(5_000);
  });
});
