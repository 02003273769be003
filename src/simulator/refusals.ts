import { ApiError } from '../http-server/api-error.ts';

/** `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: how the API enumerates values. */
export function quoteList(values: readonly string[], conjunction: 'and' | 'or'): string {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? '';
  if (quoted.length === 0) return last;
  return `${quoted.join(', ')}${quoted.length > 1 ? ',' : ''} ${conjunction} ${last}`;
}

/** A 400 that names the field at fault. */
export function invalidField(param: string, code: string, message: string): ApiError {
  return new ApiError({ status: 400, code, param, message });
}

/** A 400 for a value that is not one of a few. */
export function unsupportedValue(param: string, value: string, supported: readonly string[]): ApiError {
  const message = `Invalid value: '${value}'. Supported values are: ${quoteList(supported, 'and')}.`;
  return invalidField(param, 'invalid_value', message);
}

/** A 404 for an id that no job has, or no longer has. */
export function videoNotFound(id: string): ApiError {
  return new ApiError({ status: 404, code: 'not_found', message: `Video with id '${id}' not found` });
}

/** A 404 for a model that is not served. */
export function modelNotFound(model: string): ApiError {
  return new ApiError({
    status: 404,
    code: 'model_not_found',
    message: `The model '${model}' does not exist or you do not have access`,
  });
}
