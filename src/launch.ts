import { join } from 'node:path';
import { loadWithCodeCache } from './platform/code-cache.ts';
import { homeDirOf } from './platform/home-dir.ts';
import { soraPaths } from './store/paths.ts';

/** Loads the program, `sora.ts`, for `bin/sora.js`; `scripts/build.mjs` packed it into files, which are read as they are needed. */
export function loadProgram({ env, platform, argv }: NodeJS.Process): typeof import('./sora.ts') {
  const codeDir = codeFolder(env, platform);
  const [, , command = ''] = argv;
  const part = /^[a-z]+$/.test(command) ? command : 'help';
  const readPack = (name: string): unknown =>
    loadWithCodeCache(join(__dirname, `${name}.js`), { folder: codeDir, part: `${part}-${name}` }, readPack);
  return readPack('sora') as typeof import('./sora.ts'); // what the pack of this name exports
}

/** A folder that is refused is reported by the command itself; here it means that nothing is kept. */
function codeFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  try {
    return soraPaths({ env, platform, homeDir: homeDirOf(env) }).codeDir;
  } catch {
    return '/dev/null/sora';
  }
}
