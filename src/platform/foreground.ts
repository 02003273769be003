import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Reports whether this process is in the foreground of its terminal: now, and when Ctrl-Z, `bg` or `fg` may have changed it. */
export function watchForeground(listener: (isForeground: boolean) => void): () => void {
  const look = (): void => listener(isInForeground());
  if (process.platform === 'win32') return () => {};
  process.on('SIGCONT', look);
  look();
  return () => process.off('SIGCONT', look);
}

/** Whether the terminal’s foreground process group is this one; true where that cannot be read. */
function isInForeground(): boolean {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(process.pid)], { encoding: 'utf8' });
    return !stdout || stdout.includes('+');
  }
  try {
    const [, , group, , , terminalGroup] = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return terminalGroup === group || terminalGroup === '-1';
  } catch {
    return true;
  }
}
