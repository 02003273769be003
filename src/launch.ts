import { join } from 'node:path';
import { attempt } from './platform/attempt.ts';
import { baseFolders } from './platform/base-folders.ts';
import { loadWithCodeCache } from './platform/code-cache.ts';
import { homeDirOf } from './platform/home-dir.ts';

/** Identifies the content of `sora.js`; `scripts/build.mjs` fills it in. */
declare const PROGRAM_HASH: string;

/** What `loadProgram` reads from the process. */
export type Launch = Pick<NodeJS.Process, 'env' | 'platform' | 'argv'>;

/** Loads the program for `bin/sora.js`, with the code that V8 compiled in an earlier run of the same command. */
export function loadProgram({ env, platform, argv }: Launch): typeof import('./sora.ts') {
  const [, , command = ''] = argv;
  const part = /^[a-z]+$/.test(command) ? command : 'help';
  const cache = { folder: codeFolder(env, platform), version: PROGRAM_HASH, part };
  return loadWithCodeCache(join(__dirname, 'sora.js'), cache, require) as typeof import('./sora.ts'); // what it exports
}

/** Null for no cache: Node's setting disables it, or the folder is refused, which the command itself reports. */
function codeFolder(env: Launch['env'], platform: Launch['platform']): string | null {
  if (env.NODE_DISABLE_COMPILE_CACHE === '1') return null;
  return attempt(() => join(baseFolders({ env, platform, homeDir: homeDirOf(env) }).cache, 'code')) ?? null;
}
