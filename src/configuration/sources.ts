import type { ModelList } from '../domain/listed-model.ts';
import type { Keys } from '../store/keys.ts';
import type { Settings } from '../store/settings.ts';

/** A value and where it comes from, for `config list`. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: string;
  /** Set if it comes from the file of `--env-file`, which may not be the user's own. */
  readonly isFromFile?: true;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** The global options that choose a server. */
export interface TargetOptions {
  readonly profile?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly simulate?: boolean | undefined;
  readonly dialect?: string | undefined;
  /** The server of a job in the ledger. The user did not name it now, so it gets only keys that belong to its origin. */
  readonly remembered?: string | undefined;
  /** Whether command line, environment and settings choose the same server, which `SORA_API_KEY` is for. */
  readonly isInUse?: boolean;
}

export interface ConfigurationInput {
  readonly options: TargetOptions;
  readonly env: Variables;
  /** The variables of `--env-file`; the environment overrides them. */
  readonly envFile?: Variables;
  readonly settings: Settings;
  /** Paths of the settings folder. */
  readonly keys: Keys;
  /** Whether the environment file chose that folder. */
  readonly isFolderFromFile?: boolean;
  /** Whether the proxy used for an address comes from the environment file. */
  readonly isProxyFromFile?: (address: string) => boolean;
  /** The list of models that was read from an address today. */
  readonly keptModelList?: (source: string) => ModelList | null;
}

/** A variable of the environment, else of the environment file. */
export function fromEnv(input: ConfigurationInput, name: string): Sourced<string> | null {
  const value = read(input.env, name);
  if (!Object.hasOwn(input.env, name)) return fromEnvFile(input, name);
  return value === null ? null : { value, origin: name };
}

/** A variable of the environment file, ignoring the environment. */
export function fromEnvFile({ envFile = {} }: ConfigurationInput, name: string): Sourced<string> | null {
  const value = read(envFile, name);
  return value === null ? null : { value, origin: name, isFromFile: true };
}

/** Null for an empty value and for inherited members of objects. */
function read(variables: Variables, name: string): string | null {
  const value = Object.hasOwn(variables, name) ? variables[name]?.trim() : undefined; // a file ends in a line break
  return value || null;
}

export function fromSettings(settings: Settings, name: string): Sourced<string> | null {
  const value = settings.get(name);
  return value === undefined ? null : { value, origin: 'settings' };
}

export function parsed(
  sourced: Sourced<string> | null,
  parse: (text: string) => number | undefined,
): Sourced<number> | null {
  const value = sourced === null ? undefined : parse(sourced.value);
  return sourced === null || value === undefined ? null : { value, origin: sourced.origin };
}

export function group(settings: Settings, prefix: string): Record<string, string> {
  const entries = [...settings].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}
