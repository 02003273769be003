import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BINARY, createBinary } from '../support/binary.ts';

/** Kills the process in the middle of the first write to an open file. */
const KILLER = `
  const { writeSync } = require('node:fs');
  const { open } = require('node:fs/promises');
  open(__filename).then(async (file) => {
    const files = Object.getPrototypeOf(file);
    await file.close();
    files.write = function (data, offset, length, position) {
      writeSync(this.fd, data, offset, Math.floor(length / 2), position);
      process.kill(process.pid, 'SIGKILL');
    };
  });
`;

it.skipIf(process.platform === 'win32')('a killed run leaves no film, and the next one joins the same clips', () => {
  const { cwd, env } = createBinary();
  const killer = join(cwd, 'killer.cjs');
  writeFileSync(killer, KILLER);
  writeFileSync(join(cwd, 'shots.txt'), 'a harbour\na boat\nthe sea\n');
  const argv = ['film', 'shots.txt', '-o', 'film.mp4', '--simulate', '--json'];
  const film = (...options: string[]) => spawnSync(process.execPath, [...options, BINARY, ...argv], { cwd, env });
  const path = join(cwd, 'film.mp4');
  expect(film().status).toBe(0);
  const [names, { size }] = [readdirSync(cwd), statSync(path)];
  rmSync(path);
  expect(film('--require', killer).signal).toBe('SIGKILL');
  expect(existsSync(path)).toBe(false);
  expect(film().status).toBe(0);
  expect(statSync(path).size).toBe(size);
  expect(readdirSync(cwd)).toEqual(names); // no partial film
});
