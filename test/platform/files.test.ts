import { once } from 'node:events';
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createFile,
  hasCode,
  numberedNames,
  removeUnfinished,
  replaceFile,
  writeTargetOf,
} from '../../src/platform/files.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

describe('replaceFile', () => {
  it('creates the file and its folders for their owner only', async () => {
    const folder = createTemporaryFolder();
    const path = join(folder, 'a', 'b', 'keys.json');
    await replaceFile(path, '{}');
    expect(readFileSync(path, 'utf8')).toBe('{}');
    if (process.platform === 'win32') return;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  });

  it('keeps the mode of the file that it replaces', async () => {
    const path = join(createTemporaryFolder(), 'settings.json');
    writeFileSync(path, 'a much longer text', { mode: 0o644 });
    await replaceFile(path, 'new', 0o600);
    expect(readFileSync(path, 'utf8')).toBe('new');
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('replaces the target of a link, and never a device', async () => {
    const folder = createTemporaryFolder();
    symlinkSync('real.json', join(folder, 'link.json'));
    await replaceFile(join(folder, 'link.json'), 'new');
    expect(lstatSync(join(folder, 'link.json')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'real.json'), 'utf8')).toBe('new');
    await expect(replaceFile('/dev/null', 'new')).rejects.toThrow('not a regular file');
  });

  it('accepts the longest name that the file system allows', async () => {
    const path = join(createTemporaryFolder(), 'x'.repeat(255));
    await replaceFile(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('leaves nothing behind when the process ends at once', async () => {
    const folder = createTemporaryFolder();
    const left: string[][] = [];
    const text = function* (): Generator<string> {
      yield 'half';
      left.push(readdirSync(folder));
      removeUnfinished();
      left.push(readdirSync(folder));
    };
    await expect(replaceFile(join(folder, 'results'), text())).rejects.toThrow('ENOENT');
    expect(left).toEqual([[expect.stringMatching(/^\.sora-\w+\.tmp$/)], []]);
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
])('numberedNames counts up from %s', (path, names) => {
  const candidates = numberedNames(path);
  expect(names.map(() => candidates.next().value)).toEqual(names);
});

it('hasCode distinguishes file system errors', async () => {
  const missing: unknown = await readFile(join(createTemporaryFolder(), 'none')).catch((error: unknown) => error);
  expect(hasCode(missing, 'ENOENT')).toBe(true);
  expect(hasCode(missing, 'EEXIST')).toBe(false);
  expect(hasCode('ENOENT', 'ENOENT')).toBe(false);
});

it('createFile does not replace a dangling link', async () => {
  const folder = createTemporaryFolder();
  symlinkSync('nowhere', join(folder, 'link'));
  expect(await createFile(join(folder, 'link'), 'new')).toBe(false);
  expect(readdirSync(folder)).toEqual(['link']);
});

describe('writeTargetOf', () => {
  it('follows links to a file that need not exist', () => {
    const folder = createTemporaryFolder();
    mkdirSync(join(folder, 'store'));
    symlinkSync('store/second', join(folder, 'first'));
    symlinkSync('real.mp4', join(folder, 'store', 'second'));
    expect(writeTargetOf(join(folder, 'first'))).toEqual({ kind: 'file', path: join(folder, 'store', 'real.mp4') });
    expect(writeTargetOf('/dev/null')).toEqual({ kind: 'stream', path: '/dev/null' });
  });

  it('refuses folders, sockets and circular links', async () => {
    const folder = createTemporaryFolder();
    symlinkSync('loop', join(folder, 'loop'));
    const socket = createServer().listen(join(folder, 'socket'));
    onTestFinished(() => void socket.close());
    await once(socket, 'listening');
    expect(() => writeTargetOf(folder)).toThrow('EISDIR');
    expect(() => writeTargetOf(join(folder, 'socket'))).toThrow('ENXIO');
    expect(() => writeTargetOf(join(folder, 'loop'))).toThrow('ELOOP');
  });

  it.skipIf(process.getuid?.() !== 0)('refuses a link that another user has created in a shared folder', () => {
    const folder = createTemporaryFolder();
    const link = join(folder, 'clip.mp4');
    chmodSync(folder, 0o1777);
    symlinkSync('/etc/cron.d/clip', link);
    expect(writeTargetOf(link).path).toBe('/etc/cron.d/clip');
    lchownSync(link, 65_534, 65_534);
    expect(() => writeTargetOf(link)).toThrow('EACCES');
  });
});
