import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BatchLab, createBatchLab, forever } from '../support/batch-lab.ts';
import { clipsIn, linesOf, resultsIn, summaryOf } from '../support/batch-studio.ts';
import { Interrupt, type RunOptions, type RunResult } from '../support/command-line.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

interface Lab extends Omit<BatchLab, 'batch' | 'made'> {
  /** `sora batch shots.txt --server-batch`. */
  run(argv?: readonly string[], options?: RunOptions): Promise<RunResult>;
  made(): Promise<{ readonly videos: number; readonly batches: number }>;
}

function setUp(prompts?: string): Lab {
  const lab = createBatchLab(prompts);
  return {
    ...lab,
    run: (argv = ['-y'], options = {}) => lab.batch(['--server-batch', ...argv], options),
    async made() {
      const { prompts: made, batches } = await lab.made();
      return { videos: made.length, batches };
    },
  };
}

const errorOf = ({ stderr }: RunResult): { code: string; hints: string[]; violations?: string[]; submission: string } =>
  JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error;

const isBatchCreate = ({ method, path }: { method: string; path: string }): boolean =>
  method === 'POST' && path === '/batches';

describe('sora batch --server-batch', () => {
  it('submits all rows as one batch, waits for it and saves the video of each row', async () => {
    const lab = setUp();
    const run = await lab.run(['-y', '--json']);
    expect(run.code).toBe(0);
    const rows = linesOf(run).slice(0, 3);
    expect(rows.toSorted((a, b) => Number(a.line) - Number(b.line))).toMatchObject([
      { line: 1, outcome: 'done', prompt: 'a boat', cost: { estimated_usd: 0.2 } },
      { line: 2, outcome: 'done', prompt: 'a cat' },
      { line: 3, outcome: 'done', prompt: 'a dog' },
    ]);
    expect(summaryOf(run)).toMatchObject({ rows: 3, done: 3, cost: { spent_usd: 0.6 } });
    expect(clipsIn(lab.sora)).toHaveLength(3);
    expect(resultsIn(lab.sora)).toHaveLength(3);
    expect(lab.calls.filter((call) => call.startsWith('POST'))).toEqual(['POST /files', 'POST /batches']);
    const again = await lab.run();
    expect(again.code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
    const spent = await lab.sora.run(['cost', '--spent', '--json']);
    expect(spent.json()).toMatchObject({ total: { jobs: 3, estimated_usd: 0.6 } });
  });

  it('sends the rows in the API’s format, at half the price', async () => {
    const lab = setUp('a boat\n');
    const dry = await lab.run(['--dry-run', '--json']);
    expect(dry.json()).toMatchObject({ summary: { cost: { to_spend_usd: 0.2 } } });
    expect(lab.calls).toEqual([]);
    await lab.run();
    const [upload = ''] = lab.uploads;
    expect(upload).toMatch(/name="purpose"\r\n\r\nbatch\r\n/);
    const line = JSON.parse(upload.split('\n').find((text) => text.startsWith('{')) ?? '');
    expect(line).toEqual({
      custom_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      method: 'POST',
      url: '/v1/videos',
      body: { model: 'sora-2', prompt: 'a boat', seconds: '4', size: '1280x720' },
    });
    expect(resultsIn(lab.sora)).toMatchObject([{ outcome: 'done', cost: { price_list: 'openai-2026-03-12, batch' } }]);
  });

  it('needs approval of the total price, and honours caps', async () => {
    const lab = setUp(Array.from({ length: 6 }, (_, at) => `shot ${at}\n`).join(''));
    for (const argv of [[], ['--max-cost', '1']]) {
      const refused = await lab.run([...argv, '--json']);
      expect({ code: refused.code, error: errorOf(refused).code }).toEqual({ code: 7, error: 'cost_cap_exceeded' });
    }
    expect(lab.calls).toEqual([]);
    expect((await lab.run(['--max-cost', '1.2'])).code).toBe(0);
  });

  it('records failed rows, and retries them in another batch on request', async () => {
    const lab = setUp('a boat\na cat\n');
    lab.interfere(({ method, path, answer }) => {
      if (method !== 'GET' || !/_output\/content$/.test(path)) return null;
      return answer().then(async (reply) => {
        const [first = '', second = ''] = (await reply.text()).split('\n');
        const { custom_id } = JSON.parse(first);
        const failure = {
          status_code: 400,
          body: { error: { message: 'rejected by our safety system', code: 'moderation_blocked' } },
        };
        return new Response([JSON.stringify({ custom_id, response: failure, error: null }), second].join('\n'));
      });
    });
    const run = await lab.run(['-y', '--json']);
    expect(run.code).toBe(6);
    expect(summaryOf(run)).toMatchObject({ done: 1, failed: 1 });
    lab.interfere(null);
    expect((await lab.run()).code).toBe(6);
    expect((await lab.made()).batches).toBe(1);
    expect((await lab.run(['-y', '--retry-failed'])).code).toBe(0);
    expect((await lab.made()).batches).toBe(2);
  });
});

describe('payment for a server-side batch', () => {
  const CALLS = ['POST /files', 'POST /batches', 'GET /batches/ID', 'GET /files/ID/content', 'GET /videos/ID/content'];

  it.each(CALLS.flatMap((call) => [[`before ${call}`, call, false] as const, [`after ${call}`, call, true] as const]))(
    'happens once when the process is killed %s',
    async (_, target, isAfter) => {
      const lab = setUp('a boat\na cat\n');
      const isTarget = ({ method, path }: { method: string; path: string }): boolean =>
        `${method} ${path.replace(/^\/(batches|files|videos)\/[^/]+/, '/$1/ID')}` === target;
      let kill = (): void => {};
      const killed = new Promise<void>((resolve) => {
        kill = resolve;
      });
      lab.interfere((call) => {
        if (!isTarget(call)) return null;
        return (isAfter ? call.answer() : Promise.resolve()).then(() => {
          kill();
          return forever();
        });
      });
      void lab.run();
      await killed;
      lab.interfere(null);
      const resumed = await lab.run(['-y', '--json']);
      // The list shows a batch that was created; if none was, only a person can know.
      const isInDoubt = target === 'POST /batches' && !isAfter;
      if (isInDoubt) {
        expect(errorOf(resumed)).toMatchObject({ code: 'outcome_unknown' });
        expect(await lab.made()).toEqual({ videos: 0, batches: 0 });
        expect(errorOf(await lab.run(['-y', '--json'])).hints.at(-1)).toContain('--retry-unknown');
        expect((await lab.run(['-y', '--retry-unknown'])).code).toBe(0);
      } else {
        expect(resumed.code).toBe(0);
      }
      expect(await lab.made()).toEqual({ videos: 2, batches: 1 });
      expect(clipsIn(lab.sora)).toHaveLength(2);
    },
  );

  it('happens once when the reply to its create is lost', async () => {
    const lab = setUp();
    lab.interfere((call) => {
      if (!isBatchCreate(call)) return null;
      return call.answer().then(() => {
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      });
    });
    expect((await lab.run()).code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  it('happens once when a complete list shows it only later', async () => {
    const lab = setUp();
    const profiles = { lab: { base_url: 'http://lab.example/v1', capabilities: { complete_list: 'yes' } } };
    mkdirSync(lab.sora.home);
    writeFileSync(join(lab.sora.home, 'settings.json'), JSON.stringify({ profiles }), { mode: 0o600 });
    const env = { SORA_PROFILE: 'lab', SORA_API_KEY: 'key-of-the-lab' };
    const isList = ({ method, path }: { method: string; path: string }): boolean =>
      method === 'GET' && path === '/batches';
    lab.interfere((call) => {
      if (isList(call)) return Promise.resolve(new Response('', { status: 500 }));
      if (!isBatchCreate(call)) return null;
      return call.answer().then(() => {
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      });
    });
    expect(errorOf(await lab.run(['-y', '--json'], { env })).code).toBe('outcome_unknown');
    let looks = 0;
    lab.interfere((call) =>
      isList(call) && looks++ === 0 ? Promise.resolve(Response.json({ data: [], has_more: false })) : null,
    );
    expect((await lab.run(['-y'], { env })).code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  it('is not given up by a run with --retry-unknown that began before it', async () => {
    const lab = setUp();
    let isMade = false;
    let second: RunResult | undefined;
    lab.interfere((call) => {
      if (call.path.startsWith('/files/'))
        return call.answer().then(async (reply) => new Response((await reply.text()).split('\n')[0]));
      if (!isBatchCreate(call) || isMade) return null;
      isMade = true;
      return call.answer().then(async (reply) => {
        second = await lab.run(['-y', '--json', '--retry-unknown']);
        return reply;
      });
    });
    await lab.run(['-y', '--json']);
    expect(second && errorOf(second).code).toBe('unreadable_response');
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  it('happens once when the wait is interrupted or times out', async () => {
    const lab = setUp();
    const stop = new AbortController();
    lab.interfere(({ method, path }) => {
      if (method === 'GET' && path.startsWith('/batches/')) stop.abort(new Interrupt('SIGINT'));
      return null;
    });
    const interrupted = await lab.run(['-y', '--json'], { interrupt: stop.signal });
    expect(interrupted.code).toBe(130);
    expect(errorOf(interrupted).hints).toEqual([
      expect.stringMatching(/^run `sora batch shots.txt .*--server-batch .*to resume/),
    ]);
    lab.interfere(null);
    expect((await lab.run(['-y', '--timeout', '1s'])).code).toBe(8);
    expect((await lab.run()).code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  it('has the whole timeout, even after the wait for an earlier one', async () => {
    const lab = setUp();
    await lab.run(['-y', '--timeout', '1s']);
    writeFileSync(join(lab.sora.cwd, 'shots.txt'), 'a boat\na cat\na dog\na fox\n');
    expect((await lab.run(['-y', '--timeout', '4s'])).code).toBe(0); // both take 5 s
    expect(await lab.made()).toEqual({ videos: 4, batches: 2 });
  });

  it('happens once when `sora batch` runs without the option meanwhile', async () => {
    const lab = setUp();
    await lab.run(['-y', '--timeout', '1s']);
    const dry = await lab.run(['--dry-run']);
    expect(dry.stderr).toMatch(
      /the server-side batch batch_\w+ is open: it may have created videos of rows that are to do/,
    );
    const plain = await lab.sora.run(['batch', 'shots.txt', '-m', 'sora-2', '-y', '--json', '-d', '4', '-r', '720p'], {
      env: { SORA_BASE_URL: 'http://lab.example/v1', SORA_API_KEY: 'key-of-the-lab' },
    });
    expect(errorOf(plain)).toMatchObject({
      code: 'duplicate_request',
      hints: [expect.stringContaining('--server-batch')],
    });
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  const firstLine = (lines: readonly string[]): string[] => lines.slice(0, 1);
  const firstTwice = ([first = '']: readonly string[]): string[] => [first, first, first];

  it.each([
    ['are missing', firstLine, true],
    ['are missing, on a server that does not count them', firstLine, false],
    ['are repeated in place of others', firstTwice, true],
  ])('happens once when results %s', async (_, mangle, counts) => {
    const lab = setUp();
    lab.interfere(({ method, path, answer }) => {
      if (method !== 'GET' || !/^\/(files|batches)\//.test(path)) return null;
      return answer().then(async (reply) => {
        if (path.endsWith('/content')) return new Response(mangle((await reply.text()).split('\n')).join('\n'));
        const { request_counts, ...batch } = Object(await reply.json());
        return Response.json(counts ? { ...batch, request_counts } : batch);
      });
    });
    // A run can abandon what was in doubt before it, not what it submits itself.
    for (const argv of [['--retry-unknown'], [], []]) {
      const run = await lab.run(['-y', '--json', ...argv]);
      expect(errorOf(run).code).toBe('unreadable_response');
    }
    lab.interfere(null);
    expect((await lab.run()).code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 1 });
  });

  it('records each result once when the batch gets another id while results are missing', async () => {
    const lab = setUp();
    let batch = {};
    let areMissing = true;
    lab.interfere(({ method, path, answer }) => {
      if (path === '/batches/another-id') return Promise.resolve(Response.json({ ...batch, id: 'another-id' }));
      if (method !== 'GET' || !/^\/(files|batches)\//.test(path)) return null;
      return answer().then(async (reply) => {
        if (path.endsWith('/content')) {
          const lines = (await reply.text()).split('\n');
          return new Response((areMissing ? firstLine(lines) : lines).join('\n'));
        }
        batch = Object(await reply.json());
        return Response.json(areMissing ? batch : { ...batch, id: 'another-id' });
      });
    });
    expect(errorOf(await lab.run(['-y', '--json'])).code).toBe('unreadable_response');
    areMissing = false;
    expect((await lab.ask(['status', '--json'])).stdout).toContain('another-id');
    expect((await lab.run()).code).toBe(0);
    const spent = await lab.sora.run(['cost', '--spent', '--json']);
    expect(spent.json()).toMatchObject({ total: { jobs: 3, estimated_usd: 0.6 } });
  });

  it('happens once when a result is an error, and the batch is resumed days later', async () => {
    const lab = setUp('a boat\n');
    const profiles = { lab: { base_url: 'http://lab.example/v1', capabilities: { complete_list: 'yes' } } };
    mkdirSync(lab.sora.home);
    writeFileSync(join(lab.sora.home, 'settings.json'), JSON.stringify({ profiles }), { mode: 0o600 });
    lab.interfere(({ path, query, answer }) => {
      if (path === '/videos' && query.has('limit') && !query.has('after')) {
        const newer = {
          id: 'video_newer',
          prompt: 'a cat',
          created_at: Math.floor(lab.sora.clock.now() / 1000) - 47 * 3_600,
        };
        return Promise.resolve(Response.json({ data: [newer], has_more: true, last_id: 'video_newer' }));
      }
      if (!path.startsWith('/files/')) return null;
      return answer().then(async (reply) => {
        const { custom_id } = JSON.parse(await reply.text());
        return Response.json({ custom_id, response: { status_code: 500, body: {} }, error: null });
      });
    });
    const env = { SORA_PROFILE: 'lab', SORA_API_KEY: 'key-of-the-lab' };
    await lab.run(['-y', '--timeout', '1s'], { env });
    lab.sora.clock.advance(48 * 3_600_000);
    await lab.run(['-y'], { env });
    await lab.run(['-y'], { env });
    lab.interfere(null);
    expect(await lab.made()).toEqual({ videos: 1, batches: 1 });
  });

  it('happens once when a result is an error and its row was removed: the row stays unknown', async () => {
    const lab = setUp('a boat\na cat\n');
    lab.interfere(({ path, answer }) => {
      if (!path.startsWith('/files/')) return null;
      return answer().then(async (reply) => {
        const [first = '', second = ''] = (await reply.text()).split('\n');
        const { custom_id } = JSON.parse(second);
        const lost = { custom_id, response: null, error: { code: 'internal', message: 'lost' } };
        return new Response([first, JSON.stringify(lost)].join('\n'));
      });
    });
    await lab.run(['-y', '--timeout', '1s']);
    writeFileSync(join(lab.sora.cwd, 'shots.txt'), 'a boat\n');
    expect((await lab.run()).code).toBe(0);
    expect((await lab.sora.run(['list', '--local', '--json'])).json()).toMatchObject({
      jobs: expect.arrayContaining([expect.objectContaining({ status: 'unknown' })]),
    });
  });

  it('happens again for a row that changed meanwhile, whose old video is kept', async () => {
    const lab = setUp('a boat\na cat\n');
    await lab.run(['-y', '--timeout', '1s']);
    writeFileSync(join(lab.sora.cwd, 'shots.txt'), 'a boat\na bird\n');
    expect((await lab.run()).code).toBe(0);
    expect(await lab.made()).toEqual({ videos: 3, batches: 2 });
    const listed = await lab.sora.run(['list', '--local', '--json']);
    expect(
      Object(listed.json())
        .jobs.map(({ prompt }: { prompt: string }) => prompt)
        .sort(),
    ).toEqual(['a bird', 'a boat', 'a cat']);
  });
});

describe('sora cancel batch_…', () => {
  const ROWS = '{"prompt":"a boat","duration":4}\n{"prompt":"a film","duration":12}\n';

  /** A batch of two rows, one of them finished if asked. */
  async function submitted(lab: Lab, isOneFinished = false): Promise<{ id: string; again(): Promise<RunResult> }> {
    writeFileSync(join(lab.sora.cwd, 'shots.jsonl'), ROWS);
    const argv = ['batch', 'shots.jsonl', '--server-batch', '-m', 'sora-2', '-r', '720p', '-y', '--json'];
    const { stderr } = await lab.ask([...argv, '--timeout', '1s']);
    const jobs = async (): Promise<{ status: string }[]> => Object((await lab.ask(['list', '--json'])).json()).jobs;
    while (isOneFinished && !(await jobs()).some(({ status }) => status === 'completed')) lab.sora.clock.advance(20);
    return {
      id: JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.job_id,
      again: () => lab.ask(argv),
    };
  }

  it('stops it, keeps the finished rows, and a later run pays for the others', async () => {
    const lab = setUp();
    const { id, again } = await submitted(lab, true);
    const cancelled = await lab.ask(['cancel', id, '--json']);
    expect(cancelled.json()).toMatchObject({ id, status: 'cancelled', outcome: 'aborted' });
    expect(lab.calls.filter((call) => call.startsWith('POST')).at(-1)).toBe(`POST /batches/${id}/cancel`);
    expect((await lab.ask(['status', id, '--json'])).json()).toMatchObject({ status: 'cancelled' });
    const saved = await again();
    expect({ code: saved.code, clips: clipsIn(lab.sora).length }).toEqual({ code: 6, clips: 1 });
    expect((await lab.made()).batches).toBe(1);
    expect((await lab.ask(['status', id, '--json'])).json()).toMatchObject({ status: 'cancelled' });
    expect((await again()).code).toBe(0);
    expect((await lab.made()).batches).toBe(2);
    expect(clipsIn(lab.sora)).toHaveLength(2);
  });

  it('can be replaced by `cancel --all --wait`', async () => {
    const lab = setUp();
    const { id } = await submitted(lab);
    const cancelled = await lab.ask(['cancel', '--all', '--wait', '--json']);
    expect(cancelled.json()).toMatchObject({ jobs: [{ id, outcome: 'aborted' }] });
  });

  it('reports that the server is still cancelling', async () => {
    const lab = setUp();
    const { id } = await submitted(lab);
    lab.interfere(({ method, path, answer }) => {
      if (method !== 'GET' || !path.startsWith('/batches/')) return null;
      return answer().then(async (reply) => Response.json({ ...Object(await reply.json()), status: 'cancelling' }));
    });
    const cancelled = await lab.ask(['cancel', id]);
    expect(cancelled).toMatchObject({ code: 0, stdout: `${id}\tcancelling\n` });
    expect(cancelled.stderr).toMatch(/run the `sora batch --server-batch` command of \S+shots.jsonl again to save/);
    const late = await lab.ask(['cancel', id, '--wait', '--timeout', '1m', '--json']);
    expect({ code: late.code, error: errorOf(late).code }).toEqual({ code: 8, error: 'wait_timeout' });
  });

  it('refuses an ended batch, a batch of another ledger, and a server without batches', async () => {
    const lab = setUp();
    const { id, again } = await submitted(lab);
    lab.interfere(({ path }) =>
      path.endsWith('/cancel')
        ? Promise.resolve(
            Response.json({ error: { message: 'Invalid URL (POST /v1/batches/x/cancel)' } }, { status: 404 }),
          )
        : null,
    );
    const kept = await lab.ask(['cancel', id, '--wait', '--json']);
    expect({ exit: kept.code, ...errorOf(kept) }).toMatchObject({ exit: 1, job_id: id });
    expect(errorOf(kept)).toMatchObject({ code: 'cannot_cancel', hints: [expect.stringContaining('shots.jsonl')] });
    lab.interfere(null);
    await again();
    for (const name of [id, id.slice(-8)]) {
      const ended = await lab.ask(['cancel', name, '--json']);
      expect({ code: ended.code, error: errorOf(ended).code }).toEqual({ code: 1, error: 'already_finished' });
    }
    const without = await lab.ask(['cancel', id, '--dialect', 'generations', '--json']);
    expect(errorOf(without).code).toBe('not_supported');
    const unknown = await lab.ask(['cancel', 'batch_1234567890', '--json']);
    expect(errorOf(unknown).code).toBe('video_not_found');
    expect(lab.calls.filter((call) => call.startsWith('DELETE'))).toEqual([]);
  });

  it('is the only way to change it: commands for videos refuse its id', async () => {
    const lab = setUp();
    const { id } = await submitted(lab);
    const calls = lab.calls.length;
    for (const argv of [['delete'], ['download'], ['open'], ['remix', 'x'], ['create', 'x', '--from']]) {
      const [command = '', ...rest] = argv;
      const named = command === 'remix' ? [command, id, ...rest] : [command, ...rest, id];
      const refused = await lab.ask([...named, '--json']);
      expect({ code: refused.code, error: errorOf(refused).code }).toEqual({ code: 2, error: 'usage' });
      expect(refused.stderr).toContain(`${id} is a server-side batch, not a video`);
    }
    expect(lab.calls).toHaveLength(calls);
    const watched = await lab.ask(['status', id, '--watch', '--json']);
    expect(watched.json()).toMatchObject({ id, status: 'completed' });
  });
});

describe('an impossible server-side batch', () => {
  it('is refused with all problems before anything is sent', async () => {
    const lab = setUp();
    const dialect = await lab.run(['-y', '--json', '--dialect', 'generations']);
    expect(errorOf(dialect).code).toBe('not_supported');
    writeFileSync(
      join(lab.sora.cwd, 'shots.jsonl'),
      '{"id":"a","prompt":"x"}\n{"prompt":"y","model":"sora-2-pro"}\n{"prompt":"z","extend":"a"}\n',
    );
    const env = { SORA_BASE_URL: 'http://lab.example/v1', SORA_API_KEY: 'key-of-the-lab' };
    const argv = ['batch', 'shots.jsonl', '--server-batch', '-m', 'sora-2', '-d', '4', '-r', '720p', '-y', '--json'];
    const { code, violations } = errorOf(await lab.sora.run(argv, { env }));
    expect({ code, violations }).toEqual({
      code: 'invalid_manifest',
      violations: [
        expect.stringContaining('line 2: a server-side batch has one model'),
        expect.stringContaining('line 3'),
      ],
    });
    expect((await lab.sora.run(['batch', '-', '--server-batch'], { env, stdin: 'x' })).code).toBe(2);
    writeFileSync(join(lab.sora.cwd, 'shots.txt'), ' \na\0b\n');
    const both = await lab.run(['-y', '--json', '--dialect', 'generations', '--rate', 'fast', '--queue']);
    expect({ code: both.code, problems: errorOf(both).violations }).toMatchObject({
      code: 2,
      problems: expect.arrayContaining([
        '`--rate fast` is not a rate, such as 30/m',
        'use `--queue` or `--server-batch`, not both',
        'the dialect `generations` has no server-side batches',
        expect.stringContaining('line 2: '),
      ]),
    });
    const rows = await lab.run(['-y', '--json', '--dialect', 'generations']);
    expect(errorOf(rows).violations?.slice(0, 1)).toEqual(['the dialect `generations` has no server-side batches']);
    expect(lab.calls).toEqual([]);
  });

  it('is reported before paying when the server has no batches', async () => {
    const lab = setUp();
    const message = 'Invalid URL (POST /v1/files)';
    lab.interfere(async () => Response.json({ error: { message } }, { status: 404 }));
    const refused = await lab.run(['-y', '--json']);
    expect(refused.code).not.toBe(0);
    expect(lab.calls).toEqual(['POST /files']);
    expect((await lab.sora.run(['cost', '--spent', '--json'])).json()).toMatchObject({ total: { jobs: 0 } });
  });

  it('fails with the server’s reasons when the file is refused, and can be retried', async () => {
    const lab = setUp('a boat\n');
    lab.interfere(({ method, path, answer }) => {
      if (method !== 'GET' || !path.startsWith('/batches/')) return null;
      return answer().then(async (reply) => {
        const errors = { data: [{ code: 'mismatched_model', message: 'the model is wrong', line: 1 }] };
        const batch = { ...Object(await reply.json()), status: 'failed', errors, output_file_id: null };
        return Response.json(batch);
      });
    });
    const failed = await lab.run(['-y', '--json']);
    expect(errorOf(failed)).toMatchObject({ code: 'job_failed' });
    expect(JSON.stringify(errorOf(failed))).toContain('line 1: the model is wrong');
    lab.interfere(null);
    expect((await lab.run()).code).toBe(0);
  });
});

describe('random histories of a server-side batch', () => {
  const LIVES = Number(process.env.SORA_BATCH_LIVES ?? 4);

  it.each(Array.from({ length: LIVES }, (_, seed) => seed + 1))('pay for no row twice, seed %i', async (seed) => {
    const draw = createSeededRandom(seed);
    const chance = (): number => (draw(1)[0] ?? 0) / 256;
    const lab = createBatchLab('a boat\na cat\na dog\n');
    lab.interfere(({ answer }) => {
      const luck = chance();
      if (luck < 0.08) return kill();
      if (luck < 0.16) return answer().then(kill);
      if (luck < 0.22) return answer().then(() => Promise.reject(reset()));
      if (luck < 0.28) return Promise.reject(reset());
      return null;
    });
    const runs: Promise<void>[] = [];
    for (let step = 0; step < 6; step++) {
      const argv = ['-y', '--timeout', chance() < 0.5 ? '1s' : '10m', ...(chance() < 0.7 ? ['--server-batch'] : [])];
      const run = untilKilled(() => lab.batch(argv));
      runs.push(run);
      // Some commands overlap with the next one.
      if (chance() < 0.6) await Promise.race([run, lab.sora.clock.sleep(chance() * 60_000)]);
    }
    await Promise.all(runs);
    lab.interfere(null);
    await lab.batch(['-y', '--server-batch']);
    const { prompts } = await lab.made();
    expect(prompts).toEqual([...new Set(prompts)]);
  });
});

function reset(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

/** Ends the wait for the running command. */
const end = new AsyncLocalStorage<() => void>();

/** A command that gets no more replies is as good as killed. */
function kill(): Promise<Response> {
  end.getStore()?.();
  return forever();
}

function untilKilled(run: () => Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    end.run(resolve, () => run().then(() => resolve(), reject));
  });
}
