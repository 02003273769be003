import { HttpError, type HttpErrorDetails, jsonReply, type ServerReply } from '../http-server/handler.ts';

export interface ApiErrorDetails extends HttpErrorDetails {
  readonly type?: string;
  readonly param?: string;
}

/** Errors quote values of the request, which can be as large as its body. */
const MAX_QUOTED_CHARACTERS = 1_000;

/** A refusal by the Videos API. */
export class ApiError extends HttpError<ApiErrorDetails> {
  override readonly name = 'ApiError';

  constructor({ message, param, ...details }: ApiErrorDetails) {
    super({ ...details, message: clip(message), ...(param === undefined ? {} : { param: clip(param) }) });
  }
}

/** A simulated broken connection: `handle` rejects with it, and a server destroys the socket. */
export class ConnectionDropped extends Error {
  override readonly name = 'ConnectionDropped';
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was dropped');
  }
}

function clip(text: string): string {
  return text.length <= MAX_QUOTED_CHARACTERS ? text : `${text.slice(0, MAX_QUOTED_CHARACTERS)}…`;
}

/** The error envelope of the Videos API; missing parts are null, as OpenAI writes them. */
export function errorReply({ status, message, type, code, param, headers }: ApiErrorDetails): ServerReply {
  const fallback = status === 503 ? 'service_unavailable_error' : 'invalid_request_error';
  const error = { message, type: type ?? fallback, param: param ?? null, code: code ?? null };
  return jsonReply({ error }, headers, status);
}

/** `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: how the API enumerates values. */
export function quoteList(values: readonly string[], conjunction: 'and' | 'or'): string {
  const type = conjunction === 'and' ? 'conjunction' : 'disjunction';
  return new Intl.ListFormat('en', { type }).format(values.map((value) => `'${value}'`));
}

/** A 400 that names the invalid field. */
export function invalidField(param: string, code: string, message: string): ApiError {
  return new ApiError({ status: 400, code, param, message });
}

export function missingField(param: string): ApiError {
  return invalidField(param, 'missing_required_parameter', `Missing required parameter: '${param}'.`);
}

/** A 400 for a value outside of a fixed set. */
export function unsupportedValue(param: string, value: string, supported: readonly string[]): ApiError {
  const message = `Invalid value: '${value}'. Supported values are: ${quoteList(supported, 'and')}.`;
  return invalidField(param, 'invalid_value', message);
}

export function modelNotFound(model: string): ApiError {
  const message = `The model '${model}' does not exist or you do not have access`;
  return new ApiError({ status: 404, code: 'model_not_found', message });
}
