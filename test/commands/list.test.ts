import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CommandLine, createCommandLine } from '../support/command-line.ts';
import { SORA_2, setUp } from '../support/set-up.ts';

interface Listed {
  readonly jobs: readonly { readonly id: string; readonly prompt: string; readonly status: string }[];
  readonly notes?: readonly string[];
}

/** Creates simulated jobs, one second apart. */
async function createJobs(sora: CommandLine, ...prompts: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const prompt of prompts) {
    ids.push((await sora.run(['create', prompt, '--simulate', '--detach'])).stdout.trim());
    sora.clock.advance(1_000);
  }
  return ids;
}

const prompts = ({ jobs }: Listed): string[] => jobs.map(({ prompt }) => prompt);

describe('a refusal by the server', () => {
  it('suggests options that the command has', async () => {
    const refusal = { status: 400, body: { error: { message: 'unknown query' } } };
    const { run } = await setUp({ create: () => refusal, list: () => refusal });
    expect((await run('list')).stderr).toContain('hint: add `--debug` to see the request and the response\n');
    expect((await run('list')).stderr).not.toContain('--dry-run');
    const created = (await run('create', 'a boat', '-y')).stderr;
    expect(created).toContain('hint: add `--dry-run` to see the request without sending it\n');
  });
});

describe('sora list', () => {
  it('prints the newest first, as tab-separated rows in a pipe and as a table on a terminal', async () => {
    const sora = createCommandLine();
    await createJobs(sora, 'one', 'two\tand a tab');
    const piped = await sora.run(['list', '--simulate']);
    expect(sora.plain(piped.stdout)).toMatchInlineSnapshot(`
      "video_ID	in_progress	35%	sora-2	4s	1280x720	2026-09-21T14:13:21.000Z	two and a tab
      video_ID	in_progress	88%	sora-2	4s	1280x720	2026-09-21T14:13:20.000Z	one
      "
    `);
    const shown = await sora.run(['list', '--simulate'], { stdoutIsTerminal: true, env: { NO_COLOR: '1' } });
    expect(shown.stdout).toMatchInlineSnapshot(`
      "ID      STATUS       DONE  AGE  PROMPT         MODEL   LENGTH  SIZE      COST
      664dae  in progress  35%   1s   two and a tab  sora-2  4s      1280x720  free
      2106a7  in progress  88%   2s   one            sora-2  4s      1280x720  free
      "
    `);
  });

  it('says on a terminal that there may be more, unless a number was asked for', async () => {
    const { run, runWith } = await setUp({
      list: () => ({
        body: {
          data: Array.from({ length: 20 }, (_, at) => ({ id: `video_${at}`, object: 'video', status: 'completed' })),
          has_more: false,
        },
      }),
    });
    expect((await run('list')).stderr).toBe('');
    expect((await runWith({ stdoutIsTerminal: true }, 'list')).stderr).toContain('`--all` lists all');
    expect((await runWith({ stdoutIsTerminal: true }, 'list', '-L', '10')).stderr).toBe('');
  });

  it('shows the source of derived videos where there is room', async () => {
    const { run, runWith } = await setUp();
    await run('create', 'a boat', ...SORA_2, '--no-download');
    await run('remix', 'video_1', 'at night', '--detach');
    const shown = (columns: number) => runWith({ stdoutIsTerminal: true, columns, env: { NO_COLOR: '1' } }, 'list');
    expect((await shown(100)).stdout).toMatchInlineSnapshot(`
      "ID       STATUS     DONE  AGE  PROMPT    MODEL   LENGTH  SIZE      COST   FROM
      video_2  queued           0s   at night                            $0.40  video_1
      video_1  completed        0s   a boat    sora-2  4s      1280x720  $0.40
      "
    `);
    expect((await shown(50)).stdout).not.toContain('FROM');
    const { jobs } = (await run('list', '--json')).json<{ jobs: { remixed_from: string | null }[] }>();
    expect(jobs.map(({ remixed_from }) => remixed_from)).toEqual(['video_1', null]);
  });

  it.each([
    [
      ['-L', '2'],
      ['three', 'two'],
    ],
    [['--limit', '1', '--local'], ['three']],
  ])('limits the number of jobs: %j', async (argv, expected) => {
    const sora = createCommandLine();
    await createJobs(sora, 'one', 'two', 'three');
    expect(prompts((await sora.run(['list', '--simulate', '--json', ...argv])).json<Listed>())).toEqual(expected);
  });

  it('merges the jobs of the server with the ledger', async () => {
    const { run, server } = await setUp();
    await run('create', 'known to both', ...SORA_2, '--detach');
    await run('create', 'forgotten by the server', '--detach');
    server.jobs.splice(1, 1, {
      id: 'elsewhere',
      status: 'completed',
      prompt: 'made elsewhere',
      created_at: 1_780_000_000,
    });
    const { jobs } = (await run('list', '--json')).json<Listed>();
    // Sorted by id: the server counts whole seconds, so the order of two jobs can vary.
    expect(jobs.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: 'elsewhere', prompt: 'made elsewhere', status: 'completed', submission: null },
      {
        id: 'video_1',
        prompt: 'known to both',
        submission: expect.stringMatching(/^sub_/),
        cost: { estimated_usd: 0.4 },
      },
      { id: 'video_2', prompt: 'forgotten by the server', status: 'queued' },
    ]);
  });

  it('shows a job once when a gateway lists it under another id', async () => {
    const wrap = (model: string): string =>
      `video_${Buffer.from(`litellm:custom_llm_provider:openai;model_id:${model};video_id:video_1`).toString('base64')}`;
    const { run } = await setUp({
      create: (accept) => {
        const { body } = accept() as { body: object };
        return { body: { ...body, id: wrap('sora-2') } };
      },
      list: () => ({ body: { data: [{ id: wrap(''), status: 'completed', prompt: 'a boat' }], has_more: false } }),
    });
    await run('create', 'a boat', '--detach');
    expect((await run('list', '--json')).json<Listed>().jobs).toEqual([
      expect.objectContaining({ id: wrap('sora-2'), status: 'completed' }),
    ]);
  });

  it('reads page after page, even without `has_more`', async () => {
    const all = Array.from({ length: 250 }, (_, at) => ({ id: `video_${at}`, status: 'queued', prompt: 'p' }));
    let calls = 0;
    const { run } = await setUp({
      list: () => ({ body: { object: 'list', data: all.slice(calls * 100, ++calls * 100) } }),
    });
    const { jobs } = (await run('list', '-L', '240', '--json')).json<Listed>();
    expect({ count: jobs.length, calls }).toEqual({ count: 240, calls: 3 });
  });

  it.each<[string, string[], RegExp]>([
    ['there is no key', [], /only the local ledger is shown: no API key/],
    [
      'the server has no list',
      ['--simulate', '--fault', 'invalid_url'],
      /only the local ledger is shown: the server has no such endpoint/,
    ],
  ])('shows the ledger, with a note, when %s', async (_, argv, note) => {
    const sora = createCommandLine();
    await createJobs(sora, 'one');
    const { code, stdout, stderr } = await sora.run(['list', ...argv]);
    expect({ code, prompts: stdout.trim().split('\t').at(-1) }).toEqual({ code: 0, prompts: 'one' });
    expect(stderr).toMatch(note);
  });

  describe('filters', () => {
    it.each<[string, string[], string[]]>([
      ['--search', ['--search', 'BOAT'], ['a boat', 'another Boat']],
      ['--model', ['--model', 'Sora-2-Pro'], ['a kite']],
      ['--since', ['--since', '90m'], ['a kite', 'a boat']],
      ['--status', ['--status', 'completed', '--status', 'failed'], ['another Boat']],
      ['--limit, after the filter', ['--search', 'boat', '-L', '1'], ['a boat']],
      ['--all', ['--all'], ['a kite', 'a boat', 'another Boat']],
      ['--batch without a match', ['--batch', 'shots.jsonl'], []],
    ])('apply on the server and in the ledger: %s', async (_, argv, expected) => {
      const sora = createCommandLine();
      const [first = ''] = await createJobs(sora, 'another Boat');
      sora.clock.advance(7_200_000);
      await sora.run(['status', first]);
      await createJobs(sora, 'a boat');
      await sora.run(['create', 'a kite', '-m', 'sora-2-pro', '--simulate', '--detach']);
      for (const source of ['--simulate', '--local'])
        expect(prompts((await sora.run(['list', source, '--json', ...argv])).json<Listed>())).toEqual(expected);
    });

    it('select a manifest', async () => {
      const sora = createCommandLine();
      await createJobs(sora, 'alone');
      writeFileSync(join(sora.cwd, 'shots.txt'), 'of the manifest\n');
      await sora.run(['batch', 'shots.txt', '--simulate']);
      for (const name of ['shots.txt', './shots.txt', join(sora.cwd, 'shots.txt')])
        expect(prompts((await sora.run(['ls', '--simulate', '--json', '--batch', name])).json<Listed>())).toEqual([
          'of the manifest',
        ]);
    });

    it('stop reading the server’s list at `--since`', async () => {
      const all = Array.from({ length: 250 }, (_, at) => ({
        id: `video_${at}`,
        status: 'queued',
        prompt: at % 2 ? 'odd' : 'even',
        created_at: 1_790_000_000 - at * 60,
      }));
      let calls = 0;
      const { run } = await setUp({
        list: () => ({ body: { object: 'list', data: all.slice(calls * 100, ++calls * 100) } }),
      });
      const { jobs } = (await run('list', '--since', '2h', '--search', 'odd', '--all', '--json')).json<Listed>();
      expect({ count: jobs.length, calls }).toEqual({ count: 60, calls: 2 });
    });

    it('are all refused together when they conflict or are invalid', async () => {
      const { code, stderr } = await createCommandLine().run(['list', '--all', '-L', '3', '--since', 'now']);
      expect(code).toBe(2);
      expect(stderr).toContain('--since now');
      expect(stderr).toContain('not both');
    });
  });

  it('shows jobs of all servers with --local, without a call', async () => {
    const { run, sora } = await setUp();
    await run('create', 'of the lab', '--detach');
    sora.clock.advance(1_000);
    await createJobs(sora, 'of the simulator');
    const { stdout } = await sora.run(['list', '--local', '--json']);
    expect(prompts(JSON.parse(stdout)).sort()).toEqual(['of the lab', 'of the simulator']);
  });

  it('skips refused submissions and deleted videos when it counts the limit', async () => {
    const sora = createCommandLine();
    await createJobs(sora, 'good');
    for (const prompt of ['bad', 'worse']) {
      await sora.run(['create', prompt, '--simulate', '--fault', 'invalid_value']);
    }
    const [id = ''] = await createJobs(sora, 'deleted');
    sora.clock.advance(5_000);
    await sora.run(['delete', id, '--yes']);
    const { stdout } = await sora.run(['list', '--local', '-L', '1', '--json']);
    expect(prompts(JSON.parse(stdout))).toEqual(['good']);
  });

  it('names an unreadable ledger line, and shows the rest', async () => {
    const { appendFileSync } = await import('node:fs');
    const sora = createCommandLine();
    await createJobs(sora, 'one');
    appendFileSync(`${sora.home}/ledger.jsonl`, '{"event":"intent","key":7}\n');
    await createJobs(sora, 'two');
    const { code, stdout, stderr } = await sora.run(['list', '--local']);
    expect({ code, rows: stdout.trim().split('\n').length }).toEqual({ code: 0, rows: 2 });
    expect(sora.plain(stderr)).toMatchInlineSnapshot(`
      "note: skipped unreadable parts of /home/ledger.jsonl: line 4: \`key\` is not a string; run \`sora ledger check\`
      "
    `);
  });

  it('reports any other error', async () => {
    const { code, stderr } = await createCommandLine().run(['list', '--simulate', '--fault', 'server_error', '--json']);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'server_error' });
  });
});
