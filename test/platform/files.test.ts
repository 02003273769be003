import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasCode, numberedNames, replaceFile } from '../../src/platform/files.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

describe('replaceFile', () => {
  it('makes the file and its folders, for their owner alone', async () => {
    const folder = createTemporaryFolder();
    const path = join(folder, 'a', 'b', 'keys.json');
    await replaceFile(path, '{}');
    expect(readFileSync(path, 'utf8')).toBe('{}');
    if (process.platform === 'win32') return;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  });

  it('takes the place of what was there, and of its mode', async () => {
    const path = join(createTemporaryFolder(), 'settings.json');
    writeFileSync(path, 'a much longer text', { mode: 0o644 });
    await replaceFile(path, 'new', 0o600);
    expect(readFileSync(path, 'utf8')).toBe('new');
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = createTemporaryFolder();
    mkdirSync(join(folder, 'taken', 'by a folder'), { recursive: true });
    await expect(replaceFile(join(folder, 'taken'), 'new')).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});

it.each([
  ['/a/clip.mp4', ['/a/clip.mp4', '/a/clip-2.mp4', '/a/clip-3.mp4']],
  ['/a.b/clip', ['/a.b/clip', '/a.b/clip-2', '/a.b/clip-3']],
  ['.hidden', ['.hidden', '.hidden-2', '.hidden-3']],
])('numberedNames counts from %s', (path, names) => {
  const candidates = numberedNames(path);
  expect(names.map(() => candidates.next().value)).toEqual(names);
});

it('hasCode knows one error of the file system from another', async () => {
  const missing: unknown = await readFile(join(createTemporaryFolder(), 'none')).catch((error: unknown) => error);
  expect(hasCode(missing, 'ENOENT')).toBe(true);
  expect(hasCode(missing, 'EEXIST')).toBe(false);
  expect(hasCode('ENOENT', 'ENOENT')).toBe(false);
});
