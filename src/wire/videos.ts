import type { Encoding } from '../domain/dialect.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { VideoJob, VideoRequest } from '../domain/video.ts';
import { textOf } from './fields.ts';
import { imageAddress } from './image-address.ts';
import { decodeJob, decodeStatus, type ReplyFacts } from './job.ts';

/** The first encoding to try; with `auto`, which adapts to the server, a file needs a form. */
export function encodingFor({ image }: VideoRequest, encoding: Encoding | 'auto'): Encoding {
  if (encoding !== 'auto') return encoding;
  return image?.kind === 'file' ? 'multipart' : 'json';
}

/** Dialect `videos`: a create as JSON. A file is sent as a data URL. */
export function encodeJson(request: VideoRequest): JsonObject {
  const { image, characters } = request;
  return {
    ...standardFields(request),
    ...(image ? { input_reference: imageObject(image) } : {}),
    ...(characters.length > 0 ? { characters: characters.map((id) => ({ id })) } : {}),
    ...request.params,
  };
}

/** Dialect `videos`: the same for servers that accept neither a quoted number nor an object as reference. */
export function encodePlainJson(request: VideoRequest): JsonObject {
  const { seconds, image } = request;
  return {
    ...encodeJson({ ...request, image: null }),
    ...(seconds === null ? {} : { seconds }),
    ...(image ? { input_reference: imageAddress(image) } : {}),
  };
}

/** Dialect `videos`: the same create as a form of texts and files. */
export function encodeForm(request: VideoRequest): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(standardFields(request))) form.append(name, value);
  const { image } = request;
  if (image?.kind === 'file') {
    // The part needs its image type: servers refuse application/octet-stream.
    form.append('input_reference', new Blob([Uint8Array.from(image.bytes)], { type: image.mimeType }), image.name);
  } else if (image) {
    for (const [name, value] of Object.entries(imageObject(image))) form.append(`input_reference[${name}]`, value);
  }
  for (const id of request.characters) form.append('characters[][id]', id);
  for (const [name, value] of Object.entries(request.params)) {
    form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form;
}

function standardFields({ model, prompt, seconds, size, quality }: VideoRequest): Record<string, string> {
  return {
    ...(model === null ? {} : { model }),
    prompt,
    // Text, because several servers refuse a number.
    ...(seconds === null ? {} : { seconds: String(seconds) }),
    ...(size === null ? {} : { size }),
    ...(quality === null ? {} : { quality }),
  };
}

function imageObject(image: NonNullable<VideoRequest['image']>): Record<string, string> {
  switch (image.kind) {
    case 'file':
    case 'url':
      return { image_url: imageAddress(image) };
    case 'file_id':
      return { file_id: image.fileId };
  }
}

export interface DecodedPage {
  readonly jobs: readonly VideoJob[];
  /** Null if the server does not report it. */
  readonly hasMore: boolean | null;
  readonly lastId: string | null;
}

/** A page of jobs; null if the body is not a list. Items without an id are left out. */
export function decodePage(body: JsonValue | undefined, facts: ReplyFacts): DecodedPage | null {
  const items = Array.isArray(body) ? body : isJsonObject(body) && Array.isArray(body.data) ? body.data : null;
  if (items === null) return null;
  const jobs = items.flatMap((item) => decodeJob(item, facts) ?? []);
  const envelope = isJsonObject(body) ? body : {};
  return {
    jobs,
    hasMore: typeof envelope.has_more === 'boolean' ? envelope.has_more : null,
    lastId: textOf(envelope.last_id) ?? jobs.at(-1)?.id ?? null,
  };
}

/** Whether the reply to a DELETE confirms that the video is gone. */
export function decodeDeleted(body: JsonValue | undefined): boolean {
  if (!isJsonObject(body)) return true; // an empty 2xx
  if (typeof body.deleted === 'boolean') return body.deleted;
  const status = textOf(body.status);
  return status === null || decodeStatus(status) === 'cancelled';
}
