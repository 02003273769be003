import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

it('a film is refused before paying where the library that joins clips is not installed', () => {
  const root = resolve(import.meta.dirname, '../..');
  const copy = createTemporaryFolder();
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  const { cwd, env } = createBinary({ sharesCode: false });
  writeFileSync(join(cwd, 'shots.txt'), 'a harbour\n');
  const argv = [join(copy, 'bin', 'sora.js'), 'film', 'shots.txt', '--simulate'];
  const { status, stderr } = spawnSync(process.execPath, argv, { cwd, env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('mediabunny') });
  expect(readdirSync(cwd).filter((name) => name.endsWith('clips'))).toEqual([]);
});
