import { createHash } from 'node:crypto';
import { canonicalJson, isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { requestOf, type ServerCall } from '../http-server/handler.ts';
import { ApiError } from './api-error.ts';

export interface UploadedFile {
  readonly mimeType: string;
  readonly bytes: Uint8Array;
}

/** A request body, independent of its encoding. */
export interface RequestBody {
  /** By field name; nested form fields become objects and arrays, as in JSON. */
  readonly fields: ReadonlyMap<string, JsonValue>;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

/** Reads JSON or multipart. Throws the API's 400 for an unreadable body and 415 for another type. */
export async function readRequestBody(call: ServerCall): Promise<RequestBody> {
  const contentType = call.headers['content-type'] ?? '';
  const mediaType = contentType.split(';', 1).join('').trim().toLowerCase();
  if (mediaType === 'application/json') return readJson(call);
  if (mediaType === 'multipart/form-data') return readForm(await parseForm(call));
  throw new ApiError({
    status: 415,
    message: `Unsupported content type: '${mediaType}'. This API method only accepts 'application/json' and 'multipart/form-data' requests.`,
  });
}

/** Equal for equal requests, regardless of encoding and the order of fields. */
export function fingerprintBody({ fields, files }: RequestBody): string {
  const fileDigests = Array.from(files, ([name, { bytes }]) => [name, sha256(bytes)] as const);
  return sha256(canonicalJson({ fields: Object.fromEntries(fields), files: Object.fromEntries(fileDigests) }));
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function readJson({ body }: ServerCall): RequestBody {
  const value = parseJson(new TextDecoder().decode(body));
  if (!isJsonObject(value)) {
    throw new ApiError({
      status: 400,
      message: 'We could not parse the JSON body of your request. The API expects a JSON object.',
    });
  }
  return { fields: new Map(Object.entries(value)), files: new Map() };
}

async function readForm(form: FormData): Promise<RequestBody> {
  const fields = new Map<string, JsonValue>();
  const files = new Map<string, UploadedFile>();
  for (const [name, value] of form) {
    if (typeof value === 'string') addField(fields, name, value);
    else files.set(name, { mimeType: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
  return { fields, files };
}

async function parseForm(call: ServerCall): Promise<FormData> {
  try {
    return await requestOf(call).formData();
  } catch {
    throw new ApiError({ status: 400, message: 'We could not parse the multipart body of your request.' });
  }
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
