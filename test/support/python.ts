import { spawnSync } from 'node:child_process';

/**
 * The real path of the system's Python, for terminals; null if there is none. Looked up once, since the program in PATH
 * may be a slow wrapper script.
 */
export const PYTHON = findPython();

function findPython(): string | null {
  const { status, stdout } = spawnSync('python3', ['-c', 'import pty, sys; print(sys.executable)'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : null;
}
