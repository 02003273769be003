import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDestination, parseDestination, pathFor } from '../../src/jobs/destination.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const CWD = resolve('/work');
const folder = { kind: 'folder', path: CWD } as const;
const file = { kind: 'file', path: join(CWD, 'out.mp4') } as const;

describe('what `-o` names', () => {
  it.each([
    [undefined, { kind: 'folder', path: CWD }],
    ['-', { kind: 'stdout' }],
    ['clip.mp4', { kind: 'file', path: join(CWD, 'clip.mp4') }],
    ['out/', { kind: 'folder', path: join(CWD, 'out') }],
    ['/abs/clip', { kind: 'file', path: resolve('/abs/clip') }],
  ])('%s', (output, destination) => {
    expect(parseDestination(output, CWD)).toEqual(destination);
  });

  it('is a folder when it is one, also without a slash', () => {
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
  ])('of %j and %s', (prompt, id, stem) => {
    expect(pathFor(folder, 'video', { id, prompt })).toBe(join(CWD, `${stem}.mp4`));
  });

  it.each([
    ['video', 'boat-1.mp4', 'out.mp4'],
    ['thumbnail', 'boat-1.webp', 'out.webp'],
    ['spritesheet', 'boat-1.jpg', 'out.jpg'],
  ] as const)('of the variant %s, and the one beside a name that was asked for', (variant, byDefault, beside) => {
    const video = { id: 'video_1', prompt: 'boat' };
    expect(pathFor(folder, variant, video)).toBe(join(CWD, byDefault));
    expect(pathFor(file, variant, video, false)).toBe(join(CWD, beside));
    expect(pathFor(file, variant, video, true)).toBe(file.path);
  });
});

describe('a destination is checked before money is spent', () => {
  it('makes a folder that was named as one', () => {
    const path = join(createTemporaryFolder(), 'new', 'clips');
    checkDestination({ kind: 'folder', path }, ['video'], false);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('for its folder', () => {
    const path = join(createTemporaryFolder(), 'missing', 'clip.mp4');
    expect(() => checkDestination({ kind: 'file', path }, ['video'], false)).toThrow(/could not write into the folder/);
  });

  it.each([
    ['a folder that is a file', 'file/clip.mp4'],
    ['a name that is too long', `${'x'.repeat(300)}.mp4`],
  ])('for %s', (_, name) => {
    const folder = createTemporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const check = (force: boolean): void => checkDestination(parseDestination(name, folder), ['video'], force);
    expect(() => check(false)).toThrow(expect.objectContaining({ code: 'cannot_write' }));
    expect(() => check(true)).toThrow(expect.objectContaining({ code: 'cannot_write' }));
  });

  it('for files that stand there, those of the other variants too', () => {
    const path = join(createTemporaryFolder(), 'clip.mp4');
    writeFileSync(path.replace('mp4', 'webp'), '');
    const check = (force: boolean): void => checkDestination({ kind: 'file', path }, ['video', 'thumbnail'], force);
    expect(() => check(false)).toThrow(/already exists: .*clip\.webp/);
    expect(() => check(true)).not.toThrow();
  });
});
