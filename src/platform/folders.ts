import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a folder and its missing parents. Throws what `mkdir` throws. Not `mkdir` with `recursive`: in a folder where
 * nothing can be created, such as /proc, Node 20 retries forever.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (isFolder(path)) return; // the usual case, and the error of `mkdir` would cost more than all else here
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return;
    const parent = dirname(path);
    if (parent === path || existsSync(parent)) throw error; // the root of a missing drive has no parent
    makeFolder(parent, mode);
    makeFolder(path, mode);
  }
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
