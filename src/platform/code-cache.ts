import { closeSync, fstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { makeFolder } from './folders.ts';

const HASH_LENGTH = 16;

export interface CodeCache {
  readonly folder: string;
  /** Names the file in it: runs of one command compile the same functions of a file. */
  readonly part: string;
}

/**
 * Loads a file with the code that V8 compiled of it in an earlier run: compiling is half of what a short command takes. The
 * file begins with `//` and a hash of the program; what follows is one function of a CommonJS module, which gets `given` too,
 * and resolves names as the file of this function does: both lie in `dist/`, and a `require` of its own takes 1 ms to make.
 * What V8 kept is made anew whenever it does not fit the file or V8 itself; a folder that cannot be written costs nothing but
 * the time. `NODE_DISABLE_COMPILE_CACHE=1` switches it off, as it does Node’s own.
 */
export function loadWithCodeCache(file: string, { folder, part }: CodeCache, given: unknown): unknown {
  const source = readFileSync(file, 'latin1'); // esbuild writes ASCII
  const version = `${source.slice(2, 2 + HASH_LENGTH)}-${process.versions.v8}`;
  const isOff = process.env.NODE_DISABLE_COMPILE_CACHE === '1';
  const cachedData = isOff ? undefined : readOwnFile(join(folder, `${version}-${part}`));
  const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
  if (!isOff && (cachedData === undefined || script.cachedDataRejected === true)) {
    process.once('exit', () => keep(script, folder, version, part)); // when all is compiled that this command needs
  }
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, require, given);
  return module.exports;
}

/** Compiled code is run as it is found, so none is taken from a file that somebody else may have written. */
function readOwnFile(path: string): Buffer | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { uid, mode } = fstatSync(descriptor);
      const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
      return isOwn ? readFileSync(descriptor) : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

function keep(script: Script, folder: string, version: string, part: string): void {
  try {
    makeFolder(folder, 0o700);
    const temporary = join(folder, `${process.pid}.tmp`);
    // Whole or not at all: V8 sees when a file was cut, but trusts every byte of one that was not.
    writeFileSync(temporary, script.createCachedData(), { mode: 0o600, flush: true });
    renameSync(temporary, join(folder, `${version}-${part}`));
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(version)) rmSync(join(folder, name), { force: true }); // of a version that was replaced
    }
  } catch {
    // Only a matter of time.
  }
}
