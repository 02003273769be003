import { spawnSync } from 'node:child_process';

/**
 * Where the Python of the system truly is, for terminals; null where there is none. Asked once: what stands in the search
 * path may be a script that looks for it, which takes longer than what is run.
 */
export const PYTHON = findPython();

function findPython(): string | null {
  const { status, stdout } = spawnSync('python3', ['-c', 'import pty, sys; print(sys.executable)'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : null;
}
