import { readdirSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { attempt } from '../platform/attempt.ts';
import { statsOf } from '../platform/files.ts';
import { foldedName } from './destination.ts';

/**
 * Stats very many paths: each folder is read once, and only names found in it are looked up. Names are compared
 * regardless of case and Unicode form, as some file systems do; the stat itself is exact.
 */
export class FolderListings {
  readonly #names = new Map<string, ReadonlySet<string>>();

  /** Like `statSync`; undefined if the name did not exist when the folder was read. */
  stat(path: string): Stats | undefined {
    return this.#namesIn(dirname(path)).has(foldedName(basename(path))) ? statsOf(path) : undefined;
  }

  #namesIn(folder: string): ReadonlySet<string> {
    const known = this.#names.get(folder);
    if (known !== undefined) return known;
    const names = new Set(attempt(() => readdirSync(folder))?.map(foldedName)); // empty if there is no folder
    this.#names.set(folder, names);
    return names;
  }
}
