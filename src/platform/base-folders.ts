import { isAbsolute, join } from 'node:path';
import type { Host } from './host.ts';

/** Absolute folders for settings, for state that must not be lost, and for caches. */
export interface BaseFolders {
  readonly config: string;
  readonly state: string;
  readonly cache: string;
}

export type Surroundings = Pick<Host, 'env' | 'platform' | 'homeDir'>;

/** Why the folders are refused, and a hint. Not a `SoraError`, because the launcher loads this file too. */
export class RefusedFolder extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * `SORA_HOME` for everything, else the folders of the XDG specification; on Windows those below `%APPDATA%`, and below
 * `%LOCALAPPDATA%` for what should not roam. Throws `RefusedFolder` if a folder would depend on the
 * working folder: each would get its own ledger and pay for the same video again.
 */
export function baseFolders({ env, platform, homeDir }: Surroundings): BaseFolders {
  const atHome = (...parts: readonly string[]): string => join(homeDir ?? refuseHome(), ...parts);
  const own = env.SORA_HOME?.replace(/^~(?=$|[\\/])/, () => atHome());
  if (own !== undefined && !isAbsolute(own)) throw refusal(own);
  const folder = (xdgName: string, fallback: string, windowsName: string): string => {
    if (own !== undefined) return own;
    if (platform === 'win32') {
      const roaming = env.APPDATA || atHome('AppData', 'Roaming');
      const isCache = windowsName === 'cache';
      return join(isCache ? env.LOCALAPPDATA || atHome('AppData', 'Local') : roaming, 'sora', windowsName);
    }
    const base = env[xdgName];
    // The specification requires relative paths to be ignored.
    return join(base && isAbsolute(base) ? base : atHome(fallback), 'sora');
  };
  return {
    config: folder('XDG_CONFIG_HOME', '.config', 'config'),
    state: folder('XDG_STATE_HOME', join('.local', 'state'), 'state'),
    cache: folder('XDG_CACHE_HOME', '.cache', 'cache'),
  };
}

function refusal(folder: string): RefusedFolder {
  const problem = folder === '' ? 'SORA_HOME is empty' : `SORA_HOME is \`${folder}\`, a relative folder`;
  return new RefusedFolder(problem, 'set `SORA_HOME` to an absolute folder, or unset it');
}

function refuseHome(): never {
  throw new RefusedFolder(
    'the home folder is not known: HOME is unset, empty or relative',
    'set `HOME`, or set `SORA_HOME` to an absolute folder',
  );
}
