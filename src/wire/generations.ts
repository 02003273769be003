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
export function encodeNewApi(request: VideoRequest): JsonObject {
  const { model, prompt, seconds, size, image, references = [], quality } = request;
  const address = image && imageAddress(image);
  const images = references.map(({ source }) => imageAddress(source));
  const several = images.length > 0 ? [...(address ? [address] : []), ...images] : null;
  const one = several === null ? address : null;
  return givenFields({ model, prompt, duration: seconds, size, image: one, images: several, quality });
}
