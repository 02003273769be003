import { relative } from 'node:path';

/** A path below the working folder, relative to it. */
export function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
