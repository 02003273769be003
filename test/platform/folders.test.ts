import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/platform/folders.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

describe('makeFolder', () => {
  it('creates parents too, each with the requested mode', () => {
    const folder = createTemporaryFolder();
    makeFolder(join(folder, 'a', 'b'), 0o700);
    expect(statSync(join(folder, 'a', 'b')).isDirectory()).toBe(true);
    if (process.platform !== 'win32') expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  });

  it('leaves an existing folder unchanged', () => {
    const folder = createTemporaryFolder();
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    makeFolder(join(folder, 'a'));
    expect(readdirSync(join(folder, 'a'))).toEqual(['b']);
  });

  it('throws when a file is in the way', () => {
    const file = join(createTemporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(() => makeFolder(file)).toThrow('EEXIST');
    expect(() => makeFolder(join(file, 'a', 'b'))).toThrow('ENOTDIR');
  });

  it.skipIf(process.platform !== 'linux')('throws when nobody can create it, instead of retrying forever', () => {
    expect(() => makeFolder('/proc/sora/state')).toThrow('ENOENT');
  });
});
