import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFileLock } from '../../src/platform/file-lock.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { intent } from '../store/ledger-events.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

interface Bench {
  readonly server: VideosServer;
  readonly path: string;
  readonly home: string;
  create(): Promise<RunResult>;
  run(...argv: readonly string[]): Promise<RunResult>;
}

/** A ledger with one paid, unfinished job. */
async function createPaid(): Promise<Bench> {
  const sora = createCommandLine();
  const server = await startVideosServer();
  const run = (...argv: readonly string[]): Promise<RunResult> =>
    sora.run(argv, { http: nodeHttp, env: { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab' } });
  const create = (): Promise<RunResult> => run('create', 'a boat *', '--detach', '--json');
  await create();
  return { server, path: join(sora.home, 'ledger.jsonl'), home: sora.home, create, run };
}

/** Holds the lock of a file, and returns the function that releases it. */
async function heldLock(path: string): Promise<() => void> {
  let unlock = (): void => {};
  await new Promise<void>((held) => {
    withFileLock(path, () => {
      held();
      return new Promise<void>((resolve) => {
        unlock = resolve;
      });
    });
  });
  return unlock;
}

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

describe('a damaged ledger', () => {
  it('with any flipped bit never leads to a second payment', async () => {
    const { server, path, create } = await createPaid();
    const whole = readFileSync(path);
    const random = createSeededRandom(60);
    for (let flip = 0; flip < 60; flip++) {
      const bytes = Buffer.from(whole);
      const at = Buffer.from(random(4)).readUInt32LE() % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip % 8));
      writeFileSync(path, bytes);
      const result = await create();
      if (result.code !== 0) expect(errorOf(result).code).toMatch(/ledger_damaged|outcome_unknown/);
      expect(server.posts).toBe(1);
    }
  });

  const lines = (bytes: Buffer): string[] => bytes.toString().trimEnd().split('\n');
  const kinds: [string, (bytes: Buffer) => Buffer | string][] = [
    ['its first line cut off', (bytes) => bytes.subarray(bytes.indexOf(10) + 1)],
    ['half of its first line cut off', (bytes) => bytes.subarray(100)],
    ['its end replaced by zeros', (bytes) => Buffer.concat([bytes.subarray(0, 50), Buffer.alloc(bytes.length - 50)])],
    ['only an `accepted` left', (bytes) => `${lines(bytes).at(-1)}\n`],
    ['no content', () => ''],
    ['its first line truncated', (bytes) => bytes.subarray(0, 40)],
    ['only zeros', (bytes) => Buffer.alloc(bytes.length)],
    ['the content of another ledger', () => `${encodeEvent(intent('sub_other'))}\n`.repeat(9)],
    [
      'its first line replaced by junk',
      (bytes) => Buffer.concat([Buffer.from([0, 255, 10]), bytes.subarray(bytes.indexOf(10) + 1)]),
    ],
  ];

  it.each(kinds)('with %s prevents payment, and names the line and the command to run', async (_, damage) => {
    const { server, path, create } = await createPaid();
    writeFileSync(path, damage(readFileSync(path)));
    const result = await create();
    expect({ code: result.code, posts: server.posts }).toEqual({ code: 1, posts: 1 });
    expect(errorOf(result)).toMatchObject({
      code: 'ledger_damaged',
      message: expect.stringMatching(/ledger\.jsonl, line \d/),
      hints: [expect.stringContaining('sora ledger check')],
    });
  });

  it.each([
    ['empty', 0],
    ['cut within its first line', 100],
  ])('that is %s prevents payment, even when its recorded length is lost', async (_, bytes) => {
    const { server, path, create, run } = await createPaid();
    writeFileSync(path, readFileSync(path).subarray(0, bytes));
    rmSync(`${path}.mark`);
    expect(errorOf(await create()).code).toBe('ledger_damaged');
    expect((await run('ledger', 'check', '--yes')).code).toBe(0);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(2);
  });

  it('that was removed prevents payment, even after a free command has created it again', async () => {
    const { server, path, create, run } = await createPaid();
    rmSync(path);
    expect((await run('create', 'a boat', '--simulate', '--detach')).code).toBe(0);
    const result = await create();
    expect({ code: result.code, posts: server.posts }).toEqual({ code: 1, posts: 1 });
    expect(errorOf(result)).toMatchObject({ code: 'ledger_damaged', hints: [expect.stringContaining('ledger check')] });
  });

  it('that was removed with its whole folder starts as a new one', async () => {
    const { server, home, create } = await createPaid();
    rmSync(home, { recursive: true });
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(2);
  });

  it.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a named pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['a device or socket', (path: string) => symlinkSync('/dev/null', path)],
  ])('that is %s fails every command with a clear error', async (kind, make) => {
    const { server, path, create, run } = await createPaid();
    rmSync(path);
    make(path);
    for (const result of [await create(), await run('list', '--local'), await run('ledger', 'check')]) {
      expect(result.code).toBe(2);
      expect(result.stderr).toContain(`it is ${kind}, not a file`);
    }
    expect(server.posts).toBe(1);
  });

  it('can still be listed, with a note', async () => {
    const { path, run } = await createPaid();
    writeFileSync(path, `garbage\n${readFileSync(path, 'utf8')}`);
    const { code, stdout, stderr } = await run('list', '--local');
    expect({ code, rows: stdout.trim().split('\n').length }).toEqual({ code: 0, rows: 1 });
    expect(stderr).toContain('run `sora ledger check`');
  });
});

describe('sora ledger check', () => {
  it('reports an intact ledger', async () => {
    const { run } = await createPaid();
    expect(await run('ledger', 'check')).toMatchObject({ code: 0, stdout: '3 lines, no damage\n' });
  });

  it.each([
    ['in a line', 200],
    ['in a newline', -1],
  ])('repairs a flipped bit %s, and keeps the damaged file', async (_, at) => {
    const { server, path, home, create, run } = await createPaid();
    const whole = readFileSync(path);
    const bytes = Buffer.from(whole);
    const place = at < 0 ? bytes.indexOf(10) : at;
    bytes[place] = (bytes[place] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    expect((await create()).code).toBe(1);
    const damaged = readFileSync(path);
    const check = await run('ledger', 'check', '--json');
    expect(check).toMatchObject({ code: 0 });
    expect(readFileSync(path, 'utf8').startsWith(whole.toString())).toBe(true);
    const backup = readdirSync(home).find((name) => name.includes('damaged'));
    expect(readFileSync(join(home, String(backup)))).toEqual(damaged);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it.each<[string, (text: string) => string]>([
    ['a bit flip that created a newline', (text) => text.replace('*', '\n')], // one bit of an asterisk
    ['the byte order mark of an editor', (text) => `\ufeff${text}`],
  ])('repairs %s', async (_, damage) => {
    const { server, path, create, run } = await createPaid();
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect((await create()).code).toBe(1);
    expect((await run('ledger', 'check')).code).toBe(0);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it.each([
    ['removed', (path: string) => rmSync(path), 'the file is missing, which held \\d+ bytes'],
    ['emptied', (path: string) => writeFileSync(path, ''), 'the file is empty, which held \\d+ bytes'],
    [
      'cut',
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 60)),
      'the file ends after \\d+ bytes, and held \\d+',
    ],
  ])('explains that a ledger was %s, and starts a new one only after confirmation', async (_, damage, reason) => {
    const { server, path, create, run } = await createPaid();
    damage(path);
    const check = await run('ledger', 'check', '--json');
    expect(check.json()).toMatchObject({ damaged: [{ reason: expect.stringMatching(reason) }], backup: null });
    expect((await create()).code).toBe(1);
    expect((await run('ledger', 'check', '--yes')).code).toBe(0);
    expect((await run('ledger', 'check')).code).toBe(0);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBeLessThanOrEqual(2);
  });

  it('loses nothing that another process appends meanwhile', async () => {
    const { path, run } = await createPaid();
    writeFileSync(path, `garbage\n${readFileSync(path, 'utf8')}`);
    const unlock = await heldLock(path);
    const checking = run('ledger', 'check', '--yes');
    appendFileSync(path, `${encodeEvent(intent('sub_other'))}\n`);
    unlock();
    expect((await checking).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('sub_other');
  });

  it('explains what it cannot restore, and continues without it only after confirmation', async () => {
    const { server, path, create, run } = await createPaid();
    writeFileSync(path, readFileSync(path).subarray(readFileSync(path).indexOf(10) + 1));
    const check = await run('ledger', 'check', '--json');
    expect(check.json()).toMatchObject({
      damaged: [
        { line: 1, may_hide: expect.stringContaining('a submission') },
        { line: 2, may_hide: expect.stringContaining('video_1') },
        { line: 3, reason: expect.stringContaining('the file ends after') },
      ],
      backup: null,
    });
    expect({ code: check.code, error: errorOf(check).code }).toEqual({ code: 1, error: 'ledger_damaged' });
    expect((await create()).code).toBe(1);
    expect((await run('ledger', 'check', '--yes')).code).toBe(0);
    expect((await create()).code).toBe(0);
    expect(server.posts).toBe(2);
  });
});
