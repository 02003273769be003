import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stepsTo } from '../../src/commands/create/extend-to.ts';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import type { VideosScript } from '../support/videos-server.ts';

const errorOf = ({ stderr }: RunResult): { code: string; message: string; violations?: string[]; hints: string[] } =>
  JSON.parse(stderr).error;

/** A server with a finished video of eight seconds. */
async function setUpSource(script: VideosScript = {}): Promise<Bench> {
  const bench = await setUp(script);
  expect((await bench.create(['-d', '8', '-o', 'source.mp4'])).code).toBe(0);
  return bench;
}

/** The seconds and the source of every extension that was sent. */
const extensions = ({ server }: Bench): string[] =>
  server.requests
    .filter(({ path }) => path.endsWith('/extensions'))
    .map(({ body }) => JSON.parse(body.toString()))
    .map(({ seconds, video }) => `${video.id} +${seconds}`);

describe('stepsTo', () => {
  const SORA_2 = [4, 8, 12, 16, 20];
  it.each<[from: number, to: number, choices: readonly number[] | null, longest: number, steps: number[]]>([
    [8, 60, SORA_2, 20, [20, 20, 12]],
    [8, 28, SORA_2, 20, [20]],
    [8, 12, SORA_2, 20, [4]],
    [8, 60, SORA_2, 12, [12, 12, 12, 12, 4]],
    [4.02, 60, SORA_2, 20, [20, 20, 16]],
    [8, 61, SORA_2, 20, [20, 20, 12]],
    [8, 29, SORA_2, 20, [20]],
    [5, 50, null, 20, [20, 20, 5]],
  ])('extends %s s to %s s, with %j up to %s s, by %j', (from, to, choices, longest, steps) => {
    expect(stepsTo(from, to, choices, longest)).toEqual(steps);
  });
});

describe('sora extend --to', () => {
  it('extends in steps, checks the total price first, and saves the last video', async () => {
    const bench = await setUpSource();
    const refused = await bench.run(
      'extend',
      'video_1',
      '--to',
      '60s',
      '-o',
      'long.mp4',
      '--max-cost',
      '5.19',
      '--json',
    );
    expect({ code: errorOf(refused).code, sent: extensions(bench) }).toEqual({ code: 'cost_cap_exceeded', sent: [] });
    const asked = await bench.run('extend', 'video_1', '--to', '60s', '-o', 'long.mp4');
    expect(asked.stderr).toContain('this would cost $5.20');
    const made = await bench.run('extend', 'video_1', '--to', '60s', '-o', 'long.mp4', '--max-cost', '5.20');
    expect({ code: made.code, stdout: made.stdout }).toEqual({ code: 0, stdout: 'long.mp4\n' });
    expect(extensions(bench)).toEqual(['video_1 +20', 'video_2 +20', 'video_3 +12']);
    expect(made.stderr).toContain('step 2 of 3: to 48 s');
  });

  it('shows its steps and the total price with --dry-run', async () => {
    const bench = await setUpSource();
    const calls = bench.server.requests.length;
    const dry = await bench.run('extend', 'video_1', 'on', '--to', '1m', '--dry-run', '--json');
    expect(dry.json()).toMatchObject({ steps: [20, 20, 12], cost: { estimated_usd: 5.2 }, source: 'video_1' });
    expect(dry.json().curl).toContain('"seconds":"20"');
    expect(bench.server.requests).toHaveLength(calls);
  });

  it.each<[broken: number, argv: string[], hint: string]>([
    [1, [], 'hint: run the same command again to resume'],
    [2, [], 'hint: run the same command again to resume'],
    [2, ['--again'], 'hint: run the same command without `--again` to resume'],
    [3, [], ''],
  ])(
    'resumes from the last finished step without paying twice, after step %i broke off: %j',
    async (broken, argv, hint) => {
      let isBroken = true;
      const bench = await setUpSource({
        retrieve: (job) =>
          isBroken && job.id === `video_${broken + 1}` ? { body: { ...job, status: 'in_progress' } } : null,
      });
      const extend = (...argv: string[]) =>
        bench.run('extend', 'video_1', '--to', '60s', '-o', 'long.mp4', '-y', '--timeout', '1s', ...argv);
      const first = await extend(...argv);
      expect(first.code).toBe(8);
      expect(first.stderr).toContain(hint);
      const { cost } = (await extend('--dry-run', '--json')).json() as { cost: { estimated_usd: number } };
      expect(cost.estimated_usd).toBe([0, 3.2, 1.2, 0][broken]);
      isBroken = false;
      const resumed = await extend('--timeout', '30m');
      expect({ code: resumed.code, stdout: resumed.stdout }).toEqual({ code: 0, stdout: 'long.mp4\n' });
      expect(extensions(bench)).toEqual(['video_1 +20', 'video_2 +20', 'video_3 +12']);
    },
  );

  it('does not repeat a step that another process has made since they were planned', async () => {
    const bench = await setUpSource();
    const argv = ['extend', 'video_1', '--to', '60s', '-y'] as const;
    let other: Promise<RunResult> | undefined;
    const http: Http = async (request) => {
      if (request.method === 'GET' && request.url.endsWith('/videos/video_2')) other ??= bench.run(...argv);
      await other;
      return nodeHttp(request);
    };
    expect((await bench.runWith({ http }, ...argv)).code).toBe(0);
    expect(extensions(bench)).toEqual(['video_1 +20', 'video_2 +20', 'video_3 +12', 'video_3 +12']);
  });

  it('resumes from the last step that the server still has', async () => {
    let isFull = true;
    const bench = await setUpSource({
      create: (_, { body }) =>
        isFull && body.includes('video_3') ? { status: 400, body: { error: { message: 'no' } } } : null,
    });
    const failed = await bench.run('extend', 'video_1', '--to', '60s', '-o', 'long.mp4', '-y', '--json');
    expect(errorOf(failed).hints.join('\n')).toMatch(/run `sora download .*` to save the 48 s made so far/);
    isFull = false;
    bench.server.jobs.pop();
    expect((await bench.run('extend', 'video_1', '--to', '60s', '-o', 'long.mp4', '-y')).code).toBe(0);
    expect(extensions(bench)).toEqual(['video_1 +20', 'video_2 +20', 'video_3 +12', 'video_2 +20', 'video_3 +12']);
  });

  it('asks for the earlier steps no longer than --timeout', async () => {
    let hangs = false;
    const bench = await setUpSource({
      create: (_, { body }) => (body.includes('video_3') ? { status: 400, body: { error: { message: 'no' } } } : null),
      retrieve() {
        if (!hangs) return null;
        setImmediate(() => bench.sora.clock.advance(3_000));
        return 'hang';
      },
    });
    const extend = (...argv: string[]) => bench.run('extend', 'video_1', '--to', '60s', '-y', ...argv);
    expect((await extend()).code).not.toBe(0);
    hangs = true;
    expect((await extend('--timeout', '2s')).code).toBe(8);
  });

  it('starts over with --again, and returns the saved video with --reuse', async () => {
    const bench = await setUpSource();
    const extend = (...argv: string[]) => bench.run('extend', 'video_1', '--to', '36', '-y', '--no-download', ...argv);
    expect((await extend()).stdout).toBe('video_3\n');
    expect((await extend('--reuse')).stdout).toBe('video_3\n');
    expect((await extend('--again')).stdout).toBe('video_5\n');
    expect(extensions(bench)).toEqual(['video_1 +20', 'video_2 +8', 'video_1 +20', 'video_4 +8']);
  });

  it('is refused as a whole above the daily cap', async () => {
    const bench = await setUpSource();
    await bench.run('config', 'set', 'max_cost_per_day', '5');
    const refused = await bench.run('extend', 'video_1', '--to', '60', '-y', '--json');
    expect({ code: errorOf(refused).code, sent: extensions(bench) }).toEqual({ code: 'cost_cap_exceeded', sent: [] });
  });

  it('extends a file with the simulator', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '-d', '8', '-o', 'boat.mp4', '--simulate']);
    const made = await sora.run(['extend', 'boat.mp4', 'on', '--to', '32s', '-o', 'long.mp4', '--simulate']);
    expect({ code: made.code, isSaved: existsSync(join(sora.cwd, 'long.mp4')) }).toEqual({ code: 0, isSaved: true });
  });

  it.each<[what: string, argv: string[], words: string]>([
    ['an invalid length', ['--to', 'long'], '`--to long` is not a length, such as 60s'],
    ['the present length', ['--to', '8'], 'the video already has 8 seconds'],
    ['more than the maximum length', ['--to', '121'], 'sora-2 extends a video to at most 120 seconds, not 121'],
    [
      'too many steps',
      ['--to', '60', '-d', '4'],
      'that takes 13 extensions of up to 4 seconds; sora-2 extends a video at most 6 times',
    ],
    ['an unreachable length with --exact', ['--to', '61', '--exact'], 'can be extended to 60 seconds, not 61'],
    ['several copies', ['--to', '60', '--count', '2'], '`--to` cannot be combined with `--count`'],
    ['--detach', ['--to', '60', '--detach'], '`--to` cannot be combined with `--detach`'],
  ])('refuses %s before anything is sent', async (_, argv, words) => {
    const bench = await setUpSource();
    const refused = await bench.run('extend', 'video_1', '-y', '--json', ...argv);
    expect(errorOf(refused).code).toBe('invalid_request');
    expect(errorOf(refused).violations?.join('\n')).toContain(words);
    expect(extensions(bench)).toEqual([]);
  });

  it('notes a different length that it reaches instead', async () => {
    const bench = await setUpSource();
    const dry = await bench.run('extend', 'video_1', '--to', '61', '--dry-run');
    expect(dry.stderr).toContain('60 seconds instead of 61');
  });
});
