export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a JSON text, or undefined when it is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse yields nothing but JSON values
  } catch {
    return undefined;
  }
}

const LONG_INTEGER = /[[:,]\s*-?\d{16,}\s*[\],}]/;
const TEXTS_AND_INTEGERS = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/**
 * The same, with integers that no number holds exactly as texts: some servers number their jobs with 19 digits, and
 * rounded that would be another job.
 */
export function parseExactJson(text: string): JsonValue | undefined {
  const value = parseJson(text);
  // The search of a text that is no JSON would be quadratic: nothing tells where its texts end.
  if (value === undefined || !LONG_INTEGER.test(text)) return value;
  const isExact = (part: string): boolean => part.startsWith('"') || Number.isSafeInteger(Number(part));
  return parseJson(text.replace(TEXTS_AND_INTEGERS, (part) => (isExact(part) ? part : `"${part}"`)));
}

/** JSON with its keys in order, so that equal values have equal texts. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isJsonObject(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
