import { describe, expect, it } from 'vitest';
import { resolveConfiguration } from '../../src/configuration/configuration.ts';
import { endpointOf, requireKey, secretsOf } from '../../src/configuration/endpoint.ts';
import type { TargetOptions } from '../../src/configuration/sources.ts';
import type { Dialect } from '../../src/domain/dialect.ts';

const LAB = 'http://lab.example/v1';
const STORED = { openai: 'stored-of-openai', lab: 'stored-of-lab' };

interface Given {
  readonly options?: TargetOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly keys?: Readonly<Record<string, string>>;
}

/** Resolves with a profile `lab` in the settings. */
function resolve({ options = {}, env = {}, settings = {}, keys = STORED }: Given) {
  const all = new Map(Object.entries({ 'profiles.lab.base_url': LAB, ...settings }));
  return resolveConfiguration({ options, env, settings: all, keys });
}

describe('a profile’s own prices', () => {
  const settings = { 'profiles.lab.prices.wan2.2': '0.05' };
  const own = (given: Given) =>
    resolve({ settings, ...given }).prices.filter(({ priceList }) => priceList === 'profile lab');

  it('apply to its server', () => {
    expect(own({ options: { profile: 'lab' } })).toEqual([
      {
        model: 'wan2.2',
        resolution: null,
        sizes: null,
        microsPerSecond: 50_000,
        since: null,
        priceList: 'profile lab',
        source: 'setting profiles.lab.prices',
      },
    ]);
  });

  it.each<[string, Given]>([
    ['another profile', {}],
    ['another server', { options: { profile: 'lab', baseUrl: 'http://option/v1' } }],
    ['the simulator', { options: { simulate: true } }],
  ])('do not apply to %s', (_, given) => {
    expect(own(given)).toEqual([]);
  });
});

describe('the base URL', () => {
  const everywhere: Given = {
    options: { baseUrl: 'http://option/v1' },
    env: { SORA_BASE_URL: 'http://sora-env/v1', OPENAI_BASE_URL: 'http://openai-env/v1' },
    settings: { profile: 'lab' },
  };
  const { options, env, settings } = everywhere;
  const { OPENAI_BASE_URL = '' } = env ?? {};

  it.each<[string, Given, string, string, string]>([
    ['an option', everywhere, 'http://option/v1', 'option --base-url', 'custom'],
    ['SORA_BASE_URL', { env, settings } as Given, 'http://sora-env/v1', 'SORA_BASE_URL', 'custom'],
    ['OPENAI_BASE_URL', { env: { OPENAI_BASE_URL }, settings } as Given, OPENAI_BASE_URL, 'OPENAI_BASE_URL', 'custom'],
    ['the profile', { settings } as Given, LAB, 'profile lab', 'lab'],
    ['the default', {}, 'https://api.openai.com/v1', 'default', 'openai'],
    ['a profile named by an option', { options: { profile: 'lab' }, env } as Given, LAB, 'profile lab', 'lab'],
    [
      'an option beside a named profile',
      { options: { ...options, profile: 'lab' } },
      'http://option/v1',
      'option --base-url',
      'custom',
    ],
    [
      'the profile in SORA_PROFILE, before OPENAI_BASE_URL',
      { env: { SORA_PROFILE: 'lab', OPENAI_BASE_URL } },
      LAB,
      'profile lab',
      'lab',
    ],
    [
      'the simulator in the settings',
      { settings: { profile: 'simulator' } },
      'http://simulator.invalid/v1',
      'the simulator',
      'simulator',
    ],
    [
      'an option, before the simulator in the settings',
      { options: { baseUrl: 'http://option/v1' }, settings: { profile: 'simulator' } },
      'http://option/v1',
      'option --base-url',
      'custom',
    ],
    [
      '--simulate, before the environment',
      { options: { simulate: true }, env } as Given,
      'http://simulator.invalid/v1',
      'the simulator',
      'simulator',
    ],
    [
      'SORA_BASE_URL, before SORA_PROFILE',
      { env: { ...env, SORA_PROFILE: 'lab' } },
      'http://sora-env/v1',
      'SORA_BASE_URL',
      'custom',
    ],
  ])('comes from %s', (_, given, value, origin, profile) => {
    const resolved = resolve(given);
    expect({ baseUrl: resolved.baseUrl, profile: resolved.profile.value }).toEqual({
      baseUrl: { value, origin },
      profile,
    });
  });

  it.each([
    ['ftp://x/v1', 'does not start with http'],
    ['nonsense', 'is not a URL'],
    ['http://x/v1?key=1', 'query'],
    ['http://me:secret@x/v1', 'a user or password'],
    ['http://x/v1/videos', 'the URL of an endpoint'],
    ['http://x/v1/video/generations/', 'the URL of an endpoint'],
    ['http://x/api/v1beta/videos', 'the URL of an endpoint'],
  ])('is refused when it is %s', (baseUrl, words) => {
    expect(() => resolve({ options: { baseUrl } })).toThrow(
      expect.objectContaining({ code: 'invalid_config', violations: [expect.stringContaining(words)] }),
    );
  });

  it.each(['http://gateway/videos', 'http://gateway/team/video'])('may be a route of a gateway: %s', (baseUrl) => {
    expect(resolve({ options: { baseUrl } }).baseUrl.value).toBe(baseUrl);
  });

  it('is suggested without the path of an endpoint', () => {
    expect(() => resolve({ options: { baseUrl: 'http://x/v1/videos' } })).toThrow(
      expect.objectContaining({ hints: ['use `--base-url http://x/v1`'] }),
    );
  });
});

describe('the key', () => {
  const BOTH = { SORA_API_KEY: 'of-sora', OPENAI_API_KEY: 'of-openai' };
  const { OPENAI_API_KEY } = BOTH;

  it.each<[string, Given, string | null, string | null]>([
    ['SORA_API_KEY goes to OpenAI', { env: BOTH }, 'of-sora', 'SORA_API_KEY'],
    ['OPENAI_API_KEY goes to OpenAI', { env: { OPENAI_API_KEY } }, 'of-openai', 'OPENAI_API_KEY'],
    ['the stored key goes to OpenAI', {}, 'stored-of-openai', 'profile openai'],
    [
      'the key in the environment goes to --base-url',
      { options: { baseUrl: 'http://x/v1' }, env: { OPENAI_API_KEY } },
      'of-openai',
      'OPENAI_API_KEY',
    ],
    [
      'the key in the environment goes to OPENAI_BASE_URL',
      { env: { OPENAI_API_KEY, OPENAI_BASE_URL: 'http://x/v1' } },
      'of-openai',
      'OPENAI_API_KEY',
    ],
    ['the stored key does not go to --base-url', { options: { baseUrl: 'http://x/v1' } }, null, null],
    ['the stored key does not go to SORA_BASE_URL', { env: { SORA_BASE_URL: 'http://x/v1' } }, null, null],
    ['a profile sends its own key', { options: { profile: 'lab' }, env: BOTH }, 'stored-of-lab', 'profile lab'],
    ['a profile without a key sends none', { options: { profile: 'lab' }, env: BOTH, keys: {} }, null, null],
    [
      'the default profile sends its own key',
      { settings: { profile: 'lab' }, env: BOTH },
      'stored-of-lab',
      'profile lab',
    ],
    [
      'key_from_env names another variable',
      {
        options: { profile: 'lab' },
        env: { ...BOTH, LAB_KEY: 'of-lab' },
        settings: { 'profiles.lab.key_from_env': 'LAB_KEY' },
      },
      'of-lab',
      'LAB_KEY',
    ],
    [
      'key_from_env may name OPENAI_API_KEY',
      { options: { profile: 'lab' }, env: BOTH, settings: { 'profiles.lab.key_from_env': 'OPENAI_API_KEY' } },
      'of-openai',
      'OPENAI_API_KEY',
    ],
    [
      'a profile at OpenAI uses OPENAI_API_KEY',
      {
        options: { profile: 'eu' },
        env: { OPENAI_API_KEY },
        settings: { 'profiles.eu.base_url': 'https://api.openai.com/v1' },
      },
      'of-openai',
      'OPENAI_API_KEY',
    ],
    [
      'an origin that only starts like OpenAI’s gets no key',
      {
        options: { profile: 'evil' },
        env: BOTH,
        settings: { 'profiles.evil.base_url': 'https://api.openai.com.evil.example/v1' },
      },
      null,
      null,
    ],
    ['the simulator gets no key', { options: { simulate: true }, env: BOTH }, null, null],
  ])('%s', (_, given, value, origin) => {
    expect(resolve(given).key).toEqual(value === null ? null : { value, origin });
  });
});

describe('the settings of a profile', () => {
  const settings = {
    'profiles.lab.auth': 'api-key',
    'profiles.lab.model': 'wan-2.2',
    'profiles.lab.headers.X-Trace': 'abc',
    'profiles.lab.headers.X-Lab-Token': 'Basic hush-hush',
    'profiles.lab.query.api-version': 'preview',
    'profiles.lab.query.X-Lab-Token': 'hush-too',
  };

  it('are sent to its own server', () => {
    const configuration = resolve({ options: { profile: 'lab' }, settings });
    expect(configuration.model).toEqual({ value: 'wan-2.2', origin: 'profile lab' });
    expect(endpointOf(configuration)).toEqual({
      baseUrl: LAB,
      auth: { name: 'api-key', value: 'stored-of-lab' },
      keyOrigin: 'profile lab',
      headers: { 'X-Trace': 'abc', 'X-Lab-Token': 'Basic hush-hush' },
      query: { 'api-version': 'preview', 'X-Lab-Token': 'hush-too' },
      listQuery: {},
    });
    expect(secretsOf(configuration)).toEqual(['stored-of-lab', 'Basic hush-hush', 'hush-hush', 'hush-too']);
  });

  it('are not sent to another server', () => {
    const configuration = resolve({ options: { profile: 'lab', baseUrl: 'http://x/v1' }, settings });
    expect(endpointOf(configuration)).toEqual({
      baseUrl: 'http://x/v1',
      auth: null,
      keyOrigin: null,
      headers: {},
      query: {},
      listQuery: {},
    });
    expect(secretsOf(configuration)).toEqual([]);
  });

  it('include a model, which SORA_MODEL overrides and which overrides the general one', () => {
    const model = (given: Given) => resolve({ settings: { ...settings, model: 'general' }, ...given }).model;
    expect(model({ env: { SORA_MODEL: 'mine' }, options: { profile: 'lab' } })).toEqual({
      value: 'mine',
      origin: 'SORA_MODEL',
    });
    expect(model({ options: { profile: 'lab' } })?.value).toBe('wan-2.2');
    expect(model({})?.value).toBe('general');
  });

  it.each<[string, Given, boolean]>([
    ['OpenAI', {}, true],
    ['--base-url', { options: { baseUrl: 'http://x/v1' } }, true],
    ['OPENAI_BASE_URL', { env: { OPENAI_BASE_URL: 'http://x/v1' } }, true],
    ['a profile', { options: { profile: 'lab' } }, false],
    ['a server that is only remembered', { options: { remembered: 'http://x/v1' } }, false],
    [
      'a profile at OpenAI that names its own key',
      {
        options: { profile: 'eu' },
        settings: { 'profiles.eu.base_url': 'https://api.openai.com/v1', 'profiles.eu.key_from_env': 'EU_KEY' },
      },
      false,
    ],
  ])('decide whether organisation and project from the environment are sent: %s', (_, given, isSent) => {
    const env = { OPENAI_ORG_ID: 'org-1', OPENAI_PROJECT_ID: 'proj-1', ...given.env };
    expect(endpointOf(resolve({ ...given, settings: given.settings ?? {}, env })).headers).toEqual(
      isSent ? { 'openai-organization': 'org-1', 'openai-project': 'proj-1' } : {},
    );
  });

  it('override the general caps, and limit the daily cap to the profile’s spending', () => {
    const caps = { max_cost: '1', max_cost_per_day: '10', confirm_above: '2' };
    const own = {
      'profiles.lab.max_cost': '0.5',
      'profiles.lab.max_cost_per_day': '5',
      'profiles.lab.confirm_above': '0',
    };
    const lab = resolve({ options: { profile: 'lab' }, settings: { ...caps, ...own } });
    expect(lab).toMatchObject({
      maxCostMicros: { value: 500_000, origin: 'profile lab' },
      maxCostPerDay: { value: 5_000_000, origin: 'profile lab', profile: 'lab' },
      confirmAboveMicros: { value: 0, origin: 'profile lab' },
    });
    const others = resolve({ settings: { ...caps, ...own } });
    expect(others).toMatchObject({
      maxCostMicros: { value: 1_000_000, origin: 'settings' },
      maxCostPerDay: { value: 10_000_000, profile: null },
      confirmAboveMicros: { value: 2_000_000 },
    });
  });

  it('include missing capabilities, model names and query parameters', () => {
    const { missing, modelNames, defaults } = resolve({
      options: { profile: 'lab' },
      settings: {
        'profiles.lab.capabilities.list': 'no',
        'profiles.lab.capabilities.delete': 'yes',
        'profiles.lab.models.sora-2': 'my-deployment',
        'profiles.lab.defaults.duration': '8',
        'profiles.lab.defaults.params.seed': '7',
      },
    });
    expect({ missing: [...missing], modelNames, defaults }).toEqual({
      missing: ['list'],
      modelNames: { 'sora-2': 'my-deployment' },
      defaults: { duration: '8', 'params.seed': '7' },
    });
  });
});

it('a key from the environment loses its line break, and one that cannot be sent is refused', () => {
  const keyed = (key: string) => resolve({ env: { OPENAI_API_KEY: key } });
  expect(keyed('sk-0123456789\r\n').key).toEqual({ value: 'sk-0123456789', origin: 'OPENAI_API_KEY' });
  expect(() => requireKey(keyed('“sk-0123456789”'), 0)).toThrow(
    expect.objectContaining({ code: 'invalid_api_key', message: 'the API key from OPENAI_API_KEY cannot be sent' }),
  );
});

it('an unknown profile is refused with a list of the existing ones', () => {
  expect(() => resolve({ options: { profile: 'nope' } })).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      hints: [
        expect.stringContaining('sora config profile add nope --base-url'),
        'choose one of openai, simulator, lab',
      ],
    }),
  );
});

describe('the dialect', () => {
  const settings = { profile: 'lab', 'profiles.lab.dialect': 'generations', 'profiles.lab.shape': 'new-api' };

  it.each<[string, Given, Dialect, string]>([
    ['the default', {}, 'videos', 'default'],
    ['of the profile', { settings }, 'new-api', 'profile lab'],
    ['of an option', { settings, options: { dialect: 'openrouter' } }, 'openrouter', 'option --dialect'],
    ['of the profile’s own server only', { settings, options: { baseUrl: 'http://other/v1' } }, 'videos', 'default'],
    [
      'of the dialect guide, unless the profile says otherwise',
      { options: { dialect: 'generations' } },
      'generations',
      'option --dialect',
    ],
    [
      'of the simulator’s settings',
      { options: { simulate: true }, settings: { 'profiles.simulator.dialect': 'generations' } },
      'generations',
      'profile simulator',
    ],
  ])('is %s', (_, given, dialect, origin) => {
    expect(resolve(given).dialect).toEqual({ value: dialect, origin });
  });
});
