export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON; undefined if the text is not JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse returns JSON values only
  } catch {
    return undefined;
  }
}

/** A text as it is, any other value as JSON. */
export function plainJson(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** More than any server wants. Code that walks deeper values would run out of stack. */
const MAX_NESTED = 100;

/** Whether lists and objects are nested too deeply to be sent. */
export function isNestedTooDeeply(value: JsonValue, depth = MAX_NESTED): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isNestedTooDeeply(inner, depth - 1));
}

const LONG_INTEGER = /[[:,]\s*-?\d{16,}\s*[\],}]/;
const TEXTS_AND_INTEGERS = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** The same, but keeps integers beyond 2^53 as strings: some servers use 19-digit job ids, which must not be rounded. */
export function parseExactJson(text: string): JsonValue | undefined {
  const value = parseJson(text);
  // In text that is not JSON the search would be quadratic, because its strings have no end.
  if (value === undefined || !LONG_INTEGER.test(text)) return value;
  const isExact = (part: string): boolean => part.startsWith('"') || Number.isSafeInteger(Number(part));
  return parseJson(text.replace(TEXTS_AND_INTEGERS, (part) => (isExact(part) ? part : `"${part}"`)));
}

/** JSON with sorted keys, so that equal values have equal texts. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isJsonObject(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
