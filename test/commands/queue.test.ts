import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnsOf } from '../../src/output/clean-text.ts';
import { createCommandLine, Interrupt, type RunResult } from '../support/command-line.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { createTeam } from '../support/team.ts';

describe('a queue', () => {
  it('needs a shared ledger', async () => {
    for (const server of [['--simulate'], []]) {
      const refused = await createCommandLine().run(['worker', '--json', ...server]);
      expect(JSON.parse(refused.stderr).error).toMatchObject({
        code: 'usage',
        hints: [expect.stringContaining('SORA_LEDGER')],
      });
    }
  });
});

describe.skipIf(POSTGRES_BIN === undefined)(`a queue in PostgreSQL${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  const rowsOf = (count: number): object[] =>
    Array.from({ length: count }, (_, at) => ({ prompt: `scene ${at}`, output: `${at}.mp4` }));

  it('keeps a worker from starting when it cannot be opened', async () => {
    const team = await createTeam(postgres);
    postgres.psql(team.ledger, 'CREATE SCHEMA sora_queue; CREATE TABLE sora_queue.version ()'); // of something else
    const refused = await team.run(1, ['worker', '--drain']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: /) });
  });

  it('gives each row to one worker, which saves it where the manifest says', async () => {
    const team = await createTeam(postgres);
    await team.queue(rowsOf(6), '--detach');
    expect((await team.run(0, ['queue', '--json'])).json().queues).toMatchObject([{ waiting: 6, workers: [] }]);
    const workers = await Promise.all([1, 2].map((machine) => team.run(machine, ['worker', '--drain', '--json'])));
    const done = workers.map((worker) => Number(worker.json().done));
    expect(done.reduce((sum, count) => sum + count)).toBe(6);
    expect(team.server.posts).toBe(6);
    for (let at = 0; at < 6; at++) expect(existsSync(join(team.folder, `clips/${at}.mp4`))).toBe(true);
    expect((await team.run(0, ['queue', '--json'])).json().queues).toMatchObject([
      { waiting: 0, running: 0, failed: 0 },
    ]);
  });

  it('can be followed until all rows have ended, and queues nothing twice', async () => {
    const team = await createTeam(postgres);
    expect((await team.queue(rowsOf(2), '--detach')).stderr).toMatch(/^queued 2 rows in [\d.]+ s$/m);
    const again = await team.queue(rowsOf(3), '--detach');
    expect(again.stderr).toMatch(/^queued 1 row in [\d.]+ s; 2 rows were in the queue already$/m);
    let worker: Promise<RunResult> | undefined;
    const onOutput = (text: string): void => {
      if (text.includes('no worker takes these rows yet')) worker ??= team.run(1, ['worker', '--drain']);
    };
    const manifest = join(team.folder, 'shots.jsonl');
    const argv = ['batch', manifest, '-o', join(team.folder, 'clips'), '-y', '--queue'];
    const followed = await team.run(0, argv, { onOutput });
    await worker;
    expect(followed).toMatchObject({ code: 0, stderr: expect.stringContaining('3 rows: 3 done') });
    expect(team.server.posts).toBe(3);
  });

  it('keeps failed rows until someone retries them', async () => {
    let isRefusing = true;
    const team = await createTeam(postgres, {
      create: () => (isRefusing ? { status: 400, body: { error: { message: 'bad size' } } } : null),
    });
    await team.queue(rowsOf(1), '--detach');
    await team.run(1, ['worker', '--drain']);
    const { failed } = (await team.run(0, ['queue', 'failed', '--json'])).json() as { failed: { id: string }[] };
    expect(failed).toMatchObject([{ line: 1, outcome: 'failed', error: 'invalid request: HTTP 400: bad size' }]);
    for (const argv of [['queue'], ['queue', 'failed']]) {
      const { stdout } = await team.run(0, argv, { stdoutIsTerminal: true, columns: 50 });
      expect(stdout).toMatch(/failed/);
      expect(Math.max(...stripVTControlCharacters(stdout).split('\n').map(columnsOf))).toBeLessThanOrEqual(50);
    }
    isRefusing = false;
    await team.run(0, ['queue', 'retry', String(failed[0]?.id)]);
    await team.run(1, ['worker', '--drain']);
    expect(existsSync(join(team.folder, 'clips/0.mp4'))).toBe(true);
    expect((await team.run(0, ['queue', 'failed', '--json'])).json()).toEqual({
      failed: [],
      notes: ['there are no failed rows'],
    });
  });

  it.each([401, 403, 405])('continues after a single download is refused with HTTP %i', async (status) => {
    let downloads = 0;
    const team = await createTeam(postgres, {
      content: () => (downloads++ === 0 ? { status, body: { error: { message: 'not this file' } } } : null),
    });
    await team.queue(rowsOf(2), '--detach');
    const worker = await team.run(1, ['worker', '--drain', '--concurrency', '1', '--json']);
    expect(worker.json()).toMatchObject({ done: 1, failed: 1, put_back: 0 });
    await team.run(0, ['queue', 'retry', '--all']);
    await team.run(1, ['worker', '--drain']);
    expect((await team.run(0, ['queue', 'failed', '--json'])).json().failed).toEqual([]);
    expect(team.server.posts).toBe(2);
  });

  it('stores no key that a server repeats in the place of a file', async () => {
    const team = await createTeam(postgres, {
      content: () => ({ headers: { 'content-type': 'text/plain' }, body: 'no: key-of-the-lab, a2V5LW9mLXRoZS1sYWI=' }),
    });
    await team.queue(rowsOf(1), '--detach');
    await team.run(1, ['worker', '--drain', '--retries', '0']);
    const stored = postgres.psql(team.ledger, 'SELECT data, output FROM sora_queue.job');
    expect(stored).toContain('[redacted]');
    expect(stored).not.toMatch(/key-of-the-lab|a2V5LW9mLXRoZS1sYWI/);
    const shown = await team.run(0, ['queue', 'failed'], { env: { SORA_LEDGER: team.ledger } });
    expect(shown.stdout).toContain('not a media file: no: [redacted]');
  });

  it('ends a worker that cannot record the end of a row, and takes no more rows', async () => {
    const team = await createTeam(postgres);
    await team.queue(rowsOf(9), '--detach');
    postgres.psql(
      team.ledger,
      `CREATE SEQUENCE ends;
        CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN IF nextval('ends') = 1 THEN RAISE 'no'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER fail_once BEFORE UPDATE ON sora_queue.job FOR EACH ROW WHEN (NEW.state = 'completed')
          EXECUTE FUNCTION fail_once()`,
    );
    const worker = await team.run(1, ['worker', '--concurrency', '2']);
    const taken = team.server.posts;
    expect(worker).toMatchObject({ code: 1, stderr: expect.stringContaining('could not use the ledger') });
    expect((await team.run(0, ['queue', '--json'])).json().queues).toMatchObject([{ running: 0, workers: [] }]);
    expect(team.server.posts).toBe(taken);
    await team.run(2, ['worker', '--drain']);
    expect(team.server.posts).toBe(9);
  });

  it('retries no row when the start of an id is ambiguous', async () => {
    const team = await createTeam(postgres, {
      create: () => ({ status: 400, body: { error: { message: 'bad size' } } }),
    });
    await team.queue(rowsOf(17), '--detach'); // more than there are digits
    await team.run(1, ['worker', '--drain', '--concurrency', '17']);
    const failedIds = async (): Promise<string[]> => {
      const { failed } = (await team.run(0, ['queue', 'failed', '--json'])).json() as { failed: { id: string }[] };
      return failed.map(({ id }) => id);
    };
    const ids = await failedIds();
    const digit = ids.map(([first = '']) => first).find((first, at, all) => all.indexOf(first) !== at) ?? '';
    const refused = await team.run(0, ['queue', 'retry', digit, 'nope', '--json']);
    expect({ exit: refused.code, ...JSON.parse(refused.stderr).error }).toMatchObject({
      exit: 2,
      violations: [
        expect.stringMatching(`^\`${digit}\` is the beginning of \\d+ failed rows`),
        'no failed row is named `nope`',
      ],
    });
    expect(await failedIds()).toEqual(ids);
  });

  it('serves the metrics of a worker to callers with its key', async () => {
    const team = await createTeam(postgres);
    await team.queue(rowsOf(2), '--detach');
    const stop = new AbortController();
    let said = '';
    const replies: { status: number; text: string }[] = [];
    const ask = async (): Promise<void> => {
      const origin = /metrics: (\S+)\/metrics/.exec(said)?.[1];
      const bearer = { authorization: 'Bearer key-of-the-metrics' };
      for (const [path, headers] of [['healthz'], ['readyz'], ['metrics'], ['metrics', bearer]] as const) {
        const reply = await fetch(`${origin}/${path}`, headers && { headers });
        replies.push({ status: reply.status, text: await reply.text() });
      }
      stop.abort(new Interrupt('SIGTERM'));
    };
    const onOutput = (text: string): void => {
      said += text;
      if (text.includes('done') && said.match(/: done/g)?.length === 2) ask().catch((error) => stop.abort(error));
    };
    const env = {
      SORA_BASE_URL: team.server.url,
      SORA_API_KEY: 'key-of-the-lab',
      SORA_LEDGER: team.ledger,
      METRICS_KEY: 'key-of-the-metrics',
    };
    await team.run(1, ['worker', '--port', '0', '--api-key-env', 'METRICS_KEY'], {
      env,
      onOutput,
      interrupt: stop.signal,
    });
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 401, 200]);
    const metrics = replies[3]?.text ?? '';
    expect(metrics).toMatch(/^sora_submissions_total\{profile="\w+",outcome="accepted"\} 2$/m);
    expect(metrics).toMatch(/^sora_job_duration_seconds_count\{outcome="completed"\} 2$/m);
    expect(metrics).toMatch(/^sora_downloads_total\{outcome="completed"\} 2$/m);
    expect(metrics).toMatch(/^sora_queue_workers 1$/m);
    expect(metrics).toMatch(/^sora_ready 1$/m);
  });

  it('refuses invalid metrics options before a worker takes a row', async () => {
    const team = await createTeam(postgres);
    const open = await team.run(1, ['worker', '--port', '0', '--host', '0.0.0.0']);
    expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('--api-key-env NAME') });
    const portless = await team.run(1, ['worker', '--host', '0.0.0.0', '--api-key-env', 'METRICS_KEY']);
    expect(portless.stderr).toContain('`--host` needs `--port`');
    expect(portless.stderr).toContain('`--api-key-env` needs `--port`');
    const taken = await team.run(1, ['worker', '--port', String(new URL(team.server.url).port)]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('could not listen') });
  });

  it('takes back the rows of a stopped worker', async () => {
    const stop = new AbortController();
    let creates = 0;
    const team = await createTeam(postgres, {
      create: () => {
        creates += 1;
        if (creates === 2) stop.abort(new Interrupt('SIGTERM'));
        return null;
      },
      retrieve: (job) => ({ body: { ...job, status: 'in_progress' } }),
    });
    await team.queue(rowsOf(2), '--detach');
    const worker = await team.run(1, ['worker', '--json'], { interrupt: stop.signal });
    expect(worker.json()).toMatchObject({ done: 0, retried: 0, failed: 0, put_back: 2 });
    expect((await team.run(0, ['queue', '--json'])).json().queues).toMatchObject([{ waiting: 2, workers: [] }]);
    expect(team.server.posts).toBe(2);
  });

  it('hands out rows of a higher priority first', async () => {
    const prompts: string[] = [];
    const team = await createTeam(postgres, {
      create: (_accept, { body }) => {
        prompts.push(/scene [a-z]+/.exec(String(body))?.[0] ?? '');
        return null;
      },
    });
    await team.queue([{ prompt: 'scene low' }], '--detach', '--priority', 'low');
    await team.queue([{ prompt: 'scene high' }], '--detach', '--priority', 'high');
    await team.queue([{ prompt: 'scene usual' }], '--detach');
    await team.run(1, ['worker', '--drain', '--concurrency', '1']);
    expect(prompts).toEqual(['scene high', 'scene usual', 'scene low']);
  });
});
