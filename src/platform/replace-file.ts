import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { temporaryName } from './crypto.ts';
import { whileHeldSync } from './held-files.ts';

/**
 * Creates or replaces a private file without the thread pool: a reader sees the old content or the new. With `isSynced` the
 * content is on the disk before it gets its name. Throws the file system's own error.
 */
export function replaceFileSync(path: string, data: string | Uint8Array, { isSynced }: { isSynced: boolean }): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, data, { flag: 'wx', mode: 0o600, flush: isSynced });
    whileHeldSync(() => renameSync(temporary, path));
  } finally {
    rmSync(temporary, { force: true });
  }
}
