import type { Context } from '../../app/context.ts';
import { profileNames } from '../../configuration/chosen-server.ts';
import { isUnfilled, type Preset } from '../../domain/presets.ts';
import { CUSTOM_PROFILE, isReservedName } from '../../domain/profile-names.ts';
import { readKeys } from '../../store/keys.ts';
import { settingFault } from '../../store/setting-specs.ts';
import type { SettingChange, Settings } from '../../store/settings.ts';

/** A profile to create: its settings by the last part of their names. */
export interface NewProfile {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** The first settings of a profile of this kind; its preset provides the others. */
export function startingSettings({ name, baseUrl }: Preset): Record<string, string> {
  return {
    ...(name === CUSTOM_PROFILE ? {} : { preset: name }),
    ...(baseUrl === null ? {} : { base_url: baseUrl }),
  };
}

/** Why a new profile cannot have a name, or null. */
export function nameFault(name: string, settings: Settings): string | null {
  if (!/^\w[\w-]*$/.test(name))
    return `the name \`${name}\` may only contain letters, digits, \`_\` and, after the first character, \`-\``;
  if (isReservedName(name)) return `the name \`${name}\` is reserved`;
  if (name === CUSTOM_PROFILE) return `the name \`${name}\` is reserved for servers without a profile`;
  if (!profileNames(settings).includes(name)) return null;
  return `the profile \`${name}\` already exists: change it with \`sora config set profiles.${name}.…\``;
}

/** A free profile name: the one on the command line, else one from the kind of server. */
export function proposedName(
  preset: Preset | null,
  { options, settings }: Pick<Context, 'options' | 'settings'>,
): string {
  const kind = preset === null || preset.name === CUSTOM_PROFILE ? 'lab' : preset.name;
  return freeName(options.profile ?? kind, settings);
}

/** A profile name derived from a word that no profile has yet. */
export function freeName(word: string, settings: Settings): string {
  const stem = word.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '') || 'server';
  for (let number = 1; ; number++) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    if (nameFault(name, settings) === null) return name;
  }
}

/** All problems in the settings of a new profile. */
export function profileFaults({ name, settings }: NewProfile, preset: Preset): string[] {
  return [
    ...addressFaults(settings.base_url, preset),
    ...Object.entries(settings).flatMap(([key, value]) => {
      const fault = settingFault(`profiles.${name}.${key}`, value);
      return fault === null ? [] : [`\`${key}\`: ${fault}`];
    }),
  ];
}

function addressFaults(baseUrl: string | undefined, preset: Preset): string[] {
  if (baseUrl !== undefined) return isUnfilled(baseUrl) ? [placeholderFault(baseUrl)] : [];
  return preset.name === 'simulator'
    ? [
        'the simulator is built in: run `sora config profile use simulator`; a simulator run by `sora serve` needs `--base-url`',
      ]
    : ['the base URL is missing: set it with `--base-url`'];
}

/** The problem of a base URL that still has its placeholder. */
export function placeholderFault(baseUrl: string): string {
  return `the base URL ${baseUrl} still contains the placeholder RESOURCE: set your own with \`--base-url\``;
}

/** Advice and steps before the first video. */
export function nextSteps(
  { name, settings }: NewProfile,
  preset: Preset,
  { env, paths }: Pick<Context, 'env' | 'paths'>,
): string[] {
  const { key_from_env: variable, auth = preset.auth, price, model = preset.model } = settings;
  const hasKey = variable !== undefined || Object.hasOwn(readKeys(paths.keys), name);
  const wantsKey = preset.keyVariable !== null && auth !== 'none';
  return [
    preset.advice.replaceAll('NAME', name),
    ...(wantsKey && !hasKey ? [`run \`sora config key set --profile ${name}\` to store its key`] : []),
    ...(variable !== undefined && !env[variable] ? [`the environment variable ${variable} is not set`] : []),
    ...(model === null ? [`run \`sora config set profiles.${name}.model MODEL\` to set its model`] : []),
    ...(preset.isOwn && price === undefined
      ? [`run \`sora config set profiles.${name}.price free\` if the server is your own and free`]
      : []),
  ];
}

/** The profile as changes of the settings. */
export function changesFor({ name, settings }: NewProfile, isDefault: boolean): SettingChange[] {
  const changes = Object.entries(settings).map(([key, value]): SettingChange => [`profiles.${name}.${key}`, value]);
  return isDefault ? [...changes, ['profile', name]] : changes;
}
