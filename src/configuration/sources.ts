import type { Keys } from '../store/keys.ts';
import type { Settings } from '../store/settings.ts';

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

export function fromEnv({ env }: ConfigurationInput, name: string): Sourced<string> | null {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined; // a file that was read into a variable ends in a line break
  return value ? { value, origin: name } : null;
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
