import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { attempt } from '../platform/attempt.ts';

/** Whether a path is a folder or below it, by the names alone; both are absolute. */
export function isInside(folder: string, path: string): boolean {
  const steps = relative(folder, path);
  return steps !== '..' && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}

/** The same with links followed, including links to files that do not exist. */
export function leadsInside(folder: string, path: string): boolean {
  const [top, end] = [realPath(folder), realPath(path)];
  return top !== null && end !== null && isInside(top, end);
}

/** A path that does not exist yet is resolved from its parent folder. Null for a broken link. */
function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    if (isLink(path)) return null;
    const parent = dirname(path);
    const real = parent === path ? path : realPath(parent);
    return real && join(real, basename(path));
  }
}

/** False for what cannot be reached. */
export function isLink(path: string): boolean {
  return attempt(() => lstatSync(path).isSymbolicLink()) ?? false;
}
