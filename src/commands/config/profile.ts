import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { option, refuseFaults } from '../../app/option-values.ts';
import { checkExistingProfile, checkProfile, profileNames } from '../../configuration/chosen-server.ts';
import { isSecretSetting } from '../../configuration/endpoint.ts';
import { profileSettings } from '../../configuration/profile-settings.ts';
import { DIALECTS } from '../../domain/dialect.ts';
import { SoraError } from '../../domain/errors.ts';
import { nearest } from '../../domain/nearest.ts';
import { findPreset, PRESET_NAMES, type Preset } from '../../domain/presets.ts';
import { DEFAULT_PROFILE, SIMULATOR_PROFILE } from '../../domain/profile-names.ts';
import { confirm } from '../../output/prompt.ts';
import { maskKey, readKeys, writeKey } from '../../store/keys.ts';
import { type SettingChange, writeSettings } from '../../store/settings.ts';
import { changesFor, type NewProfile, nameFault, nextSteps, profileFaults, startingSettings } from './new-profile.ts';

const JSON_SHAPE =
  '{"name","default","base_url","dialect","auth","key","key_origin","model","settings":{…},"origins":{…}}';

type ProfileDeps = Pick<Context, 'settings' | 'configurationFor'>;

/** A profile for programs; keys are masked. */
function profileJson(name: string, { settings, configurationFor }: ProfileDeps) {
  const { baseUrl, auth, dialect, key, model } = configurationFor({ profile: name });
  const shown = [...profileSettings(name, settings)].map(([setting, { value, origin }]) => ({
    name: setting,
    value: isSecretSetting(`profiles.${name}.${setting}`) ? maskKey(value) : value,
    origin,
  }));
  return {
    name,
    default: name === (settings.get('profile') ?? DEFAULT_PROFILE),
    base_url: baseUrl.value,
    dialect: DIALECTS[dialect.value].name,
    auth,
    key: key && maskKey(key.value),
    key_origin: key?.origin ?? null,
    model: model?.value ?? null,
    settings: Object.fromEntries(shown.map((setting) => [setting.name, setting.value])),
    origins: Object.fromEntries(shown.map((setting) => [setting.name, setting.origin])),
  };
}

export const configProfileAddCommand = defineCommand({
  name: 'config profile add',
  description:
    'Creates a profile: a named server with its settings. A preset fills in the settings for a kind of server (see docs/servers.md); --base-url and --dialect override them. To store a key, run `sora config key set`, or name its environment variable.',
  arguments: [{ form: '<name>', summary: 'name of the profile, for --profile' }],
  options: {
    preset: option('--preset <name>', `kind of server: ${PRESET_NAMES.join(', ')} (default custom)`),
    keyFromEnv: option('--key-from-env <variable>', 'environment variable that holds the key'),
    auth: option('--auth <how>', 'how the key is sent: bearer, api-key or none'),
    model: option('-m, --model <name>', 'default model'),
    set: option('--set <name=value>', 'any other setting of a profile, such as defaults.duration=8 (repeatable)', {
      repeatable: true,
    }),
    use: option('--use', 'make it the default profile'),
  },
  json: JSON_SHAPE,
  errors: ['usage', 'invalid_config', 'cannot_write'],
  examples: [
    ['sora config profile add lab --preset vllm-omni -m Wan-AI/Wan2.2-T2V-A14B-Diffusers', 'a server of your own'],
    [
      'sora config profile add work --preset azure --base-url https://acme.openai.azure.com/openai/v1 --key-from-env AZURE_OPENAI_API_KEY -m my-deployment --use',
      'a service, with the key from the environment',
    ],
  ],
  async run(
    { args: [name = ''], options },
    deps: ProfileDeps & Pick<Context, 'options' | 'output' | 'paths' | 'env' | 'forgetSettings'>,
  ) {
    const { settings, output, paths } = deps;
    const faults: string[] = [];
    const preset = choosePreset(options.preset, faults);
    const { baseUrl, dialect } = deps.options;
    const { keyFromEnv, auth, model, set = [], use = false } = options;
    const named = { base_url: baseUrl, dialect, key_from_env: keyFromEnv, auth, model };
    const profile: NewProfile = {
      name,
      settings: { ...startingSettings(preset), ...given(named), ...parseAssignments(set, faults) },
    };
    const badName = nameFault(name, settings);
    // With an invalid name, every setting would be reported as unknown.
    faults.push(...(badName === null ? profileFaults(profile, preset) : [badName]));
    refuseFaults(faults);

    await writeSettings(paths.settings, changesFor(profile, use));
    deps.forgetSettings();
    for (const note of nextSteps(profile, preset, deps)) output.note(note);
    return { answer: { data: profileJson(name, deps), view: () => '' } };
  },
});

function choosePreset(name: string | undefined, faults: string[]): Preset {
  const preset = findPreset(name ?? 'custom');
  if (preset !== undefined) return preset;
  const near = nearest(name ?? '', PRESET_NAMES).map((known) => `; did you mean \`${known}\`?`);
  faults.push(`the preset \`${name}\` is not one of ${PRESET_NAMES.join(', ')}${near.join('')}`);
  return choosePreset(undefined, faults);
}

function given(named: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(named).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function parseAssignments(texts: readonly string[], faults: string[]): Record<string, string> {
  return Object.fromEntries(
    texts.flatMap((text) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key !== undefined && value !== undefined) return [[key, value]];
      faults.push(`\`--set ${text}\` is not of the form name=value`);
      return [];
    }),
  );
}

export const configProfileUseCommand = defineCommand({
  name: 'config profile use',
  description: 'Makes a profile the default.',
  arguments: [{ form: '<name>', summary: 'a name from `sora config profile list`' }],
  json: '{"profile"}',
  errors: ['invalid_config', 'cannot_write'],
  examples: [
    ['sora config profile use lab', 'use the profile lab from now on'],
    ['sora config profile use simulator', 'use the free offline simulator from now on'],
  ],
  async run({ args: [name = ''] }, { settings, paths }: Pick<Context, 'settings' | 'paths'>) {
    checkProfile(name, settings);
    await writeSettings(paths.settings, [['profile', name]]);
    return { answer: { data: { profile: name }, view: () => '' } };
  },
});

export const configProfileListCommand = defineCommand({
  name: 'config profile list',
  description: 'Lists the profiles, built-in ones first. Keys are masked.',
  json: `{"profiles":[${JSON_SHAPE}]}`,
  errors: ['invalid_config'],
  examples: [
    ['sora config profile list', 'all profiles, and which one is the default'],
    ["sora config profile list --json | jq -r '.profiles[].name'", 'their names'],
  ],
  async run(_, deps: ProfileDeps) {
    const profiles = profileNames(deps.settings).map((name) => profileJson(name, deps));
    return {
      answer: {
        data: { profiles },
        view: {
          head: ['NAME', 'DEFAULT', 'BASE URL', 'DIALECT', 'KEY', 'MODEL'],
          rows: profiles.map((profile) => [
            profile.name,
            profile.default ? 'yes' : '',
            profile.base_url,
            profile.dialect,
            profile.key ?? '',
            profile.model ?? '',
          ]),
          flexible: 'BASE URL',
          least: LEAST_ADDRESS,
          losesMiddle: () => true,
          optional: ['DIALECT', 'KEY', 'MODEL'],
        },
      },
    };
  },
});

/** Columns of a terminal, in which most addresses fit. */
const LEAST_ADDRESS = 28;

export const configProfileShowCommand = defineCommand({
  name: 'config profile show',
  description:
    'Shows the settings of a profile, each with its origin: its preset, what was learnt about the server, or the profile itself. Keys are masked.',
  arguments: [{ form: '<name>', summary: 'a name from `sora config profile list`' }],
  json: JSON_SHAPE,
  errors: ['invalid_config'],
  examples: [
    ['sora config profile show lab', 'its server, its key, its settings'],
    ["sora config profile show lab --json | jq '.settings'", 'its settings, for a script'],
  ],
  async run({ args: [name = ''] }, deps: ProfileDeps) {
    checkProfile(name, deps.settings);
    const profile = profileJson(name, deps);
    const { settings, origins, ...facts } = profile;
    // The base URL is shown once: built-in profiles have one without a setting.
    const { base_url: _, ...others } = settings;
    const { key_origin: origin } = facts;
    const rows = [
      ['name', name, ''],
      ['default', facts.default ? 'yes' : 'no', ''],
      ['base_url', facts.base_url, origins.base_url ?? 'default'],
      ['key', facts.key ?? '', origin ?? ''],
      ...Object.entries(others).map(([setting, value]) => [setting, value, origins[setting] ?? '']),
    ];
    const head = ['NAME', 'VALUE', 'ORIGIN'];
    const view = { head, rows, flexible: 'VALUE', losesMiddle: () => true, optional: ['ORIGIN'] };
    return { answer: { data: profile, view } };
  },
});

type RemoveDeps = Pick<Context, 'isInteractive' | 'host' | 'ledger'>;

export const configProfileRemoveCommand = defineCommand({
  name: 'config profile remove',
  description: 'Removes a profile with its settings and its stored key. Asks for confirmation; scripts need --yes.',
  arguments: [{ form: '<name>', summary: 'a name from `sora config profile list`' }],
  options: { yes: option('-y, --yes', 'remove it without asking') },
  json: '{"profile","removed"}',
  errors: ['usage', 'invalid_config', 'cannot_write'],
  examples: [
    ['sora config profile remove lab', 'remove a profile and its key'],
    ['sora config profile remove lab --yes', 'the same, in a script'],
  ],
  async run({ args: [name = ''], options }, deps: RemoveDeps & Pick<Context, 'settings' | 'paths' | 'output'>) {
    const { settings, paths, output } = deps;
    checkExistingProfile(name, settings);
    if (name === DEFAULT_PROFILE || name === SIMULATOR_PROFILE) {
      throw new SoraError('usage', {
        title: `the profile \`${name}\` is built in`,
        hints: [`run \`sora config key remove --profile ${name}\` to remove its key`],
      });
    }
    const isRemoved = options.yes === true || (await agreesToRemove(name, deps));
    if (isRemoved) {
      if (Object.hasOwn(readKeys(paths.keys), name)) await writeKey(paths.keys, name, undefined);
      const names = [...settings.keys()].filter((setting) => setting.startsWith(`profiles.${name}.`));
      if (settings.get('profile') === name) names.push('profile');
      const changes = names.map((setting): SettingChange => [setting, undefined]);
      await writeSettings(paths.settings, changes);
      if (names.includes('profile')) output.note(`the default profile is ${DEFAULT_PROFILE} again`);
    }
    return { answer: { data: { profile: name, removed: isRemoved }, view: () => '' } };
  },
});

async function agreesToRemove(name: string, { isInteractive, host, ledger }: RemoveDeps): Promise<boolean> {
  if (!isInteractive) {
    throw new SoraError('usage', {
      title: 'removing a profile needs confirmation, and there is no terminal to ask',
      hints: [`add \`--yes\` to remove profile ${name} with its key`],
    });
  }
  const unfinished = (await ledger.open()).filter(({ profile }) => profile === name).length;
  const loss = unfinished === 0 ? '' : ` Its ${unfinished} unfinished jobs could no longer be reached.`;
  return confirm(`Remove profile ${name}, with its settings and its key?${loss}`, host);
}
