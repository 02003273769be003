import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { soraPaths } from '../../src/store/paths.ts';

const HOME = join('/', 'home', 'ada');

const foldersOf = (platform: NodeJS.Platform, env: Readonly<Record<string, string>>): string[] => {
  const { settings, keys, ledger, ledgerIndex, simulatorDir, serviceDir, codeDir } = soraPaths({
    env,
    platform,
    homeDir: HOME,
  });
  return [settings, keys, ledger, ledgerIndex, simulatorDir, serviceDir, codeDir];
};

describe('files lie', () => {
  it.each<[string, NodeJS.Platform, Readonly<Record<string, string>>, string, string, string]>([
    [
      'below the home folder',
      'linux',
      {},
      join(HOME, '.config/sora'),
      join(HOME, '.local/state/sora'),
      join(HOME, '.cache/sora'),
    ],
    [
      'where XDG says',
      'darwin',
      { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/x' },
      join('/c/sora'),
      join('/s/sora'),
      join('/x/sora'),
    ],
    [
      'below the home folder where XDG says nothing sensible',
      'linux',
      { XDG_CONFIG_HOME: 'relative', XDG_STATE_HOME: '' },
      join(HOME, '.config/sora'),
      join(HOME, '.local/state/sora'),
      join(HOME, '.cache/sora'),
    ],
    [
      'in APPDATA on Windows',
      'win32',
      { APPDATA: '/appdata', XDG_CONFIG_HOME: '/c' },
      join('/appdata/sora/config'),
      join('/appdata/sora/state'),
      join('/appdata/sora/cache'),
    ],
    ['in SORA_HOME before all', 'win32', { SORA_HOME: '/h', APPDATA: '/appdata' }, '/h', '/h', '/h'],
  ])('%s', (_, platform, env, config, state, cache) => {
    expect(foldersOf(platform, env)).toEqual([
      join(config, 'settings.json'),
      join(config, 'keys.json'),
      join(state, 'ledger.jsonl'),
      join(cache, 'ledger.index'),
      join(state, 'simulator'),
      join(state, 'serve'),
      join(cache, 'code'),
    ]);
  });
});
