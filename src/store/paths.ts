import { isAbsolute, join } from 'node:path';

/** Where everything lies; absolute. */
export interface SoraPaths {
  readonly settings: string;
  readonly keys: string;
  readonly ledger: string;
  readonly ledgerIndex: string;
  readonly simulatorDir: string;
  /** Jobs and files of the REST service of `serve`. */
  readonly serviceDir: string;
  /** Compiled code of the program, see `platform/code-cache.ts`. */
  readonly codeDir: string;
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
}

/** `SORA_HOME` for everything, else the folders of the XDG specification, on Windows those below `%APPDATA%`. */
export function soraPaths({ env, platform, homeDir }: Surroundings): SoraPaths {
  const folder = (xdgName: string, fallback: string, windowsName: string): string => {
    if (env.SORA_HOME) return env.SORA_HOME;
    if (platform === 'win32') return join(env.APPDATA ?? join(homeDir, 'AppData', 'Roaming'), 'sora', windowsName);
    const base = env[xdgName];
    // The specification says that a relative path is to be ignored.
    return join(base && isAbsolute(base) ? base : join(homeDir, fallback), 'sora');
  };
  const config = folder('XDG_CONFIG_HOME', '.config', 'config');
  const state = folder('XDG_STATE_HOME', join('.local', 'state'), 'state');
  const cache = folder('XDG_CACHE_HOME', '.cache', 'cache');
  return {
    settings: join(config, 'settings.json'),
    keys: join(config, 'keys.json'),
    ledger: join(state, 'ledger.jsonl'),
    ledgerIndex: join(cache, 'ledger.index'),
    simulatorDir: join(state, 'simulator'),
    serviceDir: join(state, 'serve'),
    codeDir: join(cache, 'code'),
  };
}
