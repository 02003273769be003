import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { attempt } from './attempt.ts';

/** How long the output of `ps` is cached. */
const CACHE_MS = 2_000;
let cached = { isInForeground: true, atMs: Number.NEGATIVE_INFINITY };
/** Whether the process was stopped since the last look; undefined before the first one. */
let wasStopped: boolean | undefined;

/**
 * Whether this process was in the foreground of its terminal at the last look; true if unknown. Ctrl-Z, `bg` and `fg`
 * change it.
 */
export function isInForeground(): boolean {
  if (process.platform === 'win32') return true;
  if (wasStopped === undefined) process.on('SIGCONT', () => (wasStopped = true));
  const hasBeenAway = wasStopped;
  wasStopped = false;
  return !hasBeenAway && isNowInForeground();
}

function isNowInForeground(): boolean {
  if (process.platform === 'linux') return attempt(isForegroundGroup) ?? true;
  const nowMs = performance.now();
  if (nowMs - cached.atMs > CACHE_MS) {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(process.pid)], { encoding: 'utf8' });
    cached = { isInForeground: !stdout || stdout.includes('+'), atMs: nowMs };
  }
  return cached.isInForeground;
}

/** Whether the terminal’s foreground process group is ours. */
function isForegroundGroup(): boolean {
  const fields = readFileSync('/proc/self/stat', 'latin1').replace(/^.*\) /s, '');
  const [, , group, , , terminalGroup] = fields.split(' ');
  return terminalGroup === group || terminalGroup === '-1';
}
