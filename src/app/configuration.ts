import type { ServerKnowledge } from '../client/profile-client.ts';
import type { Endpoint } from '../client/transport.ts';
import { CAPABILITY_NAMES, type Capability } from '../domain/capabilities.ts';
import { type ApiForm, type Dialect, type Encoding, formOf, type Shape } from '../domain/dialect.ts';
import { parseDurationMs } from '../domain/duration.ts';
import { SoraError } from '../domain/errors.ts';
import { parseUsd } from '../domain/money.ts';
import { type PriceRow, pricesWith } from '../domain/pricing.ts';
import { redactUrl } from '../domain/redact.ts';
import { type Keys, keyFault, maskKey } from '../store/keys.ts';
import { baseUrlFault, parseYesOrNo, type Settings } from '../store/settings.ts';

export const SIMULATOR_PROFILE = 'simulator';
export const DEFAULT_PROFILE = 'openai';
/** Names the server of a `--base-url` that belongs to no profile. */
export const CUSTOM_PROFILE = 'custom';
const OPENAI_BASE_URL = 'https://api.openai.com/v1';
const SIMULATOR_BASE_URL = 'http://simulator.invalid/v1';

/** A value and where it comes from, for `config list`. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: string;
}

/** The global options that choose a server. */
export interface TargetOptions {
  readonly profile?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly simulate?: boolean | undefined;
  readonly dialect?: string | undefined;
  /** The address of a job that the ledger remembers. Nobody named it, so only what belongs to its origin goes there. */
  readonly remembered?: string | undefined;
}

export interface ConfigurationInput {
  readonly options: TargetOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: Settings;
  readonly keys: Keys;
}

/** Everything that is settled before a command runs; each value with its origin. */
export interface Configuration {
  readonly profile: Sourced<string>;
  readonly baseUrl: Sourced<string>;
  readonly isSimulator: boolean;
  readonly dialect: Sourced<Dialect>;
  readonly shape: Shape;
  readonly key: Sourced<string> | null;
  readonly auth: 'bearer' | 'api-key' | 'none';
  readonly model: Sourced<string> | null;
  readonly encoding: Encoding | 'auto';
  readonly organization: Sourced<string> | null;
  readonly project: Sourced<string> | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** The list’s and, behind them, the profile’s own. */
  readonly prices: readonly PriceRow[];
  /** What the server cannot do, by its profile's word. */
  readonly lacks: ReadonlySet<Capability>;
  /** The server's own names of models, by the names that are given to them here. */
  readonly modelNames: Readonly<Record<string, string>>;
  /** What a request asks for where nothing else is asked for: `duration`, `aspect_ratio`, `params.seed`, … */
  readonly defaults: Readonly<Record<string, string>>;
  readonly maxCostMicros: Sourced<number> | null;
  readonly maxCostPerDayMicros: Sourced<number> | null;
  /** The profile whose spending the cap of the day is for; null: all of them. */
  readonly maxCostPerDayProfile: string | null;
  readonly confirmAboveMicros: Sourced<number>;
  /** Whether a JSON file goes beside each saved video. */
  readonly sidecar: boolean;
  readonly timeoutMs: Sourced<number>;
  readonly requestTimeoutMs: Sourced<number>;
}

/** Where a profile was named; its own values rank with that, above what is weaker. */
type Rank = 'option' | 'sora-env' | 'settings' | 'default';

interface ChosenProfile extends Sourced<string> {
  readonly rank: Rank;
}

/**
 * Settles every value by precedence: option, `SORA_*`, `OPENAI_*`, profile,
 * default. A profile that was named by an option or by `SORA_PROFILE` ranks with
 * that: who says `--profile lab` gets lab’s server whatever the environment says.
 */
export function resolveConfiguration(input: ConfigurationInput): Configuration {
  const { settings } = input;
  const profile = chooseProfile(input);
  const setting = (name: string): Sourced<string> | null => fromSettings(settings, name);
  const ofProfile = (name: string): Sourced<string> | null => {
    const value = settings.get(`profiles.${profile.value}.${name}`);
    return value === undefined ? null : { value, origin: `profile ${profile.value}` };
  };
  const profileUrl = ownBaseUrl(profile, settings);
  const baseUrl = chooseBaseUrl(input, profile, profileUrl);
  const isSimulator = baseUrl.value === SIMULATOR_BASE_URL;
  const isProfilesOwn = profileUrl !== null && originOf(profileUrl.value) === originOf(baseUrl.value);
  const own = (name: string): Sourced<string> | null => (isProfilesOwn ? ofProfile(name) : null);
  const ownGroup = (name: string): Record<string, string> =>
    isProfilesOwn ? group(settings, `profiles.${profile.value}.${name}.`) : {};
  const keyVariable = own('key_from_env');
  // A profile that names a variable has settled what of the environment is for its server.
  const hearsEnvironment = keyVariable === null && isEnvironments(baseUrl);
  const ofEnvironment = (name: string): Sourced<string> | null => (hearsEnvironment ? fromEnv(input, name) : null);
  const key = keyVariable
    ? fromEnv(input, keyVariable.value)
    : (ofEnvironment('SORA_API_KEY') ??
      ofEnvironment('OPENAI_API_KEY') ??
      (isProfilesOwn ? storedKey(input, profile) : null));
  const capabilities = ownGroup('capabilities');
  return {
    profile: isProfilesOwn ? profile : { value: CUSTOM_PROFILE, origin: baseUrl.origin },
    baseUrl,
    isSimulator,
    dialect: chooseDialect(input, isSimulator ? ofProfile('dialect') : own('dialect')),
    shape: ((isSimulator ? ofProfile('shape') : own('shape'))?.value ?? 'guide') as Shape, // checked when the settings were read
    key: isSimulator ? null : key,
    auth: (own('auth')?.value ?? 'bearer') as Configuration['auth'], // checked when the settings were read
    model: fromEnv(input, 'SORA_MODEL') ?? own('model') ?? setting('model'),
    encoding: (own('encoding')?.value ?? 'auto') as Configuration['encoding'], // checked when the settings were read
    organization: ofEnvironment('OPENAI_ORG_ID') ?? own('organization'),
    project: ofEnvironment('OPENAI_PROJECT_ID') ?? own('project'),
    headers: ownGroup('headers'),
    query: ownGroup('query'),
    prices: pricesOf(isProfilesOwn ? profile.value : null, settings),
    lacks: new Set(CAPABILITY_NAMES.filter((name) => parseYesOrNo(capabilities[name] ?? 'yes') === false)),
    modelNames: ownGroup('models'),
    defaults: ownGroup('defaults'),
    maxCostMicros: parsed(own('max_cost') ?? setting('max_cost'), parseUsd),
    maxCostPerDayMicros: parsed(own('max_cost_per_day') ?? setting('max_cost_per_day'), parseUsd),
    maxCostPerDayProfile: own('max_cost_per_day') === null ? null : profile.value,
    confirmAboveMicros: parsed(own('confirm_above') ?? setting('confirm_above'), parseUsd) ?? {
      value: 1_000_000,
      origin: 'default',
    },
    sidecar: parseYesOrNo(setting('sidecar')?.value ?? 'no') ?? false,
    timeoutMs: parsed(setting('timeout'), parseDurationMs) ?? { value: 30 * 60_000, origin: 'default' },
    requestTimeoutMs: parsed(setting('request_timeout'), parseDurationMs) ?? { value: 120_000, origin: 'default' },
  };
}

function chooseProfile({ options, env, settings }: ConfigurationInput): ChosenProfile {
  if (options.simulate) return { value: SIMULATOR_PROFILE, origin: 'option --simulate', rank: 'option' };
  if (options.profile !== undefined) {
    return { value: checkProfile(options.profile, settings), origin: 'option --profile', rank: 'option' };
  }
  if (env.SORA_PROFILE) {
    return { value: checkProfile(env.SORA_PROFILE, settings), origin: 'SORA_PROFILE', rank: 'sora-env' };
  }
  const preset = fromSettings(settings, 'profile');
  if (preset) return { value: checkProfile(preset.value, settings), origin: preset.origin, rank: 'settings' };
  return { value: DEFAULT_PROFILE, origin: 'default', rank: 'default' };
}

/** The profiles there are: the two built-in ones and those with a base URL in the settings. */
export function profileNames(settings: Settings): string[] {
  const defined = [...settings.keys()].flatMap((name) => /^profiles\.([^.]+)\.base_url$/.exec(name)?.[1] ?? []);
  return [...new Set([DEFAULT_PROFILE, SIMULATOR_PROFILE, ...defined])];
}

/** The name itself; throws `invalid_config` where there is no such profile. */
export function checkProfile(name: string, settings: Settings): string {
  const names = profileNames(settings);
  if (names.includes(name)) return name;
  throw new SoraError('invalid_config', {
    title: `there is no profile \`${name}\``,
    hints: [
      `run \`sora config profile add ${name} --base-url http://HOST:PORT/v1\` to make one`,
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
  { options, env }: ConfigurationInput,
  { rank }: ChosenProfile,
  profileUrl: Sourced<string> | null,
): Sourced<string> {
  const candidates: readonly (Sourced<string | undefined> | null)[] = [
    { value: options.remembered, origin: 'ledger' },
    options.simulate ? profileUrl : null,
    { value: options.baseUrl, origin: 'option --base-url' },
    rank === 'option' ? profileUrl : null,
    { value: env.SORA_BASE_URL, origin: 'SORA_BASE_URL' },
    rank === 'sora-env' ? profileUrl : null,
    { value: env.OPENAI_BASE_URL, origin: 'OPENAI_BASE_URL' },
    profileUrl,
  ];
  for (const candidate of candidates) {
    const value = candidate?.value?.trim();
    if (!candidate || !value) continue;
    const fault = baseUrlFault(value);
    if (fault === null) return { value, origin: candidate.origin };
    throw new SoraError('invalid_config', {
      title: `the base URL \`${redactUrl(value)}\` (${candidate.origin}) is not usable`,
      violations: [fault],
    });
  }
  throw new SoraError('invalid_config', { title: 'no base URL is known' });
}

/** A profile’s own prices say what its own server takes, so they hold for no other. */
function pricesOf(profile: string | null, settings: Settings): PriceRow[] {
  const setting = `profiles.${profile}.prices`;
  const own = profile === null ? {} : group(settings, `${setting}.`);
  return pricesWith(
    Object.entries(own).flatMap(([name, usd]) => {
      const microsPerSecond = parseUsd(usd);
      return microsPerSecond === undefined ? [] : [{ name, microsPerSecond }];
    }),
    { priceList: `profile ${profile}`, source: `setting ${setting}` },
  );
}

/** A name was checked when the command line or the settings were read. */
function chooseDialect({ options }: ConfigurationInput, ofProfile: Sourced<string> | null): Sourced<Dialect> {
  const chosen = options.dialect === undefined ? ofProfile : { value: options.dialect, origin: 'option --dialect' };
  return chosen === null ? { value: 'videos', origin: 'default' } : (chosen as Sourced<Dialect>);
}

/** The form of the API that the server is spoken to in. */
export function apiFormOf({ dialect, shape }: Configuration): ApiForm {
  return formOf(dialect.value, shape);
}

/**
 * Whether what the environment holds for its server (key, organisation, project) is for this one: its address stands
 * beside it or on the command line, or it is OpenAI's own.
 */
function isEnvironments({ value, origin }: Sourced<string>): boolean {
  const isExplicit = ['option --base-url', 'SORA_BASE_URL', 'OPENAI_BASE_URL'].includes(origin);
  return isExplicit || originOf(value) === originOf(OPENAI_BASE_URL);
}

/** The key that was stored for a profile, which is for its own server only. */
function storedKey({ keys }: ConfigurationInput, { value: profile }: ChosenProfile): Sourced<string> | null {
  const key = Object.hasOwn(keys, profile) ? keys[profile] : undefined;
  return key === undefined ? null : { value: key, origin: `stored for profile ${profile}` };
}

/** Refuses to go on without a key where a key is certain to be needed, or with one that cannot be sent. */
export function requireKey(configuration: Configuration): void {
  const { key, baseUrl, profile } = configuration;
  if (key === null) {
    if (needsKey(configuration)) throw new SoraError('no_api_key', { facts: { profile: profile.value } });
    return;
  }
  const fault = keyFault(key.value);
  if (fault === null) return;
  throw new SoraError('invalid_api_key', {
    title: `the API key from ${key.origin} cannot be sent`,
    violations: [fault],
    facts: { origin: originOf(baseUrl.value) },
  });
}

/** Whether a server is certain to want a key: OpenAI itself. */
export function needsKey({ auth, baseUrl }: Configuration): boolean {
  return auth !== 'none' && originOf(baseUrl.value) === originOf(OPENAI_BASE_URL);
}

/** What the transport sends with every call. */
export function endpointOf(configuration: Configuration): Endpoint {
  const { baseUrl, key, auth, organization, project, headers, query } = configuration;
  return {
    baseUrl: baseUrl.value,
    auth: key === null || auth === 'none' ? null : authHeader(auth, key.value),
    headers: {
      ...(organization ? { 'openai-organization': organization.value } : {}),
      ...(project ? { 'openai-project': project.value } : {}),
      ...headers,
    },
    query,
    secrets: secretsOf(configuration),
  };
}

/** What the client knows of the server beside that. */
export function knowledgeOf({ profile, lacks, modelNames }: Configuration): ServerKnowledge {
  return { profile: profile.value, lacks, modelNames };
}

function authHeader(auth: 'bearer' | 'api-key', key: string): { name: string; value: string } {
  return auth === 'bearer' ? { name: 'authorization', value: `Bearer ${key}` } : { name: 'api-key', value: key };
}

const SECRET_NAME = /key|token|secret|auth|sig|pass|credential|cookie|session/i;

/** Whether a header or a query parameter of this name holds a secret, as far as its name tells. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Whether a setting holds a secret, as far as its name tells. */
export function isSecretSetting(name: string): boolean {
  const [, sent] = /^profiles\.[^.]+\.(?:headers|query)\.(.+)$/.exec(name) ?? [];
  return sent !== undefined && isSecretName(sent);
}

/** What must never be shown: the key, and headers and query parameters whose names say that they are one. */
export function secretsOf({ key, headers, query }: Configuration): string[] {
  const named = [...Object.entries(headers), ...Object.entries(query)].filter(([name]) => isSecretName(name));
  return [...(key === null ? [] : [key.value]), ...named.flatMap(([, value]) => [value, ...credentialsOf(value)])];
}

/** What follows the scheme in `Bearer TOKEN`: a server may repeat it alone. */
function credentialsOf(value: string): string[] {
  return /^\S+\s+(\S.*)$/.exec(value)?.slice(1) ?? [];
}

/** Name, value and origin of every settled value, keys masked. */
export function describeConfiguration(configuration: Configuration): { name: string; value: string; origin: string }[] {
  const { profile, baseUrl, key, model, organization, project } = configuration;
  const row = (
    name: string,
    sourced: Sourced<string | number> | null,
    show: (value: string | number) => string = String,
  ) =>
    sourced === null
      ? { name, value: '', origin: 'not set' }
      : { name, value: show(sourced.value), origin: sourced.origin };
  const dollars = (micros: string | number): string => (Number(micros) / 1_000_000).toFixed(2);
  const seconds = (ms: string | number): string => `${Number(ms) / 1000}s`;
  return [
    row('profile', profile),
    row('base_url', baseUrl),
    row('dialect', configuration.dialect),
    row('api_key', key && { value: maskKey(key.value), origin: key.origin }),
    row('model', model),
    row('organization', organization),
    row('project', project),
    row('max_cost', configuration.maxCostMicros, dollars),
    row('max_cost_per_day', configuration.maxCostPerDayMicros, dollars),
    row('confirm_above', configuration.confirmAboveMicros, dollars),
    row('timeout', configuration.timeoutMs, seconds),
    row('request_timeout', configuration.requestTimeoutMs, seconds),
  ];
}

function fromEnv({ env }: ConfigurationInput, name: string): Sourced<string> | null {
  const value = env[name]?.trim(); // a file that was read into a variable ends in a line break
  return value ? { value, origin: name } : null;
}

function fromSettings(settings: Settings, name: string): Sourced<string> | null {
  const value = settings.get(name);
  return value === undefined ? null : { value, origin: 'settings' };
}

function parsed(sourced: Sourced<string> | null, parse: (text: string) => number | undefined): Sourced<number> | null {
  const value = sourced === null ? undefined : parse(sourced.value);
  return sourced === null || value === undefined ? null : { value, origin: sourced.origin };
}

function group(settings: Settings, prefix: string): Record<string, string> {
  const entries = [...settings].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

function originOf(url: string): string {
  return new URL(url).origin;
}
