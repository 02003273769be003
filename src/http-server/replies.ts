import type { ApiErrorDetails } from './api-error.ts';
import type { Reply } from './call.ts';

/** A JSON body. */
export function jsonReply(value: object, headers: Readonly<Record<string, string>> = {}, status = 200): Reply {
  return textReply(status, 'application/json', JSON.stringify(value), headers);
}

/** The error envelope of the API; absent parts are null, as OpenAI writes them. */
export function errorReply({ status, message, type, code, param, headers = {} }: ApiErrorDetails): Reply {
  const error = { message, type: type ?? 'invalid_request_error', param: param ?? null, code: code ?? null };
  return textReply(status, 'application/json', JSON.stringify({ error }), headers);
}

/** A text of a type, with its length. */
export function textReply(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const length = String(Buffer.byteLength(body));
  return { status, headers: { 'content-type': type, 'content-length': length, ...headers }, body };
}
