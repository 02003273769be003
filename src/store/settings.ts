import { dirname } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, plainJson } from '../domain/json.ts';
import { shellWord } from '../domain/shell.ts';
import { changeOwnFile, invalidFile, readJsonFile } from './json-file.ts';
import { isSetting, keysOf, settingFault } from './setting-specs.ts';

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

function* flatten(object: JsonObject, prefix = ''): Generator<[string, string]> {
  for (const [key, value] of Object.entries(object)) {
    const name = `${prefix}${key}`;
    if (isJsonObject(value)) yield* flatten(value, `${name}.`);
    else yield [name, plainJson(value)];
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

/** Changes settings: all of these or, if one is invalid, none. Everything else in the file stays, even unknown settings. */
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
