import { HttpError } from './handler.ts';

const MAX_DEPTH = 64;
/** Counted by commas, so only roughly. */
const MAX_VALUES = 10_000;
const [QUOTE, BACKSLASH, COMMA, BRACE, BRACKET, END_BRACE, END_BRACKET] = Buffer.from('"\\,{[}]');

/** Parses a JSON body. Throws a 400 for invalid JSON, and for nesting or sizes that no client sends. */
export function readJson(body: Uint8Array): unknown {
  checkShape(body);
  try {
    return JSON.parse(new TextDecoder().decode(body)); // the decoder also removes a byte order mark
  } catch {
    throw new HttpError({ status: 400, message: 'The body is not valid JSON' });
  }
}

function checkShape(body: Uint8Array): void {
  let depth = 0;
  let values = 0;
  let isText = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (isText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === COMMA) values++;
    else if (byte === BRACE || byte === BRACKET) depth++;
    else if (byte === END_BRACE || byte === END_BRACKET) depth--;
    if (depth > MAX_DEPTH) throw refusal(`is nested more than ${MAX_DEPTH} levels deep`);
    if (values > MAX_VALUES) throw refusal(`has more than ${MAX_VALUES} values`);
  }
}

function refusal(reason: string): HttpError {
  return new HttpError({ status: 400, message: `The JSON body ${reason}` });
}
