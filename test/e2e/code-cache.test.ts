import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';

const PATHS = ['config', 'path'];

describe('the compiled code of a command', () => {
  it('is saved by the first run for later ones, readable only by its owner', async () => {
    const { sora, files } = watched();
    await sora.start(PATHS).ended;
    const [file = ''] = files();
    expect(file).toMatch(/-config$/);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);

    const { mtimeMs } = statSync(file);
    expect(await sora.start(PATHS).ended).toMatchObject({ code: 0, stderr: '' });
    expect(files()).toEqual([file]);
    expect(statSync(file).mtimeMs).toBe(mtimeMs);
  });

  it.each<[string, (file: string) => void]>([
    ['is truncated', (file) => writeFileSync(file, readFileSync(file).subarray(0, 1000))],
    ['is not code', (file) => writeFileSync(file, 'nonsense')],
    ['has extra bytes', (file) => appendFileSync(file, 'more')],
  ])('is created again when the file %s', async (_, spoil) => {
    const { sora, files } = watched();
    await sora.start(PATHS).ended;
    const [file = ''] = files();
    const sizeBytes = statSync(file).size;
    spoil(file);
    expect(await sora.start(PATHS).ended).toMatchObject({ code: 0, stderr: '' });
    expect(Math.abs(statSync(file).size - sizeBytes)).toBeLessThan(sizeBytes / 10);
  });

  it.skipIf(process.platform === 'win32')('is not loaded from a file that others can write', async () => {
    const { sora, files } = watched();
    await sora.start(PATHS).ended;
    const [file = ''] = files();
    chmodSync(file, 0o666);
    expect(await sora.start(PATHS).ended).toMatchObject({ code: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600); // created again
  });

  it('is removed when the program has changed', async () => {
    const { sora, folder, files } = watched();
    await sora.start(PATHS).ended;
    const old = join(folder, '0123456789abcdef-1.0-config');
    writeFileSync(old, 'of an earlier version');
    await sora.start(['list', '--local']).ended;
    expect(existsSync(old)).toBe(false);
    expect(files()).toHaveLength(2);
  });

  it('is not saved when Node’s compile cache is disabled', async () => {
    const { sora, folder } = watched();
    await sora.start(PATHS, { NODE_DISABLE_COMPILE_CACHE: '1' }).ended;
    expect(existsSync(folder)).toBe(false);
  });
});

function watched() {
  const sora = createBinary({ sharesCode: false });
  const folder = join(sora.home, 'code');
  return { sora, folder, files: () => readdirSync(folder).map((name) => join(folder, name)) };
}
