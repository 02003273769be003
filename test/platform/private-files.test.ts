import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tryName, tryToCreate } from '../../src/platform/private-files.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

it('checking a folder removes the small files that killed processes left there', () => {
  const folder = createTemporaryFolder();
  const young = '.sora-aaaaaaaaaaaaaaaa.tmp';
  const others = ['.sora-0123456789abcdef-999999999-bbbbbbbbbbbbbbbb.part', `.sora-check-${process.ppid}-cc.part`];
  const left = ['.sora-dddddddddddddddd.tmp', '.sora-check-999999999-eeeeeeeeeeeeeeee.part'];
  for (const name of [young, ...others, ...left]) writeFileSync(join(folder, name), '');
  const [own, planted] = ['.sora-check-999999999-ff.part', '.sora-check-999999999-gg.part'];
  for (const name of [own, planted]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, planted, 'precious'), '');
  for (const name of [...others, ...left, own, planted]) utimesSync(join(folder, name), 0, 0);
  tryToCreate(folder);
  expect(readdirSync(folder).sort()).toEqual([young, ...others, planted].sort());
});

it('tries a name beside a file that has it, and leaves nothing', () => {
  const folder = createTemporaryFolder();
  writeFileSync(join(folder, 'boat 1.mp4'), 'a video');
  tryName(folder, 'boat 1.mp4');
  expect(() => tryName(folder, 'x'.repeat(300))).toThrow('ENAMETOOLONG');
  expect(readdirSync(folder)).toEqual(['boat 1.mp4']);
  expect(readFileSync(join(folder, 'boat 1.mp4'), 'utf8')).toBe('a video');
});
