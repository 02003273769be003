import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { ReferenceImage, VideoRequest } from '../domain/video.ts';
import { givenFields, textOf } from './fields.ts';
import { imageAddress } from './image-address.ts';

/** Dialect `openrouter`: a create. Its frame is told in words, or, where pixels were asked for, in pixels. */
export function encodeOpenRouter(request: VideoRequest): JsonObject {
  const { model, prompt, seconds, size, frame, image, quality, params } = request;
  const place = frame ? { resolution: frame.resolution, aspect_ratio: frame.aspectRatio } : { size };
  const frames = image && [firstFrame(image)];
  return { ...givenFields({ model, prompt, duration: seconds, ...place, frame_images: frames, quality }), ...params };
}

function firstFrame(image: ReferenceImage): JsonObject {
  return { type: 'image_url', image_url: { url: imageAddress(image) }, frame_type: 'first_frame' };
}

/** Where the server wants to be asked for a job, as it came: often relative. */
export function decodePollingUrl(reply: JsonValue | undefined): string | null {
  return isJsonObject(reply) ? textOf(reply.polling_url) : null;
}
