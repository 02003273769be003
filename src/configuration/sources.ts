import type { Keys } from '../store/keys.ts';
import type { Settings } from '../store/settings.ts';

/** A value and where it comes from, for `config list`. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: string;
  /** Set where it comes from the file of `--env-file`, which may be somebody else's. */
  readonly isFromFile?: true;
}

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The global options that choose a server. */
export interface TargetOptions {
  readonly profile?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly simulate?: boolean | undefined;
  readonly dialect?: string | undefined;
  /** The address of a job that the ledger remembers. Nobody named it, so only what belongs to its origin goes there. */
  readonly remembered?: string | undefined;
  /** Whether it is the server that the command line, the environment and the settings choose: `SORA_API_KEY` is for that one. */
  readonly isInUse?: boolean;
}

export interface ConfigurationInput {
  readonly options: TargetOptions;
  readonly env: Variables;
  /** The variables of `--env-file`, behind those of the environment. */
  readonly envFile?: Variables;
  readonly settings: Settings;
  /** Of the folder that the settings are in. */
  readonly keys: Keys;
  /** Whether the environment file chose that folder. */
  readonly isFolderFromFile?: boolean;
  /** Whether the environment file names the proxy by which an address is reached. */
  readonly isProxyFromFile?: (address: string) => boolean;
}

/** A variable of the environment, else of the environment file. */
export function fromEnv(input: ConfigurationInput, name: string): Sourced<string> | null {
  const value = read(input.env, name);
  if (!Object.hasOwn(input.env, name)) return fromEnvFile(input, name);
  return value === null ? null : { value, origin: name };
}

/** A variable of the environment file, whatever the environment says. */
export function fromEnvFile({ envFile = {} }: ConfigurationInput, name: string): Sourced<string> | null {
  const value = read(envFile, name);
  return value === null ? null : { value, origin: name, isFromFile: true };
}

/** Null for an empty one, and for what every object has. */
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
