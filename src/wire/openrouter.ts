import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { ReferenceSource, VideoRequest } from '../domain/video.ts';
import { givenFields, textOf } from './fields.ts';
import { imageAddress } from './image-address.ts';

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
