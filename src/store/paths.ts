import { isAbsolute, join } from 'node:path';
import { SoraError } from '../domain/errors.ts';

/** Where everything lies; absolute. */
export interface SoraPaths {
  readonly settings: string;
  readonly keys: string;
  readonly ledger: string;
  readonly ledgerIndex: string;
  /** What the hashes of keys in the ledger are salted with. */
  readonly accountSalt: string;
  readonly simulatorDir: string;
  /** Jobs and files of the REST service of `serve`. */
  readonly serviceDir: string;
  /** Compiled code of the program, see `platform/code-cache.ts`. */
  readonly codeDir: string;
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Null where it is not known. */
  readonly homeDir: string | null;
}

/**
 * `SORA_HOME` for everything, else the folders of the XDG specification; on Windows those below `%APPDATA%`, and below
 * `%LOCALAPPDATA%` for what need not follow its user to other machines. Throws `invalid_config` where a folder would
 * depend on the working folder: each would have a ledger of its own, and pay for the same again.
 */
export function soraPaths({ env, platform, homeDir }: Surroundings): SoraPaths {
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
    // The specification says that a relative path is to be ignored.
    return join(base && isAbsolute(base) ? base : atHome(fallback), 'sora');
  };
  const config = folder('XDG_CONFIG_HOME', '.config', 'config');
  const state = folder('XDG_STATE_HOME', join('.local', 'state'), 'state');
  const cache = folder('XDG_CACHE_HOME', '.cache', 'cache');
  return {
    settings: join(config, 'settings.json'),
    keys: join(config, 'keys.json'),
    ledger: join(state, 'ledger.jsonl'),
    accountSalt: join(state, 'account.salt'),
    ledgerIndex: join(cache, 'ledger.index'),
    simulatorDir: join(state, 'simulator'),
    serviceDir: join(state, 'serve'),
    codeDir: join(cache, 'code'),
  };
}

function refusal(folder: string): SoraError {
  return new SoraError('invalid_config', {
    title: folder === '' ? 'SORA_HOME is empty' : `SORA_HOME is \`${folder}\`, a relative folder`,
    hints: ['set `SORA_HOME` to an absolute folder, or unset it'],
  });
}

function refuseHome(): never {
  throw new SoraError('invalid_config', {
    title: 'the home folder is not known: HOME is empty or relative',
    hints: ['set `HOME`, or set `SORA_HOME` to an absolute folder'],
  });
}
