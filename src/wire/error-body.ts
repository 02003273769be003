import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import type { RefusalWords } from '../domain/moderation.ts';
import { firstText, firstWords, objectOf, textOf, wordsOf } from './fields.ts';

/** A server's refusal, extracted from any envelope. */
export type ErrorBody = Omit<RefusalWords, 'status'>;

const MAX_MESSAGE_CHARACTERS = 2_000;
/** How many faults of one reply are quoted. */
const MAX_FAULTS = 100;
/** How much of a page is searched for its title: patterns need bounded input. */
const MAX_PAGE_CHARACTERS = 20_000;

/** Proxies wrap the error of the server behind them in their own message, sometimes more than once. */
const MAX_WRAPPINGS = 4;

/** Reads OpenAI's envelope and all other known forms: text, `detail`, `message`, problem+json, HTML, empty. */
export function decodeErrorBody(body: string): ErrorBody {
  const value = parseJson(body);
  let decoded = value === undefined ? fromText(body.slice(0, MAX_PAGE_CHARACTERS)) : fromJson(value);
  for (let wrappings = 0; wrappings < MAX_WRAPPINGS; wrappings++) {
    const inner = innerError(decoded.message.slice(0, MAX_PAGE_CHARACTERS));
    if (inner === null) break;
    decoded = unwrapped(decoded, inner);
  }
  return { ...decoded, message: decoded.message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

/** The upstream error quoted in a message, as JSON or as Python prints it; null if there is none. */
function innerError(message: string): ErrorBody | null {
  const quoted = message.slice(message.indexOf('{'), message.lastIndexOf('}') + 1);
  if (!quoted.startsWith('{')) return null;
  const value = parseJson(quoted) ?? parseJson(fromPython(quoted));
  if (!isJsonObject(value)) return null;
  const isError = [value.error, value.message, value.detail].some((part) => part !== undefined && part !== null);
  const inner = isError ? fromJson(value) : null;
  return inner === null || inner.message === message ? null : inner;
}

/** The inner error is more specific, but a numeric code is less specific than a word. */
function unwrapped(outer: ErrorBody, inner: ErrorBody): ErrorBody {
  const isNumber = (code: string | null): boolean => /^\d*$/.test(code ?? '');
  return {
    code: isNumber(inner.code) && !isNumber(outer.code) ? outer.code : (inner.code ?? outer.code),
    type: inner.type ?? outer.type,
    message: inner.message,
  };
}

/** `{'error': None}` as JSON. */
function fromPython(text: string): string {
  const words: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false' };
  return text.replace(/'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b/g, (part, quoted?: string) =>
    quoted === undefined ? (words[part] ?? part) : JSON.stringify(quoted.replace(/\\'/g, "'")),
  );
}

function fromJson(value: JsonValue): ErrorBody {
  if (!isJsonObject(value)) return plain(wordsOf(value) ?? '');
  const { error } = value;
  if (isJsonObject(error)) {
    return {
      code: textOf(error.code),
      type: firstText(error.type, objectOf(error.innererror).code), // Azure's inner code is more specific
      message: withFields(
        firstWords(error.message, error.detail, error.code, error.type, error) ?? '',
        faultsOf(error) ?? faultsOf(value),
        error,
      ),
    };
  }
  return {
    code: textOf(value.code),
    type: textOf(value.type),
    message: withFields(
      firstWords(error, detailWords(value.detail), value.message, value.title, value.code) ?? '',
      faultsOf(value) ?? Object.values(value).map(faultsOf).find(Boolean) ?? null,
      value,
    ),
  };
}

function withFields(message: string, fields: string | null, value: JsonObject): string {
  if (fields === null) return message || (wordsOf(value) ?? '');
  return message === '' ? fields : `${message} (${fields})`;
}

/** Where servers list the faults of a request's fields. */
const FAULT_LISTS = ['details', 'issues', 'violations', 'invalid_params', 'invalid-params'];

function faultsOf(value: JsonValue): string | null {
  if (!isJsonObject(value)) return null;
  const lists = FAULT_LISTS.map((name) => value[name]).filter(Array.isArray);
  return [value.validation, value.errors, ...lists].map(fieldWords).find(Boolean) ?? null;
}

/** Errors by field: a list of `{location|path|loc|field|name, message}`, or texts by field name. */
function fieldWords(faults: JsonValue | undefined): string | null {
  if (isJsonObject(faults)) {
    const entries = Object.entries(faults).slice(0, MAX_FAULTS);
    return entries.map(([field, texts]) => `${field}: ${[texts].flat().map(wordsOf).join(', ')}`).join('; ') || null;
  }
  if (!Array.isArray(faults)) return null;
  const words = faults.slice(0, MAX_FAULTS).map((fault) => {
    if (!isJsonObject(fault)) return wordsOf(fault);
    const place = [fault.location ?? fault.path ?? fault.loc ?? fault.field ?? fault.name ?? []]
      .flat()
      .map(textOf)
      .join('.');
    return `${place === '' ? '' : `${place}: `}${firstWords(fault.message, fault.msg, fault.detail, fault.reason, fault) ?? ''}`;
  });
  return words.filter((word) => word !== null).join('; ') || null;
}

/** FastAPI's `detail` is a text, or a list of `{loc, msg}`. */
function detailWords(detail: JsonValue | undefined): string | null {
  if (!Array.isArray(detail))
    return isJsonObject(detail) ? firstWords(detail.message, detail.msg, detail) : textOf(detail);
  return fieldWords(detail);
}

function fromText(body: string): ErrorBody {
  if (!isHtml(body)) return plain(body.trim());
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(body)?.[1]?.trim();
  return plain(title ? `an HTML page: ${title}` : 'an HTML page');
}

function isHtml(body: string): boolean {
  return /^\s*(<!doctype html|<html|<head|<body)/i.test(body);
}

function plain(message: string): ErrorBody {
  return { code: null, type: null, message };
}
