import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { FileLock, withFileLock } from '../../src/platform/file-lock.ts';
import { ownProcess } from '../../src/platform/process-identity.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { Life, makeProcessesMortal, QUIET } from '../world/processes.ts';

it('runs one action at a time', async () => {
  const path = join(createTemporaryFolder(), 'count');
  writeFileSync(path, '0');
  const add = async (): Promise<void> => {
    const count = Number(readFileSync(path));
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(path, String(count + 1));
  };
  await Promise.all(Array.from({ length: 12 }, () => withFileLock(path, add)));
  expect(readFileSync(path, 'utf8')).toBe('12');
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('is shared by paths that are links to one file, even if that is missing', async () => {
  const path = join(createTemporaryFolder(), 'count');
  writeFileSync(path, '0');
  const locks = [new FileLock(path), new FileLock(path)];
  const addTwice = async (lock: FileLock): Promise<void> => {
    lock.reuse();
    for (let times = 0; times < 2; times++) {
      await lock.run(async () => {
        const count = Number(readFileSync(path));
        await new Promise((resolve) => setImmediate(resolve));
        writeFileSync(path, String(count + 1));
      });
      for (const name of readdirSync(dirname(path))) if (name.endsWith('.tmp')) rmSync(join(dirname(path), name));
    }
    lock.discard();
  };
  await Promise.all(locks.map(addTwice));
  expect(readFileSync(path, 'utf8')).toBe('4');
  expect(readdirSync(dirname(path))).toEqual(['count']);
});

it('removes the lock of an ended process, and its own when the action fails', async () => {
  const path = join(createTemporaryFolder(), 'file');
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(`${path}.lock`, JSON.stringify({ ...ownProcess(), pid }));
  const failing = withFileLock(path, () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('removes the temporary file of a killed process', async () => {
  const path = join(createTemporaryFolder(), 'file');
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(join(dirname(path), '.sora-0123456789abcdef.tmp'), JSON.stringify({ ...ownProcess(), pid }));
  const lock = new FileLock(path);
  lock.reuse();
  await lock.run(() => {});
  lock.discard();
  expect(readdirSync(dirname(path))).toEqual([]);
});

it('leaves no lock behind when it cannot be written', async () => {
  await makeProcessesMortal();
  const path = join(createTemporaryFolder(), 'file');
  const process = new Life({ ...QUIET, fullAfter: 0 });
  await expect(process.run(() => withFileLock(path, () => {}))).rejects.toThrow('ENOSPC');
  expect(existsSync(`${path}.lock`)).toBe(false);
});
