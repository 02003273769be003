import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { firstText, textOf } from './fields.ts';

/** A server's refusal in its own words, whatever envelope it came in. */
export interface ErrorBody {
  readonly code: string | null;
  readonly type: string | null;
  readonly param: string | null;
  /** Empty when the body says nothing. */
  readonly message: string;
}

const MAX_MESSAGE_CHARACTERS = 2_000;

/** Reads OpenAI's envelope and every other form seen: a text, `detail`, `message`, problem+json, HTML, nothing. */
export function decodeErrorBody(body: string): ErrorBody {
  const value = parseJson(body);
  const decoded = value === undefined ? fromText(body) : fromJson(value);
  return { ...decoded, message: decoded.message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

function fromJson(value: JsonValue): ErrorBody {
  if (!isJsonObject(value)) return plain(textOf(value) ?? (value === null ? '' : JSON.stringify(value)));
  const { error } = value;
  if (isJsonObject(error)) {
    return {
      code: textOf(error.code),
      type: textOf(error.type),
      param: textOf(error.param),
      message: firstText(error.message, error.detail, error.code, error.type) ?? JSON.stringify(error),
    };
  }
  return {
    code: textOf(value.code),
    type: textOf(value.type),
    param: textOf(value.param),
    message:
      firstText(error, detailText(value.detail), value.message, value.title, value.code) ?? JSON.stringify(value),
  };
}

/** FastAPI's `detail` is a text, or a list of `{loc, msg}`. */
function detailText(detail: JsonValue | undefined): string | null {
  if (!Array.isArray(detail)) return isJsonObject(detail) ? firstText(detail.message, detail.msg) : textOf(detail);
  const faults = detail.map((fault) => {
    if (!isJsonObject(fault)) return textOf(fault);
    const place = Array.isArray(fault.loc) ? `${fault.loc.join('.')}: ` : '';
    return `${place}${firstText(fault.msg, fault.message) ?? JSON.stringify(fault)}`;
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
