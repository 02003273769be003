import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { setUp } from '../support/set-up.ts';

const LONG = 'x'.repeat(300);

/** A video saved in a folder that became something else. */
async function setUpLost(replace: (folder: string) => void) {
  const bench = await setUp();
  await bench.create(['-o', 'clips/boat.mp4']);
  const folder = join(bench.sora.cwd, 'clips');
  rmSync(folder, { recursive: true });
  replace(folder);
  return bench;
}

describe('a saved file whose folder is unreachable', () => {
  it.each<[string, (folder: string) => void]>([
    ['a file', (folder) => writeFileSync(folder, '')],
    ['a link to itself', (folder) => symlinkSync('clips', folder)],
  ])('counts as missing when the folder became %s', async (_, replace) => {
    const { run } = await setUpLost(replace);
    for (const argv of [['list', '--json'], ['status', '@last', '--json'], ['gallery']]) {
      const { code, stdout } = await run(...argv);
      expect({ argv, code }).toEqual({ argv, code: 0 });
      expect(stdout).not.toContain('boat.mp4');
    }
    expect(await run('open', '@last')).toMatchObject({ code: 1, stderr: expect.stringContaining('not saved') });
    expect(await run('download', '@last', '-o', 'new.mp4')).toMatchObject({ code: 0, stdout: 'new.mp4\n' });
  });
});

describe('an impossible path', () => {
  const paths = [LONG, 'file/x', 'loop', 'loop/x'];

  it.each(paths)('is refused as the source of a video: %s', async (path) => {
    const { run, sora, server } = await setUp();
    writeFileSync(join(sora.cwd, 'file'), '');
    symlinkSync('loop', join(sora.cwd, 'loop'));
    writeFileSync(join(sora.cwd, 'shots.jsonl'), JSON.stringify({ extend: path, prompt: 'on' }));
    for (const argv of [
      ['edit', path, 'snow'],
      ['extend', path],
      ['batch', 'shots.jsonl'],
    ]) {
      const { code, stderr } = await run(...argv);
      expect(code).toBeGreaterThan(0);
      expect(stderr).not.toContain('unexpected error');
    }
    expect(server.posts).toBe(0);
  });

  it.each(paths)('is refused as an output before paying: %s', async (path) => {
    const { run, sora, server } = await setUp();
    writeFileSync(join(sora.cwd, 'file'), '');
    symlinkSync('loop', join(sora.cwd, 'loop'));
    mkdirSync(join(sora.cwd, 'clips'));
    writeFileSync(join(sora.cwd, 'shots.jsonl'), JSON.stringify({ prompt: 'a', output: 'a.mp4' }));
    const names = [
      ['batch', 'shots.jsonl', '-o', `${path}/`],
      ['film', 'shots.jsonl', '-o', `${path}/film.mp4`],
      ['film', 'shots.jsonl', '--clips', path],
      ['film', 'shots.jsonl', '--audio', path],
    ];
    for (const argv of names) {
      const { code, stderr } = await run(...argv, '-y');
      expect({ argv, code: code > 0 }).toEqual({ argv, code: true });
      expect(stderr).not.toContain('unexpected error');
    }
    expect(server.posts).toBe(0);
  });
});
