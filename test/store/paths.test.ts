import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { homeDirOf } from '../../src/platform/home-dir.ts';
import { soraPaths } from '../../src/store/paths.ts';

const HOME = join('/', 'home', 'ada');

const foldersOf = (platform: NodeJS.Platform, env: Readonly<Record<string, string>>): string[] => {
  const { settings, keys, ledger, ledgerIndex, simulatorDir, serviceDir } = soraPaths({ env, platform, homeDir: HOME });
  return [settings, keys, ledger, ledgerIndex, simulatorDir, serviceDir];
};

describe('the files are stored', () => {
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
      'below the home folder when the XDG variables are invalid',
      'linux',
      { XDG_CONFIG_HOME: 'relative', XDG_STATE_HOME: '' },
      join(HOME, '.config/sora'),
      join(HOME, '.local/state/sora'),
      join(HOME, '.cache/sora'),
    ],
    [
      'in APPDATA on Windows',
      'win32',
      { APPDATA: '/appdata', LOCALAPPDATA: '/local', XDG_CONFIG_HOME: '/c' },
      join('/appdata/sora/config'),
      join('/appdata/sora/state'),
      join('/local/sora/cache'),
    ],
    [
      'in SORA_HOME below the home folder',
      'linux',
      { SORA_HOME: '~/s' },
      join(HOME, 's'),
      join(HOME, 's'),
      join(HOME, 's'),
    ],
    ['in SORA_HOME, which overrides the others', 'win32', { SORA_HOME: '/h', APPDATA: '/appdata' }, '/h', '/h', '/h'],
  ])('%s', (_, platform, env, config, state, cache) => {
    expect(foldersOf(platform, env)).toEqual([
      join(config, 'settings.json'),
      join(config, 'keys.json'),
      join(state, 'ledger.jsonl'),
      join(cache, 'ledger.index'),
      join(state, 'simulator'),
      join(state, 'serve'),
    ]);
  });
});

describe('a relative or unknown folder', () => {
  it.each(['', '.', 'sora-data', './.sora', '~ada/sora'])('is refused: SORA_HOME=%j', (folder) => {
    expect(() => soraPaths({ env: { SORA_HOME: folder }, platform: 'linux', homeDir: HOME })).toThrow(
      expect.objectContaining({ code: 'invalid_config', hints: [expect.stringContaining('absolute')] }),
    );
  });

  it('is refused when the home folder is unknown, unless none is needed', () => {
    expect(() => soraPaths({ env: {}, platform: 'linux', homeDir: null })).toThrow(/home folder/);
    expect(soraPaths({ env: { SORA_HOME: '/s' }, platform: 'linux', homeDir: null }).ledger).toBe(
      join('/s', 'ledger.jsonl'),
    );
  });

  it.each([
    [{ HOME: '/home/ada' }, '/home/ada'],
    [{ HOME: '' }, null],
    [{ HOME: 'ada' }, null],
  ])('is not used as the home folder: %j', (env, homeDir) => {
    expect(homeDirOf(env)).toBe(homeDir);
  });

  it('falls back to the system’s home folder when HOME is not set', () => {
    expect(homeDirOf({})).toBe(userInfo().homedir);
  });
});
