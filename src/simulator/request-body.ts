import { canonicalJson, isJsonObject, type JsonValue } from '../domain/json.ts';
import { type FormPart, readForm, textOfPart } from '../http-server/form.ts';
import type { ServerCall } from '../http-server/handler.ts';
import { readJson } from '../http-server/json-body.ts';
import { crypto } from '../platform/crypto.ts';
import { ApiError } from './api-error.ts';

export type UploadedFile = Pick<FormPart, 'filename' | 'mimeType' | 'bytes'>;

/** A request body, independent of its encoding. */
export interface RequestBody {
  /** By field name; nested form fields become objects and arrays, as in JSON. */
  readonly fields: ReadonlyMap<string, JsonValue>;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

/** Reads JSON or multipart. Throws a 400 for an unreadable body and a 415 for another type. */
export function readRequestBody({ headers, body }: ServerCall): RequestBody {
  const contentType = headers['content-type'] ?? '';
  const mediaType = contentType.split(';', 1).join('').trim().toLowerCase();
  if (mediaType === 'application/json') return fromJson(readJson(body));
  if (mediaType === 'multipart/form-data') return fromForm(readForm(contentType, body));
  throw new ApiError({
    status: 415,
    message: `Unsupported content type: '${mediaType}'. This API method only accepts 'application/json' and 'multipart/form-data' requests.`,
  });
}

/** Equal for equal requests, regardless of encoding and the order of fields. */
export function fingerprintBody({ fields, files }: RequestBody): string {
  const { hash } = crypto();
  const digests = Array.from(files, ([name, { bytes }]) => [name, hash('sha256', bytes)] as const);
  return hash('sha256', canonicalJson({ fields: Object.fromEntries(fields), files: Object.fromEntries(digests) }));
}

function fromJson(value: unknown): RequestBody {
  if (!isJsonObject(value)) {
    throw new ApiError({
      status: 400,
      message: 'We could not parse the JSON body of your request. The API expects a JSON object.',
    });
  }
  return { fields: new Map(Object.entries(value)), files: new Map() };
}

function fromForm(parts: readonly FormPart[]): RequestBody {
  const fields = new Map<string, JsonValue>();
  const files = new Map<string, UploadedFile>();
  for (const part of parts) {
    if (part.isFile) files.set(part.name, part);
    else addField(fields, part.name, textOfPart(part));
  }
  return { fields, files };
}

/** `name`, `name[key]`, `name[]` and `name[][key]`: how form encoders write nested values. */
function addField(fields: Map<string, JsonValue>, path: string, text: string): void {
  const [, name = path, list, key] = /^([^[\]]+)(\[\])?(?:\[([^[\]]+)\])?$/.exec(path) ?? [];
  const value = key === undefined ? text : { [key]: text };
  const earlier = fields.get(name);
  if (list !== undefined) fields.set(name, [...(Array.isArray(earlier) ? earlier : []), value]);
  else if (isJsonObject(value) && isJsonObject(earlier)) fields.set(name, { ...earlier, ...value });
  else fields.set(name, value);
}
