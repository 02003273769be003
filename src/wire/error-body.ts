import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { firstWords, textOf, wordsOf } from './fields.ts';

/** A server's refusal in its own words, whatever envelope it came in. */
export interface ErrorBody {
  readonly code: string | null;
  readonly type: string | null;
  readonly param: string | null;
  /** Empty when the body says nothing. */
  readonly message: string;
}

const MAX_MESSAGE_CHARACTERS = 2_000;
/** More than a message has room for. */
const MAX_FAULTS = 100;
/** As much of a page as its title is looked for in: what patterns search must not be without end. */
const MAX_PAGE_CHARACTERS = 20_000;

/** Reads OpenAI's envelope and every other form seen: a text, `detail`, `message`, problem+json, HTML, nothing. */
export function decodeErrorBody(body: string): ErrorBody {
  const value = parseJson(body);
  const decoded = value === undefined ? fromText(body.slice(0, MAX_PAGE_CHARACTERS)) : fromJson(value);
  return { ...decoded, message: decoded.message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

function fromJson(value: JsonValue): ErrorBody {
  if (!isJsonObject(value)) return plain(wordsOf(value) ?? '');
  const { error } = value;
  if (isJsonObject(error)) {
    return {
      code: textOf(error.code),
      type: textOf(error.type),
      param: textOf(error.param),
      message: firstWords(error.message, error.detail, error.code, error.type, error) ?? '',
    };
  }
  return {
    code: textOf(value.code),
    type: textOf(value.type),
    param: textOf(value.param),
    message: firstWords(error, detailWords(value.detail), value.message, value.title, value.code, value) ?? '',
  };
}

/** FastAPI's `detail` is a text, or a list of `{loc, msg}`. */
function detailWords(detail: JsonValue | undefined): string | null {
  if (!Array.isArray(detail))
    return isJsonObject(detail) ? firstWords(detail.message, detail.msg, detail) : textOf(detail);
  const faults = detail.slice(0, MAX_FAULTS).map((fault) => {
    if (!isJsonObject(fault)) return wordsOf(fault);
    const place = Array.isArray(fault.loc) ? `${fault.loc.map(textOf).join('.')}: ` : '';
    return `${place}${firstWords(fault.msg, fault.message, fault) ?? ''}`;
  });
  return faults.filter((fault) => fault !== null).join('; ') || null;
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
  return { code: null, type: null, param: null, message };
}
