import { closeSync, fstatSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { attempt } from './attempt.ts';
import { makeFolder } from './folders.ts';
import { replaceFileSync } from './replace-file.ts';

export interface CodeCache {
  /** Folder for compiled code; null for no cache. */
  readonly folder: string | null;
  /** Identifies the file's content: V8 would accept code of another file of the same length. */
  readonly version: string;
  /** Identifies the cached code: runs of one command compile the same functions. */
  readonly part: string;
}

/**
 * Loads a CommonJS file with the code that V8 compiled in an earlier run; compiling takes half of a short command.
 * Node's own compile cache covers only code compiled during loading, and Node 20 has none.
 *
 * Rejected code is compiled again; an unwritable folder only costs time.
 */
export function loadWithCodeCache(
  file: string,
  { folder, version, part }: CodeCache,
  require: NodeJS.Require,
): unknown {
  const text = readFileSync(file).toString('utf8'); // bytes first: reading text takes Node 20 three times as long
  const source = `(function (module, exports, require) {${text}\n})`;
  const prefix = `${version}-${process.versions.v8}-`;
  const cached = folder === null ? undefined : attempt(() => readOwnFile(join(folder, prefix + part)));
  const script = new Script(source, { filename: file, ...(cached && { cachedData: cached }) });
  if (folder !== null && (cached === undefined || script.cachedDataRejected)) {
    // By then everything the command needs is compiled. If it cannot be stored, the next run tries again.
    process.once('exit', () => attempt(() => store(script, folder, prefix, part)));
  }
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, require);
  return module.exports;
}

/** V8 does not verify cached code, so a file that another user may have written is not used. */
function readOwnFile(path: string): Buffer | undefined {
  const descriptor = openSync(path, 'r');
  try {
    const { uid, mode } = fstatSync(descriptor);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    return isOwn ? readFileSync(descriptor) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function store(script: Script, folder: string, prefix: string, part: string): void {
  makeFolder(folder, 0o700);
  // Synced: V8 detects a truncated file, but trusts every byte of a complete one.
  replaceFileSync(join(folder, prefix + part), script.createCachedData(), { isSynced: true });
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) rmSync(join(folder, name), { force: true }); // left by an older version
  }
}
