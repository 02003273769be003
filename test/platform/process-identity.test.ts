import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { fateOf, ownProcess } from '../../src/platform/process-identity.ts';

const own = ownProcess();
const { pid: endedPid } = spawnSync(process.execPath, ['--version']);

it('a process that runs is alive', () => {
  expect(own).toMatchObject({ pid: process.pid, host: expect.stringMatching(/./) });
  expect(fateOf(own)).toBe('alive');
});

it('a process that has ended is dead', () => {
  expect(fateOf({ ...own, pid: endedPid })).toBe('dead');
});

it.runIf(own.started !== null)('a process whose number another one has now is dead', () => {
  expect(fateOf({ ...own, started: '1' })).toBe('dead');
});

it.each([
  ['of another host', { host: 'elsewhere' }],
  ['of another boot or PID namespace', { boot: 'another' }],
])('a process %s cannot be looked up, and is not taken for dead', (_, changes) => {
  expect(fateOf({ ...own, pid: endedPid, ...changes })).toBe('unknown');
});
