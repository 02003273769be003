import { SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { ORIENTATION_OF_RATIO } from '../domain/models.ts';
import type { ReferenceSource, VideoRequest } from '../domain/video.ts';
import { givenFields, textOf } from './fields.ts';

/** Dialect `generations`: a create with the guide's field names. */
export function encodeGuide({ model, prompt, seconds, frame, quality }: VideoRequest): JsonObject {
  const orientation = frame?.aspectRatio ? ORIENTATION_OF_RATIO[frame.aspectRatio] : null;
  const resolution = frame?.resolution ?? null;
  return givenFields({ model, prompt, duration: seconds, resolution, orientation, quality });
}

/** Dialect `generations`: the same with New API's field names. */
export function encodeNewApi(request: VideoRequest): JsonObject {
  const { model, prompt, seconds, size, image, references = [], quality } = request;
  const address = image && imageAddress(image);
  const images = references.map(({ source }) => imageAddress(source));
  const several = images.length > 0 ? [...(address ? [address] : []), ...images] : null;
  const one = several === null ? address : null;
  return givenFields({ model, prompt, duration: seconds, size, image: one, images: several, quality });
}

/** Dialect `openrouter`: a create. The frame is sent by name, or in pixels if pixels were requested. */
export function encodeOpenRouter(request: VideoRequest): JsonObject {
  const { model, prompt, seconds, size, frame, image, quality } = request;
  const place = frame ? { resolution: frame.resolution, aspect_ratio: frame.aspectRatio } : { size };
  const { references = [] } = request;
  const last = references
    .filter(({ role }) => role === 'last_frame')
    .map(({ source }) => frameImage(source, 'last_frame'));
  const frames = [...(image ? [frameImage(image, 'first_frame')] : []), ...last];
  const guides = references.flatMap(({ role, source }) =>
    role === 'last_frame' ? [] : [{ type: `${role}_url`, [`${role}_url`]: { url: imageAddress(source) } }],
  );
  return givenFields({
    model,
    prompt,
    duration: seconds,
    ...place,
    frame_images: frames.length > 0 ? frames : null,
    input_references: guides.length > 0 ? guides : null,
    quality,
    callback_url: request.callbackUrl ?? null,
  });
}

function frameImage(image: ReferenceSource, frame: 'first_frame' | 'last_frame'): JsonObject {
  return { type: 'image_url', image_url: { url: imageAddress(image) }, frame_type: frame };
}

/** The polling address of a job, unchanged: often relative. */
export function decodePollingUrl(reply: JsonValue | undefined): string | null {
  return isJsonObject(reply) ? textOf(reply.polling_url) : null;
}

/** The address of an image, video or audio: a data URL for a file. Throws `not_supported` for an upload, which has none. */
export function imageAddress(image: ReferenceSource): string {
  switch (image.kind) {
    case 'file':
      return `data:${image.mimeType};base64,${Buffer.from(image.bytes).toString('base64')}`;
    case 'url':
      return image.url;
    case 'file_id':
      throw new SoraError('not_supported', { title: `the upload ${image.fileId} has no URL to send` });
  }
}
