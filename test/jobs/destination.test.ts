import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Variant } from '../../src/domain/video.ts';
import { checkDestination, type Destination, parseDestination, pathsFor } from '../../src/jobs/destination.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const CWD = resolve('/work');
const folder = { kind: 'folder', path: CWD } as const;

function pathOf(
  destination: Exclude<Destination, { kind: 'stdout' }>,
  id: string,
  prompt: string | null,
): string | undefined {
  return pathsFor(destination, ['video'], { id, prompt })[0]?.path;
}

describe('the value of `-o`', () => {
  it.each([
    [undefined, { kind: 'folder', path: CWD }],
    ['-', { kind: 'stdout' }],
    ['/dev/stdout', { kind: 'stdout' }],
    ['clip.mp4', { kind: 'file', path: join(CWD, 'clip.mp4') }],
    ['out/', { kind: 'folder', path: join(CWD, 'out') }],
    ['/abs/clip', { kind: 'file', path: resolve('/abs/clip') }],
  ])('parses %s', (output, destination) => {
    expect(parseDestination(output, CWD)).toEqual(destination);
  });

  it('is a folder when one exists, even without a slash', () => {
    const cwd = createTemporaryFolder();
    mkdirSync(join(cwd, 'out'));
    expect(parseDestination('out', cwd)).toEqual({ kind: 'folder', path: join(cwd, 'out') });
  });
});

describe('the default name', () => {
  it.each([
    ['A paper boat!', 'video_0123456789abcdef', 'a-paper-boat-89abcdef'],
    ['../../etc/passwd', 'video_1', 'etc-passwd-1'],
    ['Ein Böötchen – 紙の船', 'video_1', 'ein-böötchen-紙の船-1'],
    ['x'.repeat(200), 'video_1', `${'x'.repeat(48)}-1`],
    ['🚤\n', 'video_1', 'video-1'],
    [null, 'video_1', 'video-1'],
    ['boat', `${'QUJD+/='.repeat(30)}`, 'boat-44208711'],
    ['boat', '../..', 'boat-0cfd1c96'],
    ['boat', '3f2c-11ee', 'boat-11ee'],
  ])('for %j and %s is derived from both', (prompt, id, stem) => {
    expect(pathOf(folder, id, prompt)).toBe(join(CWD, `${stem}.mp4`));
  });

  it('has the extension of the variant', () => {
    const paths = pathsFor(folder, ['video', 'thumbnail', 'spritesheet'], { id: 'video_1', prompt: 'boat' });
    expect(paths.map(({ path }) => path)).toEqual(
      ['boat-1.mp4', 'boat-1.webp', 'boat-1.jpg'].map((name) => join(CWD, name)),
    );
  });
});

describe('a requested name', () => {
  it.each<[string, readonly Variant[], readonly string[]]>([
    ['boat.mp4', ['video', 'thumbnail'], ['boat.mp4', 'boat.webp']],
    ['boat.mp4', ['thumbnail', 'video'], ['boat.webp', 'boat.mp4']],
    ['boat.webp', ['video', 'thumbnail'], ['boat.mp4', 'boat.webp']],
    ['boat.mp4', ['thumbnail'], ['boat.webp']],
    ['boat.jpg', ['thumbnail', 'spritesheet'], ['boat.jpg', 'boat-spritesheet.jpg']],
    ['boat.JPG', ['spritesheet', 'thumbnail', 'video'], ['boat.JPG', 'boat.webp', 'boat.mp4']],
    ['boat.v2', ['video', 'thumbnail'], ['boat.v2', 'boat.v2.webp']],
    ['boat', ['video', 'spritesheet'], ['boat', 'boat.jpg']],
  ])('%s is used for the matching variant of %j, and each variant has its own file', (name, variants, files) => {
    const paths = pathsFor({ kind: 'file', path: join(CWD, name) }, variants, { id: 'video_1', prompt: null });
    expect(paths.map(({ path }) => path)).toEqual(files.map((file) => join(CWD, file)));
    expect(paths.filter(({ isDefaultName }) => !isDefaultName).map(({ path }) => path)).toEqual(
      files.includes(name) ? [join(CWD, name)] : [],
    );
  });
});

describe('a destination is checked before paying', () => {
  it('and a folder named with a slash is created', () => {
    const path = join(createTemporaryFolder(), 'new', 'clips');
    checkDestination({ kind: 'folder', path }, ['video'], false);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('and the folders of a file are created', () => {
    const path = join(createTemporaryFolder(), 'new', 'sub', 'clip.mp4');
    checkDestination({ kind: 'file', path }, ['video'], false);
    expect(statSync(dirname(path)).isDirectory()).toBe(true);
  });

  it.each([
    ['a file in place of a folder', 'file/clip.mp4'],
    ['a name that is too long', `${'x'.repeat(300)}.mp4`],
  ])('and refused for %s', (_, name) => {
    const folder = createTemporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const check = (force: boolean): void => checkDestination(parseDestination(name, folder), ['video'], force);
    expect(() => check(false)).toThrow(expect.objectContaining({ code: 'cannot_write' }));
    expect(() => check(true)).toThrow(expect.objectContaining({ code: 'cannot_write' }));
  });

  it('and refused when a link leads nowhere', () => {
    const folder = createTemporaryFolder();
    symlinkSync(join(folder, 'file', 'clip.mp4'), join(folder, 'link.mp4'));
    writeFileSync(join(folder, 'file'), '');
    const check = (): void => checkDestination({ kind: 'file', path: join(folder, 'link.mp4') }, ['video'], true);
    expect(check).toThrow(expect.objectContaining({ code: 'cannot_write' }));
  });

  it.skipIf(process.platform !== 'linux')('and refused in a folder that accepts no files, even from root', () => {
    const check = (): void => checkDestination({ kind: 'file', path: '/proc/clip.mp4' }, ['video'], false);
    expect(check).toThrow(expect.objectContaining({ code: 'cannot_write' }));
  });

  it('and a device is accepted for a single variant', () => {
    const device = { kind: 'file', path: '/dev/null' } as const;
    expect(() => checkDestination(device, ['video'], false)).not.toThrow();
    expect(() => checkDestination(device, ['video', 'thumbnail'], false)).toThrow(/only one variant/);
  });

  it('and refused for existing files, including those of other variants', () => {
    const path = join(createTemporaryFolder(), 'clip.mp4');
    writeFileSync(path.replace('mp4', 'webp'), '');
    const check = (force: boolean): void => checkDestination({ kind: 'file', path }, ['video', 'thumbnail'], force);
    expect(() => check(false)).toThrow(/already exists: .*clip\.webp/);
    expect(() => check(true)).not.toThrow();
  });
});
