import { SoraError } from '../domain/errors.ts';
import { nearest } from '../domain/nearest.ts';
import { DEFAULT_PROFILE, SIMULATOR_BASE_URL, SIMULATOR_PROFILE } from '../domain/profile-names.ts';
import { redactUrl } from '../domain/redact.ts';
import { shellWord } from '../domain/shell.ts';
import { baseUrlFault, ENDPOINT_PATH } from '../store/setting-specs.ts';
import type { Settings } from '../store/settings.ts';
import { type ConfigurationInput, fromEnv, fromSettings, type Sourced, type TargetOptions } from './sources.ts';

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/** How the profile was selected; its values have the same rank. */
type Rank = 'option' | 'sora-env' | 'settings' | 'default';

interface ChosenProfile extends Sourced<string> {
  readonly rank: Rank;
}

export interface ChosenServer {
  readonly profile: Sourced<string>;
  readonly baseUrl: Sourced<string>;
  readonly isSimulator: boolean;
  /** Whether the base URL is the profile's own server; its values apply to no other. */
  readonly isProfilesOwn: boolean;
}

/** Throws `invalid_config` for an unknown profile or an invalid base URL. */
export function chooseServer(input: ConfigurationInput): ChosenServer {
  refuseTwoServers(input.options);
  const profile = chooseProfile(input);
  const profileUrl = ownBaseUrl(profile, input.settings);
  const baseUrl = chooseBaseUrl(input, profile, profileUrl);
  return {
    profile,
    baseUrl,
    isSimulator: baseUrl.value === SIMULATOR_BASE_URL,
    isProfilesOwn: profileUrl !== null && originOf(profileUrl.value) === originOf(baseUrl.value),
  };
}

/** Throws `usage` for `--simulate` combined with another server: either could be the mistake. */
function refuseTwoServers({ simulate, profile, baseUrl }: TargetOptions): void {
  const isOther = profile !== undefined && profile !== SIMULATOR_PROFILE;
  if (!simulate || (!isOther && baseUrl === undefined)) return;
  const other = isOther ? '--profile' : '--base-url';
  throw new SoraError('usage', {
    title: `\`--simulate\` and \`${other}\` select different servers`,
    hints: [`leave out \`${other}\` to use the simulator, or \`--simulate\` to use the server`],
  });
}

function chooseProfile(input: ConfigurationInput): ChosenProfile {
  const { options, settings } = input;
  if (options.simulate) return { value: SIMULATOR_PROFILE, origin: 'option --simulate', rank: 'option' };
  if (options.profile !== undefined) {
    return { value: checkProfile(options.profile, settings), origin: 'option --profile', rank: 'option' };
  }
  const named = fromEnv(input, 'SORA_PROFILE');
  if (named !== null) {
    checkProfile(named.value, settings, 'change the variable SORA_PROFILE');
    return { ...named, rank: 'sora-env' };
  }
  const preset = fromSettings(settings, 'profile');
  if (preset) {
    const value = checkProfile(preset.value, settings, 'run `sora config unset profile` to use the default profile');
    return { value, origin: preset.origin, rank: 'settings' };
  }
  return { value: DEFAULT_PROFILE, origin: 'default', rank: 'default' };
}

/** All profiles: the two built-in ones and those with a base URL in the settings. */
export function profileNames(settings: Settings): string[] {
  const defined = [...settings.keys()].flatMap((name) => /^profiles\.([^.]+)\.base_url$/.exec(name)?.[1] ?? []);
  return [...new Set([DEFAULT_PROFILE, SIMULATOR_PROFILE, ...defined])];
}

/** Returns the name of a profile to use; throws `invalid_config` if there is no such profile. */
export function checkProfile(name: string, settings: Settings, ...hints: readonly string[]): string {
  const creation = `run \`sora config profile add ${shellWord(name)} --base-url http://HOST:PORT/v1\` to create it`;
  return checkExistingProfile(name, settings, ...hints, creation);
}

/** The same, where a profile created now would be of no use. */
export function checkExistingProfile(name: string, settings: Settings, ...hints: readonly string[]): string {
  const names = profileNames(settings);
  if (names.includes(name)) return name;
  throw new SoraError('invalid_config', {
    title: `there is no profile \`${name}\``,
    hints: [
      ...nearest(name, names).map((near) => `did you mean \`${near}\`?`),
      ...hints,
      `choose one of ${names.join(', ')}`,
    ],
  });
}

function ownBaseUrl(profile: ChosenProfile, settings: Settings): Sourced<string> | null {
  if (profile.value === SIMULATOR_PROFILE) return { value: SIMULATOR_BASE_URL, origin: 'the simulator' };
  const own = fromSettings(settings, `profiles.${profile.value}.base_url`);
  if (own) return { value: own.value, origin: `profile ${profile.value}` };
  return profile.value === DEFAULT_PROFILE ? { value: OPENAI_BASE_URL, origin: 'default' } : null;
}

function chooseBaseUrl(
  input: ConfigurationInput,
  { rank }: ChosenProfile,
  profileUrl: Sourced<string> | null,
): Sourced<string> {
  const { options } = input;
  const candidates: readonly (Sourced<string | undefined> | null)[] = [
    { value: options.remembered, origin: 'ledger' },
    options.simulate ? profileUrl : null,
    { value: options.baseUrl, origin: 'option --base-url' },
    rank === 'option' ? profileUrl : null,
    fromEnv(input, 'SORA_BASE_URL'),
    rank === 'sora-env' ? profileUrl : null,
    fromEnv(input, 'OPENAI_BASE_URL'),
    profileUrl,
  ];
  for (const candidate of candidates) {
    const value = candidate?.value?.trim();
    if (!candidate || !value) continue;
    const fault = baseUrlFault(value);
    if (fault === null) return { ...candidate, value: spellOneWay(value) };
    throw new SoraError('invalid_config', {
      title: `the base URL \`${redactUrl(value)}\` (${candidate.origin}) is not valid`,
      violations: [fault],
      hints: [fixFor(candidate.origin, value)],
    });
  }
  throw new SoraError('invalid_config', { title: 'no base URL is set' });
}

/** How to fix the base URL where it was set. */
function fixFor(origin: string, value: string): string {
  const example = usableAddress(value);
  if (origin.startsWith('profile ')) return `run \`sora config set profiles.${origin.slice(8)}.base_url ${example}\``;
  return /^[A-Z_]+$/.test(origin) ? `set \`${origin}=${example}\`` : `use \`--base-url ${example}\``;
}

/** The probable intention: the URL without its forbidden parts, or with the missing scheme. */
export function usableAddress(value: string): string {
  const { protocol, origin, pathname = '' } = URL.canParse(value) ? new URL(value) : {};
  if (protocol === 'http:' || protocol === 'https:') return `${origin}${pathname.replace(ENDPOINT_PATH, '')}`;
  if (/^(localhost|[\d.]+)(:\d{1,5})?(\/[\w./-]*)?$/.test(value)) return `http://${value}`; // rarely served over TLS
  return /^[\w-]+(\.[\w-]+)+(:\d{1,5})?(\/[\w./-]*)?$/.test(value) ? `https://${value}` : 'http://HOST:PORT/v1';
}

/** The ledger identifies a server by its base URL: two spellings must not become two servers, and be paid twice. */
function spellOneWay(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

export function originOf(url: string): string {
  return new URL(url).origin;
}
