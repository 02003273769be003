import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BINARY, createBinary } from '../support/binary.ts';

describe.skipIf(process.platform === 'win32')('a film on a disk that is full', () => {
  it('is not there, nor a part of it, until a run has room for all of it', async () => {
    const { cwd, env } = createBinary();
    writeFileSync(join(cwd, 'shots.txt'), 'a harbour\na boat\nthe sea\n');
    const path = join(cwd, 'film.mp4');
    const film = (blocks: string): { code: number | null; stderr: string } => {
      const argv = ['film', 'shots.txt', '-o', 'film.mp4', '--simulate', '--json'];
      // The system refuses what is longer, after it took a part of it.
      const limited = ['-c', 'ulimit -f "$1"; shift; exec "$@"', 'sh', blocks, process.execPath, BINARY, ...argv];
      const { status, stderr } = spawnSync('sh', limited, { cwd, env, encoding: 'utf8' });
      return { code: status, stderr };
    };
    expect(film('unlimited').code).toBe(0);
    const { size } = statSync(path);
    rmSync(path);
    // A killed run has left a part, too.
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(join(cwd, `.sora-film-${dead}-0123456789abcdef.part`), 'a part', { mode: 0o600 });
    for (const share of [0.5, 0.999]) {
      const { code, stderr } = film(String(Math.floor((share * size) / 512)));
      expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'cannot_write' });
      expect(existsSync(path)).toBe(false);
    }
    expect(readdirSync(cwd).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(film('unlimited').code).toBe(0);
    expect(statSync(path).size).toBe(size);
  }, 60_000);
});
