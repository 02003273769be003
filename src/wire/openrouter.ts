import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { ReferenceImage, VideoRequest } from '../domain/video.ts';
import { givenFields, textOf } from './fields.ts';
import { imageAddress } from './image-address.ts';

/** Dialect `openrouter`: a create. The frame is sent by name, or in pixels if pixels were requested. */
export function encodeOpenRouter(request: VideoRequest): JsonObject {
  const { model, prompt, seconds, size, frame, image, quality } = request;
  const place = frame ? { resolution: frame.resolution, aspect_ratio: frame.aspectRatio } : { size };
  const frames = image && [firstFrame(image)];
  return givenFields({ model, prompt, duration: seconds, ...place, frame_images: frames, quality });
}

function firstFrame(image: ReferenceImage): JsonObject {
  return { type: 'image_url', image_url: { url: imageAddress(image) }, frame_type: 'first_frame' };
}

/** The polling address of a job, unchanged: often relative. */
export function decodePollingUrl(reply: JsonValue | undefined): string | null {
  return isJsonObject(reply) ? textOf(reply.polling_url) : null;
}
