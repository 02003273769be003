import { CAPABILITY_NAMES, type Capability, COMPLETE_LIST, PRIVATE_FILES } from '../domain/capabilities.ts';
import { isOpenAiUrl } from '../domain/diagnosis.ts';
import { type Dialect, type DialectName, dialectFor } from '../domain/dialect.ts';
import { parseDurationMs } from '../domain/duration.ts';
import { type ModelList, withAliases } from '../domain/listed-model.ts';
import { parseUsd } from '../domain/money.ts';
import { ANY_MODEL, type PriceRow, pricesWith } from '../domain/pricing.ts';
import { CUSTOM_PROFILE } from '../domain/profile-names.ts';
import { formatOfSettings, type RequestFormat } from '../domain/request-format.ts';
import { isAzureUrl } from '../domain/service-end.ts';
import type { DayCap } from '../store/ledger.ts';
import { parsePrice, parseYesOrNo } from '../store/setting-specs.ts';
import type { Settings } from '../store/settings.ts';
import { modelsRoute } from '../wire/models.ts';
import { type ChosenServer, chooseServer, OPENAI_BASE_URL, originOf } from './chosen-server.ts';
import { profileSettings } from './profile-settings.ts';
import { type ConfigurationInput, fromEnv, fromEnvFile, fromSettings, group, parsed, type Sourced } from './sources.ts';

/** All settings in effect for a command, each value with its origin. */
export interface Configuration extends Omit<ChosenServer, 'isProfilesOwn'> {
  /** OpenAI, Azure and the simulator: the only servers where OpenAI’s models and their defaults are assumed. */
  readonly servesOpenAiModels: boolean;
  readonly dialect: Sourced<Dialect>;
  readonly key: Sourced<string> | null;
  /** The origin of the key that is withheld because the environment file chose the server; null if there is none. */
  readonly withheldKey: string | null;
  readonly auth: 'bearer' | 'api-key' | 'none';
  readonly model: Sourced<string> | null;
  /** How the server wants a create to be written. */
  readonly format: RequestFormat;
  readonly organization: Sourced<string> | null;
  readonly project: Sourced<string> | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Query parameters of the list alone. */
  readonly listQuery: Readonly<Record<string, string>>;
  /** List prices, followed by those of `modelList` and the profile’s own. */
  readonly prices: readonly PriceRow[];
  /** What a server of dialect `openrouter` lists, as far as it was read today; null elsewhere. */
  readonly modelList: ModelList | null;
  /** What the server cannot do, according to its profile. */
  readonly missing: ReadonlySet<Capability>;
  /** Whether the profile declares that the server lists every job of the account. */
  readonly hasCompleteList: boolean;
  /** Whether the profile allows files at private addresses for a server that is not at one. */
  readonly allowsPrivateFiles: boolean;
  /** The server's names of models, by the names used here. */
  readonly modelNames: Readonly<Record<string, string>>;
  /** Defaults of requests: `duration`, `aspect_ratio`, `params.seed`, … */
  readonly defaults: Readonly<Record<string, string>>;
  readonly maxCostMicros: Sourced<number> | null;
  readonly maxCostPerDay: DailyCap | null;
  readonly maxCostPerDayPerUser: DailyCap | null;
  /** The person whose spending this is; null if unknown. */
  readonly user: Sourced<string> | null;
  /** Limits that hold for all workers of the server together; null for none. */
  readonly serverLimits: { readonly maxRunning: number | null; readonly maxPerMinute: number | null };
  /** The URL of the shared ledger, which may contain a password; null for the file of this machine. */
  readonly ledger: Sourced<string> | null;
  readonly confirmAboveMicros: Sourced<number>;
  /** Whether to write a JSON file beside each saved video. */
  readonly sidecar: boolean;
  readonly timeoutMs: Sourced<number>;
  readonly requestTimeoutMs: Sourced<number>;
}

/** In micro-dollars. */
interface DailyCap extends Sourced<number> {
  /** The profile whose spending counts; null for all. */
  readonly profile: string | null;
}

/**
 * Resolves every value by precedence: option, `SORA_*`, `OPENAI_*`, profile, default. A profile selected by an option or by
 * `SORA_PROFILE` has the same rank: `--profile lab` uses lab’s server, whatever the environment says.
 */
export function resolveConfiguration(input: ConfigurationInput): Configuration {
  const { settings } = input;
  const server = chooseServer(input);
  const { profile, baseUrl, isSimulator, isProfilesOwn } = server;
  const setting = (name: string): Sourced<string> | null => fromSettings(settings, name);
  const values = profileSettings(profile.value, settings);
  const ofProfile = (name: string): Sourced<string> | null => values.get(name) ?? null;
  const own = (name: string): Sourced<string> | null => (isProfilesOwn ? ofProfile(name) : null);
  const plain = new Map([...values].map(([name, { value }]) => [name, value]));
  const ownGroup = (name: string): Record<string, string> => (isProfilesOwn ? group(plain, `${name}.`) : {});
  const owner = ownerOfSecrets(input, server);
  /** Headers and query parameters of a profile may be secret, and a proxy from the environment file would see them. */
  const sentGroup = (name: string): Record<string, string> => (owner === 'proxy of the file' ? {} : ownGroup(name));
  const ofForm = isSimulator ? ofProfile : own; // the simulator has no address to compare
  // A profile that sets `key_from_env` uses nothing else from the environment.
  const usesEnvironment = own('key_from_env') === null && usesEnvironmentKey(baseUrl);
  const ofEnvironment = (name: string): Sourced<string> | null =>
    usesEnvironment ? variablesOf(owner)(input, name) : null;
  const keyOf = (owner: Owner): Sourced<string> | null =>
    chooseKey(input, server, { owner, variable: own('key_from_env')?.value ?? null, usesEnvironment });
  const key = keyOf(owner);
  const dailyCap = (name: string): DailyCap | null => {
    const ofAll = own(name) === null;
    const cap = parsed(own(name) ?? setting(name), parseUsd);
    return cap && { ...cap, profile: ofAll ? null : profile.value };
  };
  const capabilities = ownGroup('capabilities');
  const dialect = chooseDialect(input, ofForm('dialect'), ofForm('shape')?.value);
  const modelNames = ownGroup('models');
  const modelList = dialect.value === 'openrouter' ? keptList(input, baseUrl.value, modelNames) : null;
  return {
    profile: isProfilesOwn ? profile : { value: CUSTOM_PROFILE, origin: baseUrl.origin },
    baseUrl,
    isSimulator,
    servesOpenAiModels: isSimulator || isOpenAiUrl(baseUrl.value) || isAzureUrl(baseUrl.value),
    dialect,
    key,
    withheldKey: key === null ? (keyOf('person')?.origin ?? null) : null,
    auth: (own('auth')?.value ?? 'bearer') as Configuration['auth'], // checked when the settings were read
    model: fromEnv(input, 'SORA_MODEL') ?? own('model') ?? setting('model'),
    format: formatOfSettings((name) => own(name)?.value),
    organization: ofEnvironment('OPENAI_ORG_ID') ?? own('organization'),
    project: ofEnvironment('OPENAI_PROJECT_ID') ?? own('project'),
    headers: sentGroup('headers'),
    query: sentGroup('query'),
    listQuery: sentGroup('list_query'),
    prices: pricesOf(isProfilesOwn ? profile.value : null, settings, modelList),
    modelList,
    missing: new Set(CAPABILITY_NAMES.filter((name) => parseYesOrNo(capabilities[name] ?? 'yes') === false)),
    hasCompleteList: isSimulator || parseYesOrNo(capabilities[COMPLETE_LIST] ?? 'no') === true,
    allowsPrivateFiles: parseYesOrNo(capabilities[PRIVATE_FILES] ?? 'no') === true,
    modelNames,
    defaults: ownGroup('defaults'),
    maxCostMicros: parsed(own('max_cost') ?? setting('max_cost'), parseUsd),
    maxCostPerDay: dailyCap('max_cost_per_day'),
    maxCostPerDayPerUser: dailyCap('max_cost_per_day_per_user'),
    user: USER_VARIABLES.map((name) => fromEnv(input, name)).find((name) => name !== null) ?? null,
    serverLimits: {
      maxRunning: numberOf(own('max_running')),
      maxPerMinute: numberOf(own('max_creates_per_minute')),
    },
    ledger: fromEnv(input, 'SORA_LEDGER') ?? setting('ledger'),
    confirmAboveMicros: parsed(own('confirm_above') ?? setting('confirm_above'), parseUsd) ?? byDefault(1_000_000),
    sidecar: parseYesOrNo(setting('sidecar')?.value ?? 'no') ?? false,
    timeoutMs: parsed(setting('timeout'), parseDurationMs) ?? byDefault(30 * 60_000),
    requestTimeoutMs: parsed(setting('request_timeout'), parseDurationMs) ?? byDefault(120_000),
  };
}

export function dayCapsOf(configuration: Configuration): DayCap[] {
  const { maxCostPerDay, maxCostPerDayPerUser } = configuration;
  const capOf = (cap: DailyCap | null, isPerUser: boolean): DayCap[] =>
    cap === null ? [] : [{ profile: cap.profile, isPerUser, capMicros: cap.value }];
  return [...capOf(maxCostPerDay, false), ...capOf(maxCostPerDayPerUser, true)];
}

function numberOf(setting: Sourced<string> | null): number | null {
  return setting && Number(setting.value);
}

/** Variables that name the person who spends: our own, and those that contain the login. */
export const USER_VARIABLES = ['SORA_USER', 'USER', 'LOGNAME', 'USERNAME'];

function byDefault(value: number): Sourced<number> {
  return { value, origin: 'default' };
}

/**
 * Whose secrets a server gets. An environment file may come from someone else, so an address, proxy or settings folder
 * named in it gets only the secrets from the same file.
 */
type Owner = 'person' | 'file' | 'proxy of the file';

function ownerOfSecrets(input: ConfigurationInput, { baseUrl, isProfilesOwn, isSimulator }: ChosenServer): Owner {
  const { isFolderFromFile = false, isProxyFromFile = () => false } = input;
  if (isSimulator) return 'person';
  const isUsersProfile = isProfilesOwn && !isFolderFromFile;
  const isFromFile = baseUrl.isFromFile ?? (isFolderFromFile && /^(profile |ledger$)/.test(baseUrl.origin));
  const isUntrusted = isFromFile && !isUsersProfile && originOf(baseUrl.value) !== originOf(OPENAI_BASE_URL);
  if (isProxyFromFile(baseUrl.value)) return isUntrusted && isFolderFromFile ? 'file' : 'proxy of the file';
  return isUntrusted ? 'file' : 'person';
}

function variablesOf(owner: Owner): typeof fromEnv {
  return owner === 'person' ? fromEnv : fromEnvFile;
}

interface KeySources {
  readonly owner: Owner;
  /** The profile's `key_from_env`. */
  readonly variable: string | null;
  readonly usesEnvironment: boolean;
}

/** In order: an override of the profile's key, the profile's variable, the environment's key, the stored key. */
function chooseKey(input: ConfigurationInput, server: ChosenServer, sources: KeySources): Sourced<string> | null {
  const { owner, variable, usesEnvironment } = sources;
  if (server.isSimulator) return null;
  const readVariable = (name: string): Sourced<string> | null => variablesOf(owner)(input, name);
  const overriding = overridingKey(input, server, readVariable);
  if (overriding !== null) return overriding;
  if (variable !== null) return readVariable(variable);
  const ofEnvironment = usesEnvironment ? (readVariable('SORA_API_KEY') ?? readVariable('OPENAI_API_KEY')) : null;
  return ofEnvironment ?? (owner === 'proxy of the file' ? null : storedKey(input, server));
}

/** `SORA_API_KEY`, which overrides the profile's key; null if `SORA_BASE_URL` names the other server that it is for. */
function overridingKey(
  input: ConfigurationInput,
  { baseUrl, isProfilesOwn }: ChosenServer,
  readVariable: (name: string) => Sourced<string> | null,
): Sourced<string> | null {
  if (!isProfilesOwn || !input.options.isInUse) return null;
  const key = readVariable('SORA_API_KEY');
  const address = key?.isFromFile ? fromEnvFile(input, 'SORA_BASE_URL') : fromEnv(input, 'SORA_BASE_URL');
  return address === null || baseUrl.origin === address.origin ? key : null;
}

function keptList(
  { keptModelList }: ConfigurationInput,
  baseUrl: string,
  names: Configuration['modelNames'],
): ModelList | null {
  const kept = keptModelList?.(modelListUrl(baseUrl, 'openrouter')) ?? null;
  return kept && withAliases(kept, names);
}

/** Where a server lists its models; in dialect `openrouter` with their prices. */
export function modelListUrl(baseUrl: string, dialect: Dialect): string {
  return `${baseUrl.replace(/\/+$/, '')}${modelsRoute(dialect)}`;
}

/** A profile’s own prices apply to its own server only. */
function pricesOf(profile: string | null, settings: Settings, list: ModelList | null): PriceRow[] {
  const own = profile === null ? {} : group(settings, `profiles.${profile}.prices.`);
  const ofAll = settings.get(`profiles.${profile}.price`);
  return pricesWith(
    Object.entries(ofAll === undefined ? own : { [ANY_MODEL]: ofAll, ...own }).flatMap(([name, usd]) => {
      const microsPerSecond = parsePrice(usd);
      return microsPerSecond === undefined ? [] : [{ name, microsPerSecond }];
    }),
    { priceList: `profile ${profile}`, source: `setting profiles.${profile}.prices` },
    list,
  );
}

/** Names were checked when the command line or the settings were read. */
function chooseDialect(
  { options }: ConfigurationInput,
  ofProfile: Sourced<string> | null,
  shape: string | undefined,
): Sourced<Dialect> {
  const chosen = options.dialect === undefined ? ofProfile : { value: options.dialect, origin: 'option --dialect' };
  if (chosen === null) return { value: 'videos', origin: 'default' };
  return { value: dialectFor(chosen.value as DialectName, shape), origin: chosen.origin };
}

/** Whether the environment’s key is for this server: the URL is there too or on the command line, or it is OpenAI. */
function usesEnvironmentKey({ value, origin }: Sourced<string>): boolean {
  const isExplicit = ['option --base-url', 'SORA_BASE_URL', 'OPENAI_BASE_URL'].includes(origin);
  return isExplicit || originOf(value) === originOf(OPENAI_BASE_URL);
}

/** The key stored for a profile, for its own server only. */
function storedKey({ keys }: ConfigurationInput, { profile, isProfilesOwn }: ChosenServer): Sourced<string> | null {
  const key = isProfilesOwn && Object.hasOwn(keys, profile.value) ? keys[profile.value] : undefined;
  return key === undefined ? null : { value: key, origin: `profile ${profile.value}` };
}
