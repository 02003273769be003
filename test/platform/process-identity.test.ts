import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { fateOf, ownProcess } from '../../src/platform/process-identity.ts';

const own = ownProcess();
const { pid: endedPid } = spawnSync(process.execPath, ['--version']);

it('a running process is alive', () => {
  expect(own).toMatchObject({ pid: process.pid, host: expect.stringMatching(/./) });
  expect(fateOf(own)).toBe('alive');
});

it('an ended process is dead', () => {
  expect(fateOf({ ...own, pid: endedPid })).toBe('dead');
});

it.runIf(own.started !== null)('a process whose number was reused is dead', () => {
  expect(fateOf({ ...own, started: '1' })).toBe('dead');
});

it.each([
  ['of another host', { host: 'elsewhere' }],
  ['of another boot or PID namespace', { boot: 'another' }],
])('a process %s is unknown, not dead', (_, changes) => {
  expect(fateOf({ ...own, pid: endedPid, ...changes })).toBe('unknown');
});
