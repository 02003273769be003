import { CAPABILITIES, CAPABILITY_NAMES, COMPLETE_LIST, PRIVATE_FILES } from '../domain/capabilities.ts';
import { DIALECT_NAMES, SHAPES } from '../domain/dialect.ts';
import { parseDurationMs } from '../domain/duration.ts';
import { ASPECT_RATIOS, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { MICROS_PER_USD, parseUsd } from '../domain/money.ts';
import { nearest } from '../domain/nearest.ts';
import { PRESET_NAMES } from '../domain/presets.ts';
import { isReservedName } from '../domain/profile-names.ts';
import { FORMAT_FACTS } from '../domain/request-format.ts';
import { attempt } from '../platform/attempt.ts';
import { parseAddress, passwordsIn } from './connection.ts';

/**
 * The definition of a setting: its name, purpose and valid values. `*` stands for a name chosen by the user, `**` at
 * the end for one that may contain dots, such as a model's.
 */
export interface SettingSpec {
  readonly name: string;
  readonly summary: string;
  /** The problem of a value, or null. */
  readonly fault: (value: string) => string | null;
}

type Fault = SettingSpec['fault'];

function valid(isValid: (value: string) => boolean, fault: string): Fault {
  return (value) => (isValid(value) ? null : fault);
}

function like(pattern: RegExp, fault: string): Fault {
  return valid((value) => pattern.test(value), fault);
}

function oneOf(...choices: readonly string[]): Fault {
  return valid((value) => choices.includes(value), `it is not one of ${choices.join(', ')}`);
}

const anyText = valid((value) => value !== '', 'it is empty');
const headerText: Fault = (value) =>
  /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value) ? 'it contains characters not allowed in a header' : anyText(value);
const usd = valid((value) => parseUsd(value) !== undefined, 'it is not an amount in dollars, such as 2.50');
/** Higher prices are mistakes, and their sums would not be exact. */
const MAX_USD_PER_SECOND = 1_000;
const usdPerSecond = valid(
  (value) => (parsePrice(value) ?? Number.POSITIVE_INFINITY) <= MAX_USD_PER_SECOND * MICROS_PER_USD,
  `it is neither \`free\` nor an amount in dollars per second, such as 0.05, of at most ${MAX_USD_PER_SECOND}`,
);
const duration = valid((value) => Boolean(parseDurationMs(value)), 'it is not a duration, such as 90s, 30m or 2h');
const seconds = valid(
  (value) => /^\d+(\.\d+)?$/.test(value) && Number(value) > 0,
  'it is not a number of seconds above 0',
);
const count = like(/^[1-9]\d{0,6}$/, 'it is not a whole number above 0');
const pixels = like(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, 'it is not WIDTHxHEIGHT in pixels, such as 1280x720');
const yesOrNo = valid((value) => parseYesOrNo(value) !== undefined, 'it is not yes or no');
const fieldName = like(/^[A-Za-z_][\w-]*$/, 'it is not the name of a field');
/** A key given instead of its variable's name must be neither stored nor repeated. */
const variableName = like(/^[A-Za-z_]\w*$/, 'it is not the name of an environment variable');

/** `yes` and `no`, and their JSON equivalents. */
export function parseYesOrNo(value: string): boolean | undefined {
  if (value === 'yes' || value === 'true') return true;
  return value === 'no' || value === 'false' ? false : undefined;
}

/** Why a text is not the address of a ledger in a database, or null. */
export function ledgerFault(value: string): string | null {
  return /^postgres(ql)?:\/\//.test(value) && attempt(() => parseAddress(value)) !== undefined
    ? null
    : 'it is not the URL of a PostgreSQL database, such as postgres://user@host/database';
}

/** A file that is copied and shown around is no place for a password. */
const ledgerSetting: Fault = (value) =>
  ledgerFault(value) ??
  (passwordsIn(value).length === 0 ? null : 'it contains a password; keep that in ~/.pgpass or in `SORA_LEDGER`');

/** The end of an endpoint’s path. A gateway may serve the whole API at a path such as `/team/videos`. */
export const ENDPOINT_PATH = /(?<=\/v\d\w*)\/videos?\/*$|\/videos?\/generations\/*$/;

export function baseUrlFault(value: string): string | null {
  if (!URL.canParse(value)) return 'it is not a URL, such as http://127.0.0.1:8000/v1';
  const { protocol, username, password, search, hash, pathname } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:') return 'it does not start with http:// or https://';
  if (username || password)
    return 'it contains a user or password; set them as an `Authorization` header of the profile';
  if (ENDPOINT_PATH.test(pathname)) return 'it is the URL of an endpoint; the base URL ends before it, as in …/v1';
  return search || hash ? 'it has a query or a fragment; use `query` settings of the profile instead' : null;
}

/** Micro-dollars of a second; `free` is a price too. */
export function parsePrice(value: string): number | undefined {
  return value === 'free' ? 0 : parseUsd(value);
}

/** The request options that a profile can set. */
const REQUEST_DEFAULTS = {
  duration: seconds,
  resolution: oneOf(...RESOLUTIONS),
  aspect_ratio: oneOf(...ASPECT_RATIOS),
  orientation: oneOf(...ORIENTATIONS),
  size: pixels,
  quality: oneOf('standard', 'high'),
};

type Row = readonly [name: string, summary: string, fault: Fault];

const GENERAL: readonly Row[] = [
  ['profile', 'default profile', anyText],
  ['model', 'default model', anyText],
  ['max_cost', 'maximum cost of one command, in dollars', usd],
  ['max_cost_per_day', 'maximum cost per day (UTC), in dollars', usd],
  [
    'max_cost_per_day_per_user',
    'maximum cost per day (UTC) of one person (`SORA_USER`, or the login), in dollars',
    usd,
  ],
  ['ledger', 'URL of a PostgreSQL database for the ledger of a team, instead of the local file', ledgerSetting],
  ['confirm_above', 'ask for confirmation above this cost, in dollars (default 1)', usd],
  ['timeout', 'how long to wait for a video (default 30m)', duration],
  ['request_timeout', 'maximum duration of one call, or of a silence while a file downloads (default 120s)', duration],
  ['sidecar', 'write a JSON file beside each saved video (default no)', yesOrNo],
];

/** The settings below `profiles.*.`. */
const OF_A_PROFILE: readonly Row[] = [
  ['base_url', 'base URL of the server, including /v1', baseUrlFault],
  ['preset', 'kind of server, which sets the defaults of the other settings', oneOf(...PRESET_NAMES)],
  ['dialect', 'dialect of the API that the server speaks', oneOf(...DIALECT_NAMES)],
  ['shape', 'variant of dialect `generations`: guide (default) or new-api', oneOf(...SHAPES)],
  ['auth', 'how the key is sent', oneOf('bearer', 'api-key', 'none')],
  ['key_from_env', 'environment variable that holds the key', variableName],
  ['model', 'default model', anyText],
  ['price', 'price per second for all models, in dollars; `free` for a server of your own', usdPerSecond],
  ['prices.**', 'price per second, in dollars, by model; MODEL@WxH for one size', usdPerSecond],
  ['models.*', 'the server’s own name for a model, by the name that you use', anyText],
  ...Object.values(FORMAT_FACTS).map(
    ({ setting, summary, choices }): Row => [setting, summary, choices === undefined ? fieldName : oneOf(...choices)],
  ),
  ...CAPABILITY_NAMES.map(
    (name): Row => [`capabilities.${name}`, `whether the server can ${CAPABILITIES[name]} (default yes)`, yesOrNo],
  ),
  ['learnt.**', 'what sora learnt about the server; the settings above override it', anyText],
  ['organization', 'OpenAI-Organization header', headerText],
  ['project', 'OpenAI-Project header', headerText],
  ['headers.*', 'a header sent with every call', headerText],
  ['query.*', 'a query parameter sent with every call', anyText],
  ['list_query.*', 'a query parameter sent with each list call', anyText],
  [
    `capabilities.${COMPLETE_LIST}`,
    'whether the server’s list always has every job, so that a lost create that is missing from it is sent again (default no)',
    yesOrNo,
  ],
  [
    `capabilities.${PRIVATE_FILES}`,
    'whether a public server may name files at private or loopback addresses (default no)',
    yesOrNo,
  ],
  ...Object.entries(REQUEST_DEFAULTS).map(
    ([name, fault]): Row => [`defaults.${name}`, `default value of --${name.replace('_', '-')}`, fault],
  ),
  ['defaults.params.*', 'default value of a --param', anyText],
  ['max_cost', 'overrides max_cost', usd],
  ['max_running', 'maximum number of jobs that all workers together run on this server at a time', count],
  [
    'max_creates_per_minute',
    'maximum number of videos that all workers together create on this server per minute',
    count,
  ],
  ['max_cost_per_day', 'overrides max_cost_per_day, for spending through this profile', usd],
  ['max_cost_per_day_per_user', 'overrides max_cost_per_day_per_user, for spending through this profile', usd],
  ['confirm_above', 'overrides confirm_above', usd],
];

export const SETTINGS: readonly SettingSpec[] = [
  ...GENERAL,
  ...OF_A_PROFILE.map(([name, ...rest]): Row => [`profiles.*.${name}`, ...rest]),
].map(([name, summary, fault]) => ({ name, summary, fault }));

/** Whether there is a setting of this name. */
export function isSetting(name: string): boolean {
  return specOf(name) !== undefined;
}

/** Why a setting of this name and value is invalid, or null. */
export function settingFault(name: string, value: string): string | null {
  // What was learnt has the values of what is set.
  const settable = name.replace(/^(profiles\.[^.]+\.)learnt\.(?=(request|capabilities)\.)/, '$1');
  const spec = specOf(settable);
  if (spec !== undefined) return spec.fault(value);
  const near = nearest(name, settingsLike(name)).map((other) => `; did you mean \`${other}\`?`);
  return `there is no such setting${near[0] ?? ''}`;
}

/** The names of all settings, those of profiles with the profile of `name`. */
export function settingsLike(name: string): string[] {
  const [profile = 'profiles.*'] = /^profiles\.[^.]+/.exec(name) ?? [];
  return SETTINGS.map((spec) => spec.name.replace('profiles.*', profile)).filter(
    (known) => isSetting(known) && !known.includes('*'),
  );
}

/** The path of the nested keys of a setting in the file. */
export function keysOf(name: string): string[] {
  const keys = name.split('.');
  const depth = specOf(name)?.name.split('.').length ?? keys.length;
  return [...keys.slice(0, depth - 1), keys.slice(depth - 1).join('.')];
}

function specOf(name: string): SettingSpec | undefined {
  const [, profile] = /^profiles\.([^.]+)/.exec(name) ?? [];
  if (profile !== undefined && isReservedName(profile)) return undefined;
  return SETTINGS.find((spec) => patternOf(spec).test(name));
}

function patternOf({ name }: SettingSpec): RegExp {
  const pattern = name.replaceAll('.', '\\.').replace(/\*\*?/g, (star) => (star === '*' ? '[\\w-]+' : '\\S+'));
  return new RegExp(`^${pattern}$`);
}
