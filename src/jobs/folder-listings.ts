import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Looks up very many paths: each folder is read once, and only a name that stands in it is looked at. Names are compared
 * regardless of case and of how accents are written, as some file systems do; what is looked at then tells the truth.
 */
export class FolderListings {
  readonly #names = new Map<string, ReadonlySet<string>>();

  /** As `statSync`, of the moment for what exists; undefined where nothing stood when the folder was read. */
  stat(path: string): Stats | undefined {
    return this.#namesIn(dirname(path)).has(folded(basename(path)))
      ? statSync(path, { throwIfNoEntry: false })
      : undefined;
  }

  #namesIn(folder: string): ReadonlySet<string> {
    const known = this.#names.get(folder);
    if (known !== undefined) return known;
    const names = new Set(listed(folder).map(folded));
    this.#names.set(folder, names);
    return names;
  }
}

/** Nothing where there is no such folder. */
function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
