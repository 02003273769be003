import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/** Whether an object is a line of the official Batch API: `{"custom_id","method","url","body"}`. */
export function isBatchApiLine(object: JsonObject): boolean {
  return isJsonObject(object.body) && (object.custom_id !== undefined || object.url !== undefined);
}

const STANDARD = new Set(['prompt', 'model', 'seconds', 'size', 'input_reference', 'characters']);

/** The same request with the keys of a row. */
export function rowOfBatchApiLine({ custom_id, method, url, body, ...rest }: JsonObject, faults: string[]): JsonObject {
  if (method !== undefined && method !== 'POST') faults.push(`\`method\` is ${JSON.stringify(method)}, not "POST"`);
  if (url !== undefined && url !== '/v1/videos') faults.push(`\`url\` is ${JSON.stringify(url)}, not "/v1/videos"`);
  for (const key of Object.keys(rest)) faults.push(`\`${key}\` is not a key of a Batch API line`);
  const request = isJsonObject(body) ? body : {};
  const params = Object.entries(request).filter(([key]) => !STANDARD.has(key));
  return {
    id: custom_id ?? null,
    prompt: request.prompt ?? null,
    model: request.model ?? null,
    duration: request.seconds ?? null,
    size: request.size ?? null,
    image: imageOf(request.input_reference, faults),
    character: charactersOf(request.characters, faults),
    param: params.length > 0 ? Object.fromEntries(params) : null,
  };
}

function imageOf(reference: JsonValue | undefined, faults: string[]): JsonValue {
  if (reference === undefined || reference === null) return null;
  if (isJsonObject(reference)) return reference.image_url ?? reference.file_id ?? null;
  faults.push('`input_reference` has neither `image_url` nor `file_id`');
  return null;
}

function charactersOf(characters: JsonValue | undefined, faults: string[]): JsonValue {
  if (characters === undefined || characters === null) return null;
  const ids = Array.isArray(characters) ? characters.map((item) => (isJsonObject(item) ? item.id : undefined)) : [];
  if (ids.length > 0 && ids.every((id) => typeof id === 'string')) return ids;
  faults.push('`characters` is not a list of objects with an `id`');
  return null;
}
