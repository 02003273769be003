import { relative } from 'node:path';
import { isObjectAddress } from '../domain/object-address.ts';

/** A path below the working folder, relative to it; any other as it is. */
export function shortPath(path: string, cwd: string): string {
  if (isObjectAddress(path)) return path;
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
