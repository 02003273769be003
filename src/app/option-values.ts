import type { Configuration } from '../configuration/configuration.ts';
import { parseDayMs } from '../domain/day.ts';
import { parseDurationMs } from '../domain/duration.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import type { Host } from '../platform/host.ts';

/** One option as data: a text if its flags contain `<value>`, else a switch. */
export interface OptionSpec {
  readonly flags: string;
  readonly summary: string;
  /** Heading in the help. */
  readonly group?: string;
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly repeatable?: true;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The type of an option’s value follows from its flags. */
type OptionValue<S extends OptionSpec> = S extends { readonly repeatable: true }
  ? readonly string[] | undefined
  : S['flags'] extends `${string}<${string}`
    ? string | undefined
    : boolean | undefined;

export type OptionValues<S extends OptionSpecs> = { readonly [K in keyof S]?: OptionValue<S[K]> };

/** `more` is what else the specification of the option says. */
export function option<const F extends string, const M extends Omit<OptionSpec, 'flags' | 'summary'> = object>(
  flags: F,
  summary: string,
  more?: M,
) {
  return { flags, summary, ...more } as { readonly flags: F; readonly summary: string } & M;
}

/** The same options, listed in the help under a heading. */
export function inGroup<const S extends OptionSpecs>(group: string, specs: S) {
  const entries = Object.entries(specs).map(([name, spec]) => [name, { ...spec, group }]);
  return Object.fromEntries(entries) as { readonly [K in keyof S]: S[K] & { readonly group: string } };
}

/** For commands that wait; the end of the command plays the sound. */
export const NOTIFY_OPTION = option('--notify', 'ring the terminal bell, or show a message, at the end');

/** For commands that talk to a server; `readDeadlineMs` reads it. */
export const TIMEOUT_OPTION = option('--timeout <duration>', 'longest wait (default 30m)');

/** `--duration` of `-d, --duration <seconds>`; every option has one. */
export function longFlag({ flags }: Pick<OptionSpec, 'flags'>): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** Whether a flag, long or short, is that of an option with a value. */
export function isValued({ flags }: OptionSpec, flag: string): boolean {
  return flags.includes('<') && flags.split(/[ ,]+/).includes(flag);
}

/** Parsers of option values. Problems are added to `faults`, so that all are reported together. */

export function parseTimeoutMs(text: string | undefined, fallbackMs: number, faults: string[]): number {
  if (text === undefined) return fallbackMs;
  const timeoutMs = parseDurationMs(text);
  if (timeoutMs === undefined) faults.push(`\`--timeout ${text}\` is not a duration, such as 90s, 30m or 2h`);
  return timeoutMs ?? fallbackMs;
}

/** When the time of `--timeout` is over, by the uptime. */
export function readDeadlineMs(
  text: string | undefined,
  { configuration, host }: { readonly configuration: Configuration; readonly host: Host },
  faults: string[],
): number {
  return host.clock.uptimeMs() + parseTimeoutMs(text, configuration.timeoutMs.value, faults);
}

/** `--as-of`: a day; null when not given. */
export function parseAsOfMs(text: string | undefined, faults: string[]): number | null {
  if (text === undefined) return null;
  const dayMs = parseDayMs(text);
  if (dayMs === undefined) faults.push(`\`--as-of ${text}\` is not a date, such as 2026-03-12`);
  return dayMs ?? null;
}

/** `--since`: an age or a day; null when not given. Rejects a bare number, which would mean seconds. */
export function parseSinceMs(text: string | undefined, nowMs: number, faults: string[]): number | null {
  if (text === undefined) return null;
  const agoMs = /[a-z]\s*$/i.test(text) ? parseDurationMs(text) : undefined;
  const sinceMs = agoMs === undefined ? parseDayMs(text) : Math.max(0, nowMs - agoMs);
  if (sinceMs === undefined) faults.push(`\`--since ${text}\` is neither a duration (7d, 12h) nor a date (2026-03-12)`);
  else if (sinceMs > nowMs) faults.push(`\`--since ${text}\` is in the future`);
  return sinceMs ?? null;
}

interface WholeNumberRange {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

/** The number of the option `name`. */
export function parseWholeNumber(
  name: string,
  text: string | undefined,
  { min, max, fallback }: WholeNumberRange,
  faults: string[],
): number {
  if (text === undefined) return fallback;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  faults.push(`\`${name} ${text}\` is not a whole number from ${min} to ${max}`);
  return fallback;
}

/** `--port`; 0 picks a free one. */
export function parsePort(text: string | undefined, fallback: number, faults: string[]): number {
  return parseWholeNumber('--port', text, { min: 0, max: 65_535, fallback }, faults);
}

/** Reports `--all-profiles` combined with an option that selects one server. */
export const ALL_MEANS_ALL =
  '`--all-profiles` covers all servers; use it without `--profile`, `--base-url` and `--simulate`';

/** What an input is read as; undefined if that fails, with the reason among the faults. */
export function readOr<T>(read: () => T, faults: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    faults.push(messageOf(error));
    return undefined;
  }
}

/** Throws `usage` with all problems of a command's options, if there are any. */
export function refuseFaults(faults: readonly string[]): void {
  if (faults.length > 0) throw new SoraError('usage', { violations: faults });
}
