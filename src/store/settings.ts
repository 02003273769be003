import { dirname } from 'node:path';
import { CAPABILITIES, CAPABILITY_NAMES, COMPLETE_LIST, PRIVATE_FILES } from '../domain/capabilities.ts';
import { DIALECT_NAMES, SHAPES } from '../domain/dialect.ts';
import { parseDurationMs } from '../domain/duration.ts';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { ASPECT_RATIOS, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { MICROS_PER_USD, parseUsd } from '../domain/money.ts';
import { PRESET_NAMES } from '../domain/presets.ts';
import { isReservedName } from '../domain/profile-names.ts';
import { ENCODINGS, FORMAT_FACTS } from '../domain/request-format.ts';
import { shellWord } from '../domain/shell.ts';
import { makeFolder } from '../platform/folders.ts';
import { cannotWriteOwnFile, changeOwnFile, invalidFile, readJsonFile } from './json-file.ts';
import { parseAddress } from './ledger-address.ts';

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

const anyText = (value: string): string | null => (value === '' ? 'it is empty' : null);
const headerText = (value: string): string | null =>
  /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value) ? 'it contains characters not allowed in a header' : anyText(value);
const usd = (value: string): string | null =>
  parseUsd(value) === undefined ? 'it is not an amount in dollars, such as 2.50' : null;
/** Higher prices are mistakes, and their sums would not be exact. */
const MAX_USD_PER_SECOND = 1_000;
const usdPerSecond = (value: string): string | null =>
  (parsePrice(value) ?? Number.POSITIVE_INFINITY) > MAX_USD_PER_SECOND * MICROS_PER_USD
    ? `it is neither \`free\` nor an amount in dollars for a second, such as 0.05, of at most ${MAX_USD_PER_SECOND}`
    : null;
const duration = (value: string): string | null =>
  parseDurationMs(value) ? null : 'it is not a duration, such as 90s, 30m or 2h';
const oneOf =
  (...choices: readonly string[]) =>
  (value: string): string | null =>
    choices.includes(value) ? null : `it is not one of ${choices.join(', ')}`;

const seconds = (value: string): string | null =>
  /^\d+(\.\d+)?$/.test(value) && Number(value) > 0 ? null : 'it is not a number of seconds above 0';
const count = (value: string): string | null =>
  /^[1-9]\d{0,6}$/.test(value) ? null : 'it is not a whole number above 0';
const pixels = (value: string): string | null =>
  /^[1-9]\d{0,4}x[1-9]\d{0,4}$/.test(value) ? null : 'it is not WIDTHxHEIGHT in pixels, such as 1280x720';
const yesOrNo = (value: string): string | null => (parseYesOrNo(value) === undefined ? 'it is not yes or no' : null);
/** A key given instead of its variable's name must be neither stored nor repeated. */
const variableName = (value: string): string | null =>
  /^[A-Za-z_]\w*$/.test(value) ? null : 'it is not the name of an environment variable';

/** `yes` and `no`, and their JSON equivalents. */
export function parseYesOrNo(value: string): boolean | undefined {
  if (value === 'yes' || value === 'true') return true;
  return value === 'no' || value === 'false' ? false : undefined;
}

/** Why a text is not the address of a ledger in a database, or null. */
export function ledgerFault(value: string): string | null {
  return /^postgres(ql)?:\/\//.test(value) && isAddress(value)
    ? null
    : 'it is not the URL of a PostgreSQL database, such as postgres://user@host/database';
}

function isAddress(value: string): boolean {
  try {
    return parseAddress(value) instanceof URL;
  } catch {
    return false;
  }
}

/** A file that is copied and shown around is no place for a password. */
const ledgerSetting = (value: string): string | null =>
  ledgerFault(value) ??
  (parseAddress(value).password === '' ? null : 'it contains a password; keep that in ~/.pgpass or in `SORA_LEDGER`');

export function baseUrlFault(value: string): string | null {
  if (!URL.canParse(value)) return 'it is not a URL, such as http://127.0.0.1:8000/v1';
  const { protocol, username, password, search, hash } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:') return 'it does not start with http:// or https://';
  if (username || password)
    return 'it contains a user or password; set them as an `Authorization` header of the profile';
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

const fieldName = (value: string): string | null =>
  /^[A-Za-z_][\w-]*$/.test(value) ? null : 'it is not the name of a field';

/** What a server wants and can do: from a preset, learnt, or set. */
const SERVER_FACTS: readonly SettingSpec[] = [
  ...Object.values(FORMAT_FACTS).map(({ setting, summary, choices }) => ({
    name: `profiles.*.${setting}`,
    summary,
    fault: choices === null ? fieldName : oneOf(...choices),
  })),
  ...CAPABILITY_NAMES.map((name) => ({
    name: `profiles.*.capabilities.${name}`,
    summary: `whether the server can ${CAPABILITIES[name]} (default yes)`,
    fault: yesOrNo,
  })),
];

export const SETTINGS: readonly SettingSpec[] = [
  { name: 'profile', summary: 'default profile', fault: anyText },
  { name: 'model', summary: 'default model', fault: anyText },
  { name: 'max_cost', summary: 'maximum cost of one command, in dollars', fault: usd },
  { name: 'max_cost_per_day', summary: 'maximum cost per day (UTC), in dollars', fault: usd },
  {
    name: 'max_cost_per_day_per_user',
    summary: 'maximum cost per day (UTC) of one person (`SORA_USER`, or the login), in dollars',
    fault: usd,
  },
  {
    name: 'ledger',
    summary: 'address of a PostgreSQL database with the ledger of a team, instead of the file of this machine',
    fault: ledgerSetting,
  },
  { name: 'confirm_above', summary: 'ask for confirmation above this cost, in dollars (default 1)', fault: usd },
  { name: 'timeout', summary: 'how long to wait for a video (default 30m)', fault: duration },
  {
    name: 'request_timeout',
    summary: 'longest time one call may take, or a file’s download may be silent (default 120s)',
    fault: duration,
  },
  { name: 'sidecar', summary: 'write a JSON file beside each saved video (default no)', fault: yesOrNo },
  { name: 'profiles.*.base_url', summary: 'base URL of the server, including /v1', fault: baseUrlFault },
  {
    name: 'profiles.*.preset',
    summary: 'kind of server, which decides what is not set otherwise',
    fault: oneOf(...PRESET_NAMES),
  },
  { name: 'profiles.*.dialect', summary: 'dialect of the API that the server speaks', fault: oneOf(...DIALECT_NAMES) },
  {
    name: 'profiles.*.shape',
    summary: 'variant of dialect `generations`: guide (default) or new-api',
    fault: oneOf(...SHAPES),
  },
  { name: 'profiles.*.auth', summary: 'how the key is sent', fault: oneOf('bearer', 'api-key', 'none') },
  { name: 'profiles.*.key_from_env', summary: 'environment variable that holds the key', fault: variableName },
  { name: 'profiles.*.model', summary: 'default model', fault: anyText },
  {
    name: 'profiles.*.price',
    summary: 'price of a second for all models, in dollars; `free` for a server of your own',
    fault: usdPerSecond,
  },
  {
    name: 'profiles.*.prices.**',
    summary: 'price of a second, in dollars, by model; MODEL@WxH for one size',
    fault: usdPerSecond,
  },
  {
    name: 'profiles.*.models.*',
    summary: 'the server’s own name for a model, by the name that you use',
    fault: anyText,
  },
  ...SERVER_FACTS,
  {
    name: 'profiles.*.learnt.**',
    summary: 'what sora learnt of the server; the settings above override it',
    fault: anyText,
  },
  {
    name: 'profiles.*.encoding',
    summary: 'older setting that stands for several of request.*',
    fault: oneOf(...Object.keys(ENCODINGS)),
  },
  { name: 'profiles.*.organization', summary: 'OpenAI-Organization header', fault: headerText },
  { name: 'profiles.*.project', summary: 'OpenAI-Project header', fault: headerText },
  { name: 'profiles.*.headers.*', summary: 'a header sent with every call', fault: headerText },
  { name: 'profiles.*.query.*', summary: 'a query parameter sent with every call', fault: anyText },
  { name: 'profiles.*.list_query.*', summary: 'a query parameter sent with each call for the list', fault: anyText },
  {
    name: `profiles.*.capabilities.${COMPLETE_LIST}`,
    summary:
      'whether the server’s list always has every job, so that a lost create that is missing from it is sent again (default no)',
    fault: yesOrNo,
  },
  {
    name: `profiles.*.capabilities.${PRIVATE_FILES}`,
    summary:
      'whether files may come from private or loopback addresses that the server names, though it is not at one itself (default no)',
    fault: yesOrNo,
  },
  ...Object.entries(REQUEST_DEFAULTS).map(([name, fault]) => ({
    name: `profiles.*.defaults.${name}`,
    summary: `default value of --${name.replace('_', '-')}`,
    fault,
  })),
  {
    name: 'profiles.*.defaults.params.*',
    summary: 'default value of a --param',
    fault: anyText,
  },
  { name: 'profiles.*.max_cost', summary: 'overrides max_cost', fault: usd },
  {
    name: 'profiles.*.max_running',
    summary: 'how many jobs all workers together run on this server at a time',
    fault: count,
  },
  {
    name: 'profiles.*.max_creates_per_minute',
    summary: 'how many videos all workers together create on this server in a minute',
    fault: count,
  },
  {
    name: 'profiles.*.max_cost_per_day',
    summary: 'overrides max_cost_per_day, for spending through this profile',
    fault: usd,
  },
  {
    name: 'profiles.*.max_cost_per_day_per_user',
    summary: 'overrides max_cost_per_day_per_user, for spending through this profile',
    fault: usd,
  },
  { name: 'profiles.*.confirm_above', summary: 'overrides confirm_above', fault: usd },
];

/** The settings file, flattened: `profiles.lab.base_url` → text. */
export type Settings = ReadonlyMap<string, string>;

/** Reads and checks the settings; reports all problems at once, with lines. */
export function readSettings(path: string): Settings {
  const file = readJsonFile(path);
  const settings = new Map(flatten(file.value));
  const faults = [...settings].flatMap(([name, value]) => {
    const fault = settingFault(name, value);
    return fault === null ? [] : [{ name, fault }];
  });
  if (faults.length === 0) return settings;
  const violations = faults.map(({ name, fault }) => `line ${lineOf(name, file.text)}: \`${name}\`: ${fault}`);
  throw invalidFile(path, violations, faults.map(howToFix));
}

function howToFix({ name }: { readonly name: string }): string {
  const set = `run \`sora config set ${shellWord(name)} VALUE\` to change it, or `;
  return `${isSetting(name) ? set : 'run '}\`sora config unset ${shellWord(name)}\` to remove it`;
}

/** Whether there is a setting of this name. */
export function isSetting(name: string): boolean {
  return SETTINGS.some((spec) => matches(spec.name, name));
}

/** Why a setting of this name and value is invalid, or null. */
export function settingFault(name: string, value: string): string | null {
  // What was learnt has the values of what is set.
  const settable = name.replace(/^(profiles\.[^.]+\.)learnt\.(?=(request|capabilities)\.)/, '$1');
  const spec = SETTINGS.find((candidate) => matches(candidate.name, settable));
  return spec ? spec.fault(value) : 'there is no such setting';
}

function matches(pattern: string, name: string): boolean {
  const expression = pattern.replaceAll('.', '\\.').replace(/\*\*?/g, (star) => (star === '*' ? '[\\w-]+' : '\\S+'));
  const [, profile] = /^profiles\.([^.]+)/.exec(name) ?? [];
  return (profile === undefined || !isReservedName(profile)) && new RegExp(`^${expression}$`).test(name);
}

/** The path of nested keys of a setting in the file. */
function keysOf(name: string): string[] {
  const keys = name.split('.');
  const depth = SETTINGS.find((spec) => matches(spec.name, name))?.name.split('.').length ?? keys.length;
  return [...keys.slice(0, depth - 1), keys.slice(depth - 1).join('.')];
}

function* flatten(object: JsonObject, prefix = ''): Generator<[string, string]> {
  for (const [key, value] of Object.entries(object)) {
    const name = `${prefix}${key}`;
    if (isJsonObject(value)) yield* flatten(value, `${name}.`);
    else yield [name, typeof value === 'string' ? value : JSON.stringify(value)];
  }
}

/** The line with the last part of a setting's name; good enough to find it. */
function lineOf(name: string, text: string): number {
  const key = JSON.stringify(keysOf(name).at(-1));
  const at = text.split('\n').findIndex((line) => line.includes(`${key}:`) || line.includes(`${key} :`));
  return at + 1;
}

/** One setting to set, or to remove with `undefined`. */
export type SettingChange = readonly [name: string, value: string | undefined];

/** Sets one setting, or removes it with `undefined`. Everything else in the file stays, even unknown settings. */
export function writeSetting(path: string, name: string, value: string | undefined): Promise<void> {
  return writeSettings(path, [[name, value]]);
}

/** The same for several: all of them or, if one is invalid, none. */
export function writeSettings(path: string, changes: readonly SettingChange[]): Promise<void> {
  return changeOwnFile(path, () => changeSettings(path, changes));
}

async function changeSettings(path: string, changes: readonly SettingChange[]): Promise<void> {
  const { value: current } = readJsonFile(path);
  const present = new Map(flatten(current));
  const violations = changes.flatMap(([name, value]) => {
    // Anything in the file can be removed.
    const fault =
      value === undefined && (present.has(name) || isSetting(name)) ? null : settingFault(name, value ?? '');
    return fault === null ? [] : [`\`${name}\`: ${fault}`];
  });
  if (violations.length > 0) {
    throw new SoraError('invalid_config', {
      title: 'the settings were not changed',
      violations,
      hints: ['run `sora config set --help` to see all settings'],
    });
  }
  // conf writes atomically and with the given mode; it has no lock, and resets nothing that was read above.
  const { default: Conf } = await import('conf');
  try {
    makeFolder(dirname(path), 0o700);
    const store = new Conf<Record<string, unknown>>({
      cwd: dirname(path),
      configName: 'settings',
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      clearInvalidConfig: false,
    });
    store.store = changes.reduce(
      (settings, [name, value]) =>
        value === undefined ? without(settings, name) : withSetting(settings, keysOf(name), value),
      current,
    );
  } catch (error) {
    throw cannotWriteOwnFile(path, error);
  }
}

function withSetting(object: JsonObject, [key = '', ...rest]: readonly string[], value: string): JsonObject {
  const inner = Object.hasOwn(object, key) ? object[key] : undefined;
  return { ...object, [key]: rest.length === 0 ? value : withSetting(isJsonObject(inner) ? inner : {}, rest, value) };
}

/** Removes a setting and the objects that become empty; a key may contain dots. */
function without(object: JsonObject, name: string): JsonObject {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) => {
      if (key === name) return [];
      if (!isJsonObject(value) || !name.startsWith(`${key}.`)) return [[key, value]];
      const rest = without(value, name.slice(key.length + 1));
      return Object.keys(rest).length === 0 ? [] : [[key, rest]];
    }),
  );
}
