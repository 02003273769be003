import type { Dialect } from '../domain/dialect.ts';
import { isJsonObject, type JsonObject, plainJson } from '../domain/json.ts';
import { FIELD_OF_ROLE, type WrittenFormat } from '../domain/request-format.ts';
import {
  REFERENCE_ROLES,
  type Reference,
  type ReferenceSource,
  type RequestSource,
  type VideoFile,
  type VideoRequest,
} from '../domain/video.ts';
import { encodeGuide, encodeNewApi, encodeOpenRouter, imageAddress } from './json-dialects.ts';
import { BATCHES_ROUTE, CHARACTERS_ROUTE, jobPath, ROUTES } from './routes.ts';

/** Where a create goes, below the base URL, and its body. */
export interface WrittenCreate {
  readonly route: string;
  readonly body: JsonObject | FormData;
}

/** Whether a body is a form. `instanceof FormData` would load the global fetch, which takes half as long as starting Node. */
export function isForm(body: WrittenCreate['body']): body is FormData {
  return Object.prototype.toString.call(body) === '[object FormData]';
}

/** How a create is written: for sending, for `--dry-run` and for the printed curl command. */
export function writeCreate(dialect: Dialect, request: VideoRequest, format: WrittenFormat): WrittenCreate {
  return { route: routeOf(dialect, request.source), body: bodyOf(dialect, request, format) };
}

/** Only dialect `videos` has routes for existing videos. Throws `video_not_found` for an id that no path can contain. */
function routeOf(dialect: Dialect, source: RequestSource | undefined): string {
  switch (source?.operation) {
    case undefined:
      return ROUTES[dialect];
    case 'remix':
      return `${jobPath(ROUTES[dialect], source.video.id)}/remix`;
    case 'edit':
      return `${ROUTES[dialect]}/edits`;
    case 'extend':
      return `${ROUTES[dialect]}/extensions`;
    case 'character':
      return CHARACTERS_ROUTE;
    case 'batch':
      return BATCHES_ROUTE;
  }
}

function bodyOf(dialect: Dialect, request: VideoRequest, format: WrittenFormat): JsonObject | FormData {
  if (request.source?.operation === 'character') return writeCharacter(request.prompt, request.source.video);
  if (request.source?.operation === 'batch') return writeBatch(request.source.video.id);
  const extras = extrasOf(request, format);
  switch (dialect) {
    case 'videos':
      return format.body === 'multipart' ? writeForm(request, extras, format) : writeJson(request, extras, format);
    case 'generations':
      return { ...encodeGuide(request), ...extras };
    case 'new-api':
      return { ...encodeNewApi(request), ...extras };
    case 'openrouter':
      return { ...encodeOpenRouter(request), ...extras };
  }
}

function extrasOf({ params }: VideoRequest, { extras }: WrittenFormat): JsonObject {
  const { metadata = {}, ...others } = params;
  const isOwn = extras === 'fields' || Object.keys(others).length === 0 || !isJsonObject(metadata);
  return isOwn ? params : { metadata: { ...metadata, ...others } };
}

function writeJson(request: VideoRequest, extras: JsonObject, format: WrittenFormat): JsonObject {
  const { seconds, image, characters } = request;
  const sourceId = sourceIdField(request.source);
  return {
    ...standardFields(request),
    ...(seconds !== null && format.seconds === 'number' ? { seconds } : {}),
    ...(sourceId === null ? {} : { video: { id: sourceId } }),
    ...(image ? { [format.imageField]: imageValue(image, format) } : {}),
    ...referenceFields(request.references ?? [], format),
    ...(characters.length > 0 ? { characters: characters.map((id) => ({ id })) } : {}),
    ...callbackField(request, format),
    ...extras,
  };
}

/** In a form every field is a text or a file. */
function writeForm(request: VideoRequest, extras: JsonObject, format: WrittenFormat): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(standardFields(request))) form.append(name, value);
  const sourceId = sourceIdField(request.source);
  if (sourceId !== null) form.append('video[id]', sourceId);
  if (request.source?.video.kind === 'file') form.append('video', fileOf(request.source.video));
  const { image } = request;
  if (image?.kind === 'file') {
    // The part needs its image type spelled out: servers refuse application/octet-stream.
    form.append('input_reference', fileOf(image));
  } else if (image) {
    const value = imageValue(image, format);
    if (typeof value === 'string') form.append(format.imageField, value);
    else for (const [name, part] of Object.entries(value)) form.append(`${format.imageField}[${name}]`, part);
  }
  for (const { role, source } of request.references ?? []) {
    const field = format[FIELD_OF_ROLE[role]] ?? role;
    if (source.kind === 'file')
      form.append(role === 'last_frame' ? field : (format.referenceField ?? field), fileOf(source));
    else form.append(field, plainJson(imageValue(source, format, mediaOf(role))));
  }
  for (const id of request.characters) form.append('characters[][id]', id);
  for (const [name, url] of Object.entries(callbackField(request, format))) form.append(name, url);
  for (const [name, value] of Object.entries(extras)) {
    form.append(name, plainJson(value));
  }
  return form;
}

/** Where the requests of a server-side batch go, whatever the base URL is. */
export const BATCH_ENDPOINT_PATH = '/v1/videos';

function writeBatch(inputFileId: string): JsonObject {
  return { input_file_id: inputFileId, endpoint: BATCH_ENDPOINT_PATH, completion_window: '24h' };
}

function writeCharacter(name: string, video: VideoFile): FormData {
  const form = new FormData();
  form.append('name', name);
  form.append('video', fileOf(video));
  return form;
}

/** The id in the field `video`; null where there is no such field, or it is a file. */
function sourceIdField(source: RequestSource | undefined): string | null {
  if (source === undefined || source.operation === 'remix') return null; // a remix has its source in the path
  return source.video.kind === 'id' ? source.video.id : null;
}

function standardFields({ model, prompt, seconds, size, quality }: VideoRequest): Record<string, string> {
  return {
    ...(model === null ? {} : { model }),
    prompt,
    ...(seconds === null ? {} : { seconds: String(seconds) }),
    ...(size === null ? {} : { size }),
    ...(quality === null ? {} : { quality }),
  };
}

function callbackField({ callbackUrl }: VideoRequest, { callbackField: field }: WrittenFormat): Record<string, string> {
  return callbackUrl === undefined || field === null ? {} : { [field]: callbackUrl };
}

function fileOf({ name, mimeType, bytes }: ReferenceSource & { readonly kind: 'file' }): File {
  return new File([Uint8Array.from(bytes)], name, { type: mimeType });
}

/** Images are always a list; a single video or audio is not. */
function referenceFields(references: readonly Reference[], format: WrittenFormat): JsonObject {
  return Object.fromEntries(
    REFERENCE_ROLES.flatMap((role) => {
      const values = references
        .filter((reference) => reference.role === role)
        .map(({ source }) => imageValue(source, format, mediaOf(role)));
      const [first] = values;
      if (first === undefined) return [];
      return [[format[FIELD_OF_ROLE[role]] ?? role, role === 'image' || values.length > 1 ? values : first]];
    }),
  );
}

function mediaOf(role: Reference['role']): 'image' | 'video' | 'audio' {
  return role === 'last_frame' ? 'image' : role;
}

function imageValue(
  image: ReferenceSource,
  format: WrittenFormat,
  media: 'image' | 'video' | 'audio' = 'image',
): string | Record<string, string> {
  if (format.image === 'text') return imageAddress(image);
  const object = image.kind === 'file_id' ? { file_id: image.fileId } : { [`${media}_url`]: imageAddress(image) };
  return format.image === 'json' ? JSON.stringify(object) : object;
}
