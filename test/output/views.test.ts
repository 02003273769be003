import { describe, expect, it } from 'vitest';
import { SoraError } from '../../src/domain/errors.ts';
import type { JobSummary } from '../../src/domain/summary.ts';
import { renderEntries } from '../../src/output/batch-view.ts';
import { columnsOf } from '../../src/output/clean-text.ts';
import { renderChecks } from '../../src/output/doctor-view.ts';
import { renderError } from '../../src/output/error-view.ts';
import { glyphsFor } from '../../src/output/glyphs.ts';
import { formatAge, type JobsForm, renderJob, renderJobs } from '../../src/output/job-view.ts';
import type { Surface } from '../../src/output/surface.ts';
import { maxOf } from '../../src/output/table.ts';
import { describeWait, type WaitState } from '../../src/output/wait-view.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const FORM: JobsForm = { nowMs: NOW, shorten: async (ids) => ids.map((id) => id.slice(-9)) };
const mark = (text: string): string => `<${text}>`;
const same = (text: string): string => text;
const PLAIN = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };
/** Marks words that would be coloured. */
const MARKED = { ...PLAIN, red: mark, green: mark, yellow: mark, cyan: mark };

const terminal = (columns = 80): Surface => ({ isTerminal: true, columns, palette: PLAIN });
const pipe: Surface = { isTerminal: false, columns: 80, palette: PLAIN };

function job(changes: Partial<JobSummary> = {}): JobSummary {
  return {
    id: 'video_1',
    submission: 'sub_1',
    profile: 'lab',
    status: 'in_progress',
    serverStatus: 'in_progress',
    progress: 42,
    model: 'sora-2',
    prompt: 'a paper boat sails into a storm drain',
    seconds: 4,
    size: '1280x720',
    createdAtMs: NOW - 90_000,
    completedAtMs: null,
    expiresAtMs: null,
    remixedFrom: null,
    error: null,
    estimatedMicros: 400_000,
    free: false,
    actualMicros: null,
    priceList: 'test',
    files: [],
    requestId: null,
    ...changes,
  };
}

describe('several jobs', () => {
  const jobs = [
    job(),
    job({ id: null, status: 'unknown', progress: null, prompt: '紙の船が雨水管に流れ込む、雨の夜の静かな通りで' }),
    job({ id: 'video_3', status: 'failed', model: null, seconds: null, size: null, createdAtMs: null, prompt: null }),
  ];

  it('are printed as a table of 80 columns on a terminal', async () => {
    const table = await renderJobs(jobs, FORM, terminal());
    expect(table).toMatchInlineSnapshot(`
      "ID       STATUS       DONE  AGE  PROMPT                          SIZE      COST
      video_1  in progress  42%   1m   a paper boat sails into a sto…  1280x720  $0.40
      sub_1    unknown            1m   紙の船が雨水管に流れ込む、雨…   1280x720  $0.40
      video_3  failed       42%                                                  $0.40
      "
    `);
    expect(Math.max(...table.split('\n').map(columnsOf))).toBeLessThanOrEqual(80);
  });

  it.each([
    [40, 'ID STATUS AGE PROMPT'],
    [50, 'ID STATUS AGE PROMPT COST'],
    [80, 'ID STATUS DONE AGE PROMPT SIZE COST'],
    [120, 'ID STATUS DONE AGE PROMPT MODEL LENGTH SIZE COST'],
    [200, 'ID STATUS DONE AGE PROMPT MODEL LENGTH SIZE COST'],
  ])('fit %i columns with %s', async (columns, head) => {
    const prompts = ['long '.repeat(60), '紙の船が雨水管に流れ込む'.repeat(9), 'e\u0301a\u0300 👩‍🚀 🇫🇷 '.repeat(20)];
    const rows = prompts.map((prompt) => job({ id: `video_${'x'.repeat(260)}123456`, prompt, status: 'in_progress' }));
    const table = await renderJobs(rows, FORM, terminal(columns));
    expect(Math.max(...table.split('\n').map(columnsOf))).toBeLessThanOrEqual(columns);
    expect(table.split('\n')).toHaveLength(5);
    expect(table.split('\n')[0]?.split(/ +/).join(' ')).toBe(head);
    expect(table).toContain('xxx123456  in progress');
  });

  it('are printed as rows of equal length in a pipe, without shortening', async () => {
    const rows = (await renderJobs(jobs, FORM, pipe)).replace(/\n$/, '').split('\n');
    expect(rows.map((row) => row.split('\t').length)).toEqual([8, 8, 8]);
    expect(rows[0]).toBe(
      'video_1\tin_progress\t42%\tsora-2\t4s\t1280x720\t2026-01-02T03:02:35.000Z\ta paper boat sails into a storm drain',
    );
  });
});

describe('the rows of a manifest', () => {
  const saved = (name: string): JobSummary['files'] => [
    { variant: 'video', path: `/work/${name}`, bytes: 1, sha256: '' },
  ];
  const row = { id: null, outcome: 'done', error: null } as const;
  const rows = [
    { ...row, id: 'harbour', line: 1, summary: job({ files: saved('clips/001-a-harbour-at-dawn-59a30b07.mp4') }) },
    { ...row, line: 3, summary: job({ files: saved('clips/002-a-train-on-a-bridge-b11f72da.mp4') }) },
  ];

  it('are numbered like the files, and long paths are shortened in the middle', async () => {
    expect(`\n${await renderEntries(rows, '/work', terminal(44))}`).toMatchInlineSnapshot(`
      "
      ROW      STATE  RESULT
      harbour  done   clips/001-a-ha…-59a30b07.mp4
      2        done   clips/002-a-tr…-b11f72da.mp4
      "
    `);
  });

  it('keep whole paths when other columns can be omitted', async () => {
    const table = await renderEntries(rows, '/work', terminal(70));
    expect(table).toContain('clips/001-a-harbour-at-dawn-59a30b07.mp4');
    expect(Math.max(...table.split('\n').map(columnsOf))).toBeLessThanOrEqual(70);
  });
});

describe('a single job', () => {
  it('shows its failure, or what is unknown', async () => {
    const failed = job({ status: 'failed', error: { code: 'moderation_blocked', message: 'no\nway' } });
    expect(await renderJob(failed, FORM, terminal())).toContain('error    moderation_blocked: no way\n');
    const lost = job({ id: null, status: 'unknown', serverStatus: 'warming' });
    const view = await renderJob(lost, FORM, terminal());
    expect(view).toContain('id       unknown; submission sub_1\n');
    expect(view).toContain('(the server says `warming`)');
  });

  it.each([
    ['completed', '<completed>'],
    ['failed', '<failed>'],
    ['in_progress', '<in progress> 42%'],
    ['unknown', '<unknown> 42%'],
  ] as const)('colours the status %s', async (status, shown) => {
    const view = await renderJob(job({ status }), FORM, { ...terminal(), palette: MARKED });
    expect(view).toContain(`status   ${shown}`);
  });

  it.each([
    [{}, 'cost     $0.40 estimated\n'],
    [{ actualMicros: 123_456 }, 'cost     $0.123456\n'],
    [{ free: true }, 'cost     free (simulated; normally $0.40)\n'],
    [{ estimatedMicros: null }, 'cost     unknown\n'],
  ])('shows its price: %j', async (facts, line) => {
    expect(await renderJob(job(facts), FORM, terminal())).toContain(line);
  });
});

it('an expired video on a free server is shown as such', async () => {
  const text = await renderJob(
    job({ status: 'completed', expiresAtMs: NOW - 3_600_000, estimatedMicros: 0 }),
    FORM,
    terminal(),
  );
  expect(text).toMatch(/\nexpired {2}1h ago\ncost {5}free\n/);
});

describe('formatAge', () => {
  it.each([
    [0, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_600_000, '1h'],
    [90_000_000, '1d'],
    [-5_000, '0s'],
  ])('writes %i ms as %s', (ageMs, text) => {
    expect(formatAge(NOW - ageMs, NOW)).toBe(text);
  });
});

describe('an error', () => {
  it('shows what happened, the cause, the request and what to do', () => {
    const error = new SoraError('server_error', {
      violations: ['one', 'two'],
      causedBy: 'HTTP 500: first line\nsecond line',
      requestId: 'req_1',
      hints: ['try again', 'run `sora doctor`'],
    });
    expect(renderError(error, PLAIN)).toMatchInlineSnapshot(`
      "error: the server returned an error
        - one
        - two
        caused by: HTTP 500: first line
          second line
        request: req_1

      hint: try again
      hint: run \`sora doctor\`
      "
    `);
  });

  it('contains no control characters from a server', () => {
    const error = new SoraError('server_error', { causedBy: '\x1b[2Jgone\u202e', requestId: 'req\x07', hints: [] });
    expect(renderError(error, PLAIN)).toBe('error: the server returned an error\n  caused by: gone\n  request: req\n');
  });
});

describe('describeWait', () => {
  const state = (changes: Partial<WaitState> = {}): WaitState => ({
    name: 'video_1',
    prompt: 'a paper boat',
    startedMs: NOW - 12_000,
    expectedMs: null,
    status: 'in_progress',
    progress: 45,
    trouble: null,
    ...changes,
  });

  it.each<[string, number, WaitState[], string]>([
    [
      'a first look',
      60,
      [state({ status: null, progress: null })],
      'video_1  a paper boat  looking  ────────────────    0%  0:12',
    ],
    ['one job', 80, [state()], 'video_1  a paper boat  in progress  ━━━━━━━━━━━━━━──────────────────   45%  0:12'],
    ['40 columns', 36, [state({ expectedMs: 26_000 })], 'video_1  in progress   45%  0:12'],
    ['50 columns', 46, [state({ expectedMs: 26_000 })], 'video_1  in progress  ━━━────   45%  0:12/0:26'],
    [
      'a history',
      80,
      [state({ expectedMs: 26_000 })],
      'video_1  a paper boat  in progress  ━━━━━━━────────   45%  0:12, about 0:14 left',
    ],
    [
      'more than the usual time',
      80,
      [state({ expectedMs: 9_000, prompt: null })],
      'video_1  in progress  ━━━━━━━━━━━━━━──────────────────   45%  0:12, usually 0:09',
    ],
    [
      'trouble',
      80,
      [state({ trouble: 'the server returned an error' })],
      'video_1  in progress   45%  0:12  the server returned an error',
    ],
    ['several', 40, [state(), state({ status: 'completed' })], '1 of 2 done  ━━━━━━━━━━━────   73%  0:12'],
    ['none', 80, [], ''],
  ])('with %s', (_, columns, states, line) => {
    expect(describeWait(states, NOW, columns, glyphsFor({}))).toBe(line);
  });

  it.each([36, 46, 76, 196])('fits %i columns, with ASCII in a plain locale', (columns) => {
    const prompt = '紙の船が雨水管に流れ込む '.repeat(9);
    const one = state({ name: 'x'.repeat(300), prompt, expectedMs: 26_000 });
    const line = describeWait([one], NOW, columns, glyphsFor({ LANG: 'C' }));
    expect(columnsOf(line)).toBeLessThanOrEqual(columns);
    expect(columnsOf(line)).toBeGreaterThan(columns - 8);
    expect(line).not.toMatch(/[━─]/);
  });
});

it('renderChecks puts details below titles on a narrow terminal', () => {
  const found = { id: 'tcp', title: 'connection', ms: 0, status: 'fail' } as const;
  const check = { ...found, detail: 'could not connect to the server', remedy: ['check the network, the base URL'] };
  expect(renderChecks([check], terminal(30))).toBe(`✗ connection
  could not connect to the
  server
  hint: check the network, the
  base URL
`);
});

it('the widest of more cells than a call can have arguments is found', () => {
  const widths = Array.from({ length: 1_000_000 }, (_, at) => at);
  expect(maxOf(widths, (width) => width)).toBe(999_999);
});
