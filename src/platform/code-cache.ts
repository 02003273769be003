import { closeSync, fstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { temporaryName } from './crypto.ts';
import { makeFolder } from './folders.ts';

export interface CodeCache {
  /** Where compiled code is kept; null for nowhere. */
  readonly folder: string | null;
  /** Names the content of the file: V8 would take the code of another file of the same length. */
  readonly version: string;
  /** Names the cached code: runs of one command compile the same functions. */
  readonly part: string;
}

/**
 * Loads a CommonJS file with the code that V8 compiled of it in an earlier run; compiling takes half of a short command.
 * Node's own compile cache holds only what is compiled while a file loads, not what runs later, and Node 20 has none.
 *
 * Code that does not fit is compiled again, and a folder that cannot be written costs time only.
 */
export function loadWithCodeCache(
  file: string,
  { folder, version, part }: CodeCache,
  require: NodeJS.Require,
): unknown {
  const text = readFileSync(file).toString('utf8'); // as bytes first: Node 20 takes three times as long to read text
  const source = `(function (module, exports, require) {${text}\n})`;
  const prefix = `${version}-${process.versions.v8}-`;
  const cached = folder === null ? undefined : readOwnFile(join(folder, prefix + part));
  const script = new Script(source, { filename: file, ...(cached && { cachedData: cached }) });
  if (folder !== null && (cached === undefined || script.cachedDataRejected)) {
    process.once('exit', () => keep(script, folder, prefix, part)); // when all is compiled that the command needs
  }
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, require);
  return module.exports;
}

/** V8 runs cached code as it is, so a file that somebody else may have written is not used. */
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

function keep(script: Script, folder: string, prefix: string, part: string): void {
  try {
    makeFolder(folder, 0o700);
    const path = join(folder, prefix + part);
    const temporary = temporaryName(path);
    // Whole or not at all: V8 notices a file that was cut, but trusts every byte of one that was not.
    writeFileSync(temporary, script.createCachedData(), { mode: 0o600, flag: 'wx', flush: true });
    renameSync(temporary, path);
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(prefix)) rmSync(join(folder, name), { force: true }); // of a version that was replaced
    }
  } catch {
    // The next run tries again.
  }
}
