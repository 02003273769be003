import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BINARY, createBinary } from '../support/binary.ts';

describe.skipIf(process.platform === 'win32')('on a full disk', () => {
  /** Runs a command under a file size limit: the system writes up to the limit and refuses the rest. */
  function setUp(sharesCode = true) {
    const { cwd, home, env } = createBinary({ sharesCode });
    const run = (argv: readonly string[], sizeBytes = Number.POSITIVE_INFINITY) => {
      const blocks = Number.isFinite(sizeBytes) ? String(Math.floor(sizeBytes / 512)) : 'unlimited';
      const limited = ['-c', 'ulimit -f "$1"; shift; exec "$@"', 'sh', blocks, process.execPath, BINARY, ...argv];
      const { status, stderr } = spawnSync('sh', limited, { cwd, env, encoding: 'utf8' });
      const { code, caused_by: cause } = status === 0 ? {} : JSON.parse(stderr).error;
      return { code: status, error: code ?? null, cause };
    };
    const leftovers = () => readdirSync(cwd).filter((name) => name.startsWith('.'));
    return { cwd, home, run, leftovers };
  }

  it('a video is never left incomplete, and is saved once there is room', () => {
    const { cwd, run, leftovers } = setUp();
    const path = join(cwd, 'boat.mp4');
    expect(run(['create', 'boat', '--simulate', '-o', 'boat.mp4', '--json']).code).toBe(0);
    const { size } = statSync(path);
    rmSync(path);
    const download = ['download', '@last', '-o', 'boat.mp4', '--json'];
    for (const share of [0.5, 0.99]) {
      const cause = expect.stringContaining('EFBIG'); // not a full disk: the limit is on each file
      expect(run(download, share * size)).toEqual({ code: 1, error: 'cannot_write', cause });
      expect(existsSync(path)).toBe(false);
    }
    expect(leftovers()).toEqual([]);
    expect(run(download).code).toBe(0);
    expect(statSync(path).size).toBe(size);
  }, 60_000);

  it('a command leaves no part of its compiled code', () => {
    const { home, run } = setUp(false);
    expect(run(['list', '--local', '--json'], 4_096).code).toBe(0);
    expect(readdirSync(join(home, 'code'))).toEqual([]);
  });

  it('a film is never left incomplete, and is saved once there is room', () => {
    const { cwd, run, leftovers } = setUp();
    writeFileSync(join(cwd, 'shots.txt'), 'a harbour\na boat\nthe sea\n');
    const path = join(cwd, 'film.mp4');
    const film = ['film', 'shots.txt', '-o', 'film.mp4', '--simulate', '--json'];
    expect(run(film).code).toBe(0);
    const { size } = statSync(path);
    rmSync(path);
    // A killed run has left a partial film too.
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(join(cwd, `.sora-film-${dead}-0123456789abcdef.part`), 'a part', { mode: 0o600 });
    for (const share of [0.5, 0.999]) {
      expect(run(film, share * size)).toMatchObject({ code: 1, error: 'cannot_write' });
      expect(existsSync(path)).toBe(false);
    }
    expect(leftovers()).toEqual([]);
    expect(run(film).code).toBe(0);
    expect(statSync(path).size).toBe(size);
  }, 60_000);
});
