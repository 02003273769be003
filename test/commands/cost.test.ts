import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { IntentEvent, JobFacts, LedgerEvent } from '../../src/domain/record.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { accepted, intent } from '../store/ledger-events.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { startVideosServer } from '../support/videos-server.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TERMINAL = { stdoutIsTerminal: true, env: { NO_COLOR: '1' } };

const violations = ({ stderr }: RunResult): string[] => JSON.parse(stderr).error.violations;

async function withLab(prices: Readonly<Record<string, string>>): Promise<CommandLine> {
  const sora = createCommandLine();
  await sora.run(['config', 'set', 'profiles.lab.base_url', 'http://127.0.0.1:8000/v1']);
  for (const [model, usd] of Object.entries(prices)) {
    expect(await sora.run(['config', 'set', `profiles.lab.prices.${model}`, usd])).toMatchObject({ code: 0 });
  }
  return sora;
}

describe('sora cost without a request', () => {
  it('prints the current price list with dates and sources', async () => {
    const sora = createCommandLine();
    expect((await sora.run(['cost'], TERMINAL)).stdout).toMatchInlineSnapshot(`
      "MODEL       TIER   SIZES                 PRICE    SINCE       PRICE LIST
      sora-2      720p   1280x720, 720x1280    $0.10/s  2026-03-12  openai-2026-03-12
      sora-2-pro  720p   1280x720, 720x1280    $0.30/s  2026-03-12  openai-2026-03-12
      sora-2-pro  1024p  1792x1024, 1024x1792  $0.50/s  2026-03-12  openai-2026-03-12
      sora-2-pro  1080p  1920x1080, 1080x1920  $0.70/s  2026-03-12  openai-2026-03-12

      openai-2026-03-12: https://openai.com/api/pricing/
      "
    `);
    expect((await sora.run(['cost'])).stdout.split('\n')[0]).toBe(
      'sora-2\t720p\t1280x720, 720x1280\t0.10\t2026-03-12\topenai-2026-03-12\thttps://openai.com/api/pricing/',
    );
  });

  it('prints the price list of another day with --as-of', async () => {
    const sora = createCommandLine();
    const { as_of, prices } = (await sora.run(['cost', '--as-of', '2025-10-18', '--json'])).json<{
      as_of: string;
      prices: object[];
    }>();
    expect(as_of).toBe('2025-10-18');
    expect(prices).toHaveLength(3);
    expect(prices.at(-1)).toEqual({
      model: 'sora-2-pro',
      resolution: '1080p',
      sizes: ['1792x1024', '1024x1792', '1920x1080', '1080x1920'],
      usd_per_second: 0.5,
      since: '2025-10-06',
      price_list: 'openai-2025-10-06',
      source: 'https://openai.com/api/pricing/',
    });
  });

  it('notes that no prices are known before the first price list', async () => {
    const sora = createCommandLine();
    expect(await sora.run(['cost', '--as-of', '2025-10-05'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'note: no prices are known for 2025-10-05; the oldest price list is from 2025-10-06\n',
    });
  });

  it('shows a profile’s own prices with their origin', async () => {
    const sora = await withLab({ 'wan2.2': '0.05', 'wan2.2@1920x1080': '0.2', 'sora-2': '0.08' });
    expect((await sora.run(['cost', '--profile', 'lab'], TERMINAL)).stdout).toMatchInlineSnapshot(`
      "MODEL       TIER   SIZES                 PRICE    SINCE       PRICE LIST
      sora-2             all                   $0.08/s              profile lab
      sora-2-pro  720p   1280x720, 720x1280    $0.30/s  2026-03-12  openai-2026-03-12
      sora-2-pro  1024p  1792x1024, 1024x1792  $0.50/s  2026-03-12  openai-2026-03-12
      sora-2-pro  1080p  1920x1080, 1080x1920  $0.70/s  2026-03-12  openai-2026-03-12
      wan2.2             all                   $0.05/s              profile lab
      wan2.2             1920x1080             $0.20/s              profile lab

      profile lab: setting profiles.lab.prices
      openai-2026-03-12: https://openai.com/api/pricing/
      "
    `);
  });
});

describe('sora cost for a video', () => {
  it.each([
    ['10 s of sora-2 at 720p', ['-d', '10', '-r', '720p'], 1, 8, 0.8],
    ['10 s of sora-2-pro at 1080p', ['-d', '10', '-m', 'sora-2-pro', '-r', '1080p'], 5, 8, 4],
    ['5 s of sora-2', ['-d', '5'], 0.5, 4, 0.4],
  ])('uses the prices of 2025-10-18: %s', async (_, argv, usd, seconds, renderedUsd) => {
    const sora = createCommandLine();
    expect((await sora.run(['cost', ...argv, '--as-of', '2025-10-18', '--json'])).json()).toMatchObject({
      as_of: '2025-10-18',
      cost: { estimated_usd: usd, actual_usd: null, price_list: 'openai-2025-10-06' },
      rendered: { seconds, estimated_usd: renderedUsd },
    });
  });

  it.each([
    [[], 'the price of sora-2 depends on the size; add `--resolution`'],
    [['--as-of', '2025-10-05'], 'unknown for 2025-10-05; the oldest price list is from 2025-10-06'],
  ])('notes why a server of your own has no price: %j', async (argv, reason) => {
    const server = ['--base-url', 'http://127.0.0.1:9/v1'];
    const { stderr } = await createCommandLine().run(['cost', '-m', 'sora-2', '-d', '4', ...server, ...argv]);
    expect(stderr).toContain(reason);
  });

  it('shows the cost of the requested and of the rendered length', async () => {
    const sora = createCommandLine();
    const argv = ['cost', '-m', 'sora-2-pro', '-r', '1080p', '-d', '10', '--count', '3'];
    expect((await sora.run(argv, TERMINAL)).stdout).toMatchInlineSnapshot(`
      "video    3 times sora-2-pro, 10 s, 1920x1080
      price    $0.70 a second (openai-2026-03-12)
      cost     $21.00
      rendered 8 s for $16.80
      "
    `);
    expect(await sora.run(argv)).toMatchObject({
      stdout: 'sora-2-pro\t1920x1080\t10\t21.00\t8\t16.80\topenai-2026-03-12\n',
      stderr:
        'note: sora-2-pro renders 4, 8, 12, 16 or 20 seconds: using 8 instead of 10 (`--exact` refuses instead)\n',
    });
  });

  it('omits the rendered length when it equals the requested one', async () => {
    const sora = createCommandLine();
    expect((await sora.run(['cost', '-d', '8', '--json'])).json()).toEqual({
      as_of: '2026-09-21',
      model: 'sora-2',
      size: '1280x720',
      seconds: 8,
      count: 1,
      usd_per_second: 0.1,
      cost: { estimated_usd: 0.8, actual_usd: null, price_list: 'openai-2026-03-12' },
      rendered: null,
    });
  });

  it('is unknown, never zero, without a price, and explains how to set one', async () => {
    const sora = createCommandLine();
    const result = await sora.run(['cost', '-m', 'wan2.2', '-d', '5']);
    expect(result).toMatchObject({ code: 0, stdout: 'wan2.2\t\t5\tunknown\t\t\t\n' });
    expect(result.stderr).toContain('`sora config set profiles.openai.prices.wan2.2 USD`');
    const json = (await sora.run(['cost', '-m', 'wan2.2', '-d', '5', '--json'])).json();
    expect(json).toMatchObject({ usd_per_second: null, cost: { estimated_usd: null, price_list: null } });
  });

  it('is unknown when the server chooses the length', async () => {
    const sora = await withLab({ 'wan2.2': '0.05' });
    const { stdout, stderr } = await sora.run(['cost', '--profile', 'lab', '-m', 'wan2.2']);
    expect(stdout).toBe('wan2.2\t\t\tunknown\t\t\tprofile lab\n');
    expect(stderr).toContain('set it with `--duration`');
  });

  it('compares the video in every known model and size, cheapest first', async () => {
    const sora = createCommandLine();
    const argv = ['cost', '-m', 'sora-2-pro', '-d', '10', '--compare'];
    expect((await sora.run(argv, TERMINAL)).stdout).toMatchInlineSnapshot(`
      "MODEL       SIZE       LENGTH  COST   RENDERED  FOR    PRICE LIST
      sora-2      1280x720   10s     $1.00  8s        $0.80  openai-2026-03-12
      sora-2      720x1280   10s     $1.00  8s        $0.80  openai-2026-03-12
      sora-2-pro  1280x720   10s     $3.00  8s        $2.40  openai-2026-03-12  asked
      sora-2-pro  720x1280   10s     $3.00  8s        $2.40  openai-2026-03-12
      sora-2-pro  1792x1024  10s     $5.00  8s        $4.00  openai-2026-03-12
      sora-2-pro  1024x1792  10s     $5.00  8s        $4.00  openai-2026-03-12
      sora-2-pro  1920x1080  10s     $7.00  8s        $5.60  openai-2026-03-12
      sora-2-pro  1080x1920  10s     $7.00  8s        $5.60  openai-2026-03-12
      "
    `);
    const { videos } = (await sora.run([...argv, '--json'])).json<{ videos: { model: string; asked: boolean }[] }>();
    expect(videos.map(({ asked }) => asked)).toEqual([false, false, true, false, false, false, false, false]);
  });

  it('reports all problems together', async () => {
    const sora = createCommandLine();
    const argv = ['-d', 'long', '--size', '1x1', '--count', '0', '--as-of', '2026-02-30', '--by', 'day', '--json'];
    const result = await sora.run(['cost', ...argv]);
    expect(result.code).toBe(2);
    expect(violations(result)).toEqual([
      '`--by` needs `--spent`',
      '`--as-of 2026-02-30` is not a date, such as 2026-03-12',
      '`--count 0` is not a whole number from 1 to 1000000',
      'the duration `long` is not a positive number of seconds',
      'sora-2 does not render 1x1; its sizes are 1280x720 (720p) or 720x1280 (720p)',
    ]);
  });
});

describe('a profile’s own prices', () => {
  it('apply to create, caps, doctor and status', async () => {
    const sora = createCommandLine();
    const server = await startVideosServer();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    await sora.run(['config', 'set', 'profiles.lab.prices.wan2.2', '0.05']);
    const argv = ['--profile', 'lab', '-m', 'wan2.2', '-d', '5'];
    const run = (more: readonly string[], env = {}) => sora.run(more, { http: nodeHttp, env });

    const dryRun = await run(['create', 'a boat', ...argv, '--dry-run', '--json']);
    expect(dryRun.json()).toMatchObject({ cost: { estimated_usd: 0.25, price_list: 'profile lab' } });
    expect(await run(['create', 'a boat', ...argv, '--max-cost', '0.24'])).toMatchObject({ code: 7 });
    const created = await run(['create', 'a boat', ...argv, '--detach', '--max-cost', '0.25']);
    expect(created).toMatchObject({ code: 0, stderr: expect.stringContaining('cost: $0.25\n') });
    const shown = await run(['status', created.stdout.trim(), '--json']);
    expect(shown.json()).toMatchObject({ cost: { estimated_usd: 0.25, price_list: 'profile lab' } });
    const spent = await run(['cost', '--spent', '--by', 'profile']);
    expect(spent.stdout).toBe('lab\t1\t0.25\t0.25\t\t0\t\t0\n');

    await sora.run(['config', 'set', 'profiles.lab.prices.sora-2', '0.5']);
    const { stdout } = await run(['doctor', '--profile', 'lab'], { SORA_MODEL: 'sora-2' });
    expect(stdout).toContain('(price: $2.00)');
  });

  it('are all refused with their lines when they are not amounts', async () => {
    const sora = createCommandLine();
    mkdirSync(sora.home);
    const settings = '{"profiles": {"lab": {"base_url": "http://x/v1", "prices": {\n"wan2.2": "cheap",\n"ltx": -1}}}}';
    writeFileSync(join(sora.home, 'settings.json'), settings);
    const result = await sora.run(['cost', '--json']);
    expect(result.code).toBe(2);
    const fault = 'it is neither `free` nor an amount in dollars per second, such as 0.05, of at most 1000';
    expect(violations(result)).toEqual([
      `line 2: \`profiles.lab.prices.wan2.2\`: ${fault}`,
      `line 3: \`profiles.lab.prices.ltx\`: ${fault}`,
    ]);
  });
});

interface Job extends Partial<Omit<IntentEvent, 'event' | 'key' | 'atMs'>> {
  readonly agoMs: number;
  readonly model?: string;
  /** Null for a submission without a reply. */
  readonly job?: Partial<JobFacts> | null;
  readonly isRefused?: boolean;
}

/** A ledger of these jobs, completed at $0.40 each unless they say otherwise. */
function withLedger(jobs: readonly Job[], extraText = ''): CommandLine {
  const sora = createCommandLine();
  mkdirSync(sora.home);
  const events = jobs.flatMap(({ agoMs, model = 'sora-2', job = {}, isRefused, ...fields }, at): LedgerEvent[] => {
    const [key, atMs] = [`sub_${at}`, sora.clock.now() - agoMs];
    const first = intent(key, { request: { ...intent(key).request, model }, ...fields, atMs });
    if (isRefused) return [first, { event: 'rejected', key, atMs, code: 'invalid_api_key', message: 'no' }];
    return job === null ? [first] : [first, accepted(key, `video_${at}`, { status: 'completed', ...job })];
  });
  const text = events.map((event) => `${encodeEvent(event)}\n`).join('') + extraText;
  if (text !== '') writeFileSync(join(sora.home, 'ledger.jsonl'), text); // an empty file would be damage
  return sora;
}

const JOBS: readonly Job[] = [
  { agoMs: 9 * DAY_MS, model: 'sora-2-pro', estimatedMicros: 2_800_000, batch: 'shots.jsonl' },
  { agoMs: 2 * DAY_MS, batch: 'shots.jsonl' },
  { agoMs: 2 * DAY_MS, isRefused: true },
  { agoMs: 2 * DAY_MS, job: { status: 'failed', error: { code: 'processing_error', message: 'oh' } } },
  { agoMs: DAY_MS, profile: 'router', job: { actualMicros: 730_000 } },
  { agoMs: DAY_MS, profile: 'lab', model: 'wan2.2', estimatedMicros: null },
  { agoMs: HOUR_MS, job: null },
  { agoMs: HOUR_MS, job: { status: 'in_progress' } },
  { agoMs: HOUR_MS, profile: 'simulator', free: true },
];

it.each([
  ['cost'],
  ['cost --compare -d 10'],
  ['cost --spent'],
  ['cost --spent --by model'],
  ['config list'],
  ['config profile list'],
])('sora %s fits 50 columns', async (line) => {
  const { stdout } = await withLedger(JOBS).run(line.split(' '), { ...TERMINAL, columns: 50 });
  const [table = ''] = stdout.split('\n\n');
  expect(Math.max(...table.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(50);
});

describe('sora cost --spent', () => {
  it('draws a bar chart by day on a terminal, with totals and unknown costs below', async () => {
    const { stdout } = await withLedger(JOBS).run(['cost', '--spent'], TERMINAL);
    expect(stdout).toMatchInlineSnapshot(`
      "DAY         JOBS  SPENT  ESTIMATED  ACTUAL  UNKNOWN
      2026-09-12  1     $2.80  $2.80                           ███████████████████████
      2026-09-19  2     $0.40  $0.40              1 (≤ $0.40)  ███▍░░░
      2026-09-20  2     $0.73             $0.73   1            ██████
      2026-09-21  2     $0.40  $0.40              1 (≤ $0.40)  ███▍░░░

      total    $4.33 for 4 jobs: $3.60 estimated, $0.73 reported by the server
      unknown  1 job failed, estimated at $0.40
               1 job without a response, estimated at $0.40
               1 job without a known price
      refused  1 submission, at no cost
      "
    `);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('omits empty columns', async () => {
    const jobs = JOBS.slice(0, 2);
    expect((await withLedger(jobs).run(['cost', '--spent', '--by', 'model'], TERMINAL)).stdout).toMatchInlineSnapshot(`
      "MODEL       JOBS  SPENT
      sora-2-pro  1     $2.80  ██████████████████████████████
      sora-2      1     $0.40  ████▍

      total    $3.20 for 2 jobs: $3.20 estimated
      "
    `);
  });

  it('prints jobs, spent, estimated, actual, unknown jobs, their estimate and refusals in a pipe', async () => {
    const sora = withLedger(JOBS);
    const rows = async (by: string) => (await sora.run(['cost', '--spent', '--by', by])).stdout;
    expect(await rows('day')).toMatchInlineSnapshot(`
      "2026-09-12	1	2.80	2.80		0		0
      2026-09-19	2	0.40	0.40		1	0.40	1
      2026-09-20	2	0.73		0.73	1	unknown	0
      2026-09-21	2	0.40	0.40		1	0.40	0
      "
    `);
    expect(await rows('model')).toMatchInlineSnapshot(`
      "sora-2-pro	1	2.80	2.80		0		0
      sora-2	5	1.53	0.80	0.73	2	0.80	1
      wan2.2	1	unknown			1	unknown	0
      "
    `);
    expect(await rows('profile')).toMatchInlineSnapshot(`
      "openai	5	3.60	3.60		2	0.80	1
      router	1	0.73		0.73	0		0
      lab	1	unknown			1	unknown	0
      "
    `);
    expect(await rows('batch')).toMatchInlineSnapshot(`
      "shots.jsonl	2	3.20	3.20		0		0
      	5	1.13	0.40	0.73	3	unknown	1
      "
    `);
  });

  it('prints one document with --json', async () => {
    const sora = withLedger(JOBS);
    const { groups, ...rest } = (await sora.run(['cost', '--spent', '--by', 'batch', '--json'])).json();
    expect(groups).toMatchObject([
      { name: 'shots.jsonl', jobs: 2, spent_usd: 3.2, unknown: [] },
      { name: null, jobs: 5, spent_usd: 1.13 },
    ]);
    expect(rest).toEqual({
      by: 'batch',
      since: null,
      simulated: 1,
      caps: [],
      total: {
        jobs: 7,
        spent_usd: 4.33,
        estimated_usd: 3.6,
        actual_usd: 0.73,
        unknown: [
          { reason: 'failed', jobs: 1, estimated_usd: 0.4 },
          { reason: 'outcome_unknown', jobs: 1, estimated_usd: 0.4 },
          { reason: 'no_price', jobs: 1, estimated_usd: null },
        ],
        refused: 1,
      },
    });
  });

  it.each([
    ['7d', 6],
    ['48h', 6],
    ['47h', 4],
    ['90m', 2],
    ['2026-09-20', 4],
    ['2026-09-21', 2],
    ['9999999999d', 7],
  ])('counts only submissions since %s', async (since, jobs) => {
    const sora = withLedger(JOBS);
    expect((await sora.run(['cost', '--spent', '--since', since, '--json'])).json()).toMatchObject({ total: { jobs } });
  });

  it('counts only the named profile', async () => {
    const sora = withLedger(JOBS);
    expect((await sora.run(['cost', '--spent', '--profile', 'router'])).stdout).toBe(
      '2026-09-20\t1\t0.73\t\t0.73\t0\t\t0\n',
    );
  });

  it('identifies servers without a profile by their addresses', async () => {
    const jobs = ['http://a/v1', 'http://b/v1'].map((baseUrl) => ({ agoMs: HOUR_MS, profile: 'custom', baseUrl }));
    const { stdout } = await withLedger(jobs).run(['cost', '--spent', '--by', 'profile']);
    expect(stdout.split('\n').map((row) => row.split('\t')[0])).toEqual(['http://a/v1', 'http://b/v1', '']);
  });

  it.each([
    ['an empty ledger', [], [], 'nothing was spent'],
    ['the simulator alone', JOBS.slice(-1), [], 'nothing was spent; the simulator is free'],
    ['a time without jobs', JOBS.slice(0, 1), ['--since', '1d'], 'nothing was spent since 2026-09-20T14:13:20.000Z'],
  ])('notes that there is nothing: %s', async (_, jobs, argv, note) => {
    const sora = jobs.length === 0 ? createCommandLine() : withLedger(jobs);
    for (const options of [{}, TERMINAL]) {
      const result = await sora.run(['cost', '--spent', ...argv], options);
      expect(result).toMatchObject({ code: 0, stdout: '', stderr: `note: ${note}\n` });
    }
    const json = (await sora.run(['cost', '--spent', ...argv, '--json'])).json();
    expect(json).toMatchObject({ groups: [], total: { jobs: 0, spent_usd: 0 }, notes: [note] });
  });

  it('notes unreadable ledger lines', async () => {
    const { code, stderr } = await withLedger(JOBS, '{"event":"intent"}\n').run(['cost', '--spent']);
    expect(code).toBe(0);
    expect(stderr).toContain('note: the sums may be too low: 1 unreadable ledger line\n');
  });

  it('reports all conflicting and invalid options together', async () => {
    const sora = createCommandLine();
    const argv = ['-m', 'sora-2', '--compare', '--as-of', 'today', '--simulate', '--since', '7', '--json'];
    const result = await sora.run(['cost', '--spent', ...argv]);
    expect(result.code).toBe(2);
    expect(violations(result)).toEqual([
      '`--model` cannot be combined with `--spent`',
      '`--compare` cannot be combined with `--spent`',
      '`--as-of` cannot be combined with `--spent`',
      'the simulator never spends anything; omit `--simulate`',
      '`--as-of today` is not a date, such as 2026-03-12',
      '`--since 7` is neither a duration (7d, 12h) nor a date (2026-03-12)',
    ]);
  });

  it.each(['2026-09-22', '2026-02-30', '-7', '7 moons'])('refuses --since=%s', async (since) => {
    expect(await createCommandLine().run(['cost', '--spent', `--since=${since}`])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`\`--since ${since}\``),
    });
  });
});

describe('sora cost --batch', () => {
  const MANIFEST =
    '{"prompt":"a boat","seconds":5}\n{"prompt":"a kite","model":"sora-2-pro","count":2}\n{"prompt":"x","model":"wan"}\n';

  it('totals a manifest: rendered, requested and unpriced', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), MANIFEST);
    expect((await sora.run(['cost', '--batch', 'shots.jsonl', '--json'])).json()).toMatchObject({
      manifest: 'shots.jsonl',
      videos: 4,
      cost: { estimated_usd: 0.4 + 2.4, asked_usd: 0.5 + 2.4 },
      videos_of_unknown_price: 1,
    });
    const terminal = await sora.run(['cost', '--batch', '-'], { ...TERMINAL, stdin: MANIFEST });
    expect(terminal.stdout).toBe(
      'videos   4\ncost     $2.80\nasked    $2.90 for the requested seconds\nunknown  the price of 1 of them\n',
    );
  });

  it('refuses options for a single video, and invalid rows', async () => {
    const sora = createCommandLine();
    const argv = ['cost', '--batch', '-', '--count', '2', '--json'];
    expect(await sora.run(argv, { stdin: MANIFEST })).toMatchObject({ code: 2 });
    const faulty = await sora.run(['cost', '--batch', '-', '--json'], { stdin: '{"prompt":""}' });
    expect(violations(faulty)).toEqual(['line 1: the prompt is empty']);
  });
});
