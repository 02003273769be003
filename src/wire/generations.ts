import type { JsonObject } from '../domain/json.ts';
import { ORIENTATION_OF_RATIO } from '../domain/models.ts';
import type { VideoRequest } from '../domain/video.ts';
import { givenFields } from './fields.ts';
import { imageAddress } from './image-address.ts';

/** Dialect `generations`: a create with the guide's field names. */
export function encodeGuide({ model, prompt, seconds, frame, quality }: VideoRequest): JsonObject {
  const orientation = frame?.aspectRatio ? ORIENTATION_OF_RATIO[frame.aspectRatio] : null;
  const resolution = frame?.resolution ?? null;
  return givenFields({ model, prompt, duration: seconds, resolution, orientation, quality });
}

/** Dialect `generations`: the same with New API's field names. */
export function encodeNewApi({ model, prompt, seconds, size, image, quality }: VideoRequest): JsonObject {
  const address = image && imageAddress(image);
  return givenFields({ model, prompt, duration: seconds, size, image: address, quality });
}
