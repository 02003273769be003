import { join } from 'node:path';
import { loadWithCodeCache } from './platform/code-cache.ts';
import { homeDirOf } from './platform/home-dir.ts';
import { soraPaths } from './store/paths.ts';

/** Loads the program, `sora.ts`, for `bin/sora.js`. */
export function loadProgram({ env, platform, argv }: NodeJS.Process): typeof import('./sora.ts') {
  const { codeDir } = soraPaths({ env, platform, homeDir: homeDirOf(env) });
  const [, , command = ''] = argv;
  const part = /^[a-z]+$/.test(command) ? command : 'help';
  return loadWithCodeCache(join(__dirname, 'sora.js'), codeDir, part);
}
