import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { attempt } from '../platform/attempt.ts';

/** Readers for fields that servers omit, retype or format differently; each returns the value or null. */

export function textOf(value: JsonValue | undefined): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : null;
}

/** A number, also from `"5"`, `"5s"` or `"100%"`. */
export function numberOf(value: JsonValue | undefined): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^-?\d+(\.\d+)?\s*[%s]?$/.test(value.trim())) return null;
  return Number.parseFloat(value);
}

const YEAR_9999_MS = Date.UTC(9999, 0);

/** The largest Unix time in seconds, in the year 9999; as milliseconds it would be in 1978. */
const MAX_UNIX_SECONDS = 253_402_300_799;

/** Milliseconds since the epoch from Unix time or ISO 8601 (UTC without a zone); null for placeholders such as 0. */
export function timeOf(value: JsonValue | undefined): number | null {
  const number = numberOf(value);
  const timeMs = number === null ? parseDateMs(textOf(value) ?? '') : number * (number > MAX_UNIX_SECONDS ? 1 : 1000);
  return timeMs > 0 && timeMs < YEAR_9999_MS ? Math.round(timeMs) : null;
}

/** `Date.parse` reads a time without a zone as local time, which servers never mean. */
function parseDateMs(text: string): number {
  const hasZone = /(z|utc|gmt|[+-]\d{2}:?\d{2})\s*$/i.test(text);
  const isDateOnly = /^\d{4}-\d{2}-\d{2}$/.test(text);
  return Date.parse(hasZone || isDateOnly ? text : `${text}${text.includes('T') ? '' : ' '}Z`);
}

export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function firstOf(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? value[0] : undefined;
}

export function firstText(...values: readonly (JsonValue | undefined)[]): string | null {
  return values.map(textOf).find((text) => text !== null) ?? null;
}

const MAX_QUOTED_CHARACTERS = 2_000;

/** A value as text: an object or list as JSON; null if it is empty. */
export function wordsOf(value: JsonValue | undefined): string | null {
  const text = textOf(value);
  if (text !== null || typeof value !== 'object' || value === null || Object.keys(value).length === 0) return text;
  const json = attempt(() => JSON.stringify(value).slice(0, MAX_QUOTED_CHARACTERS));
  return json ?? 'JSON that is nested too deeply to show'; // it could be parsed but not serialised
}

export function firstWords(...values: readonly (JsonValue | undefined)[]): string | null {
  return values.map(wordsOf).find((words) => words !== null) ?? null;
}

/** The fields that have a value. */
export function givenFields(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
