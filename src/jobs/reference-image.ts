import { basename, resolve } from 'node:path';
import { readImageSize } from '../domain/image.ts';
import type { ReferenceImage } from '../domain/video.ts';
import { readBytes } from './input-file.ts';

export interface ReadImage {
  readonly reference: ReferenceImage;
  /** `WIDTHxHEIGHT`; null unless it is a local file. */
  readonly size: string | null;
}

/** Whether a reference image is a URL or the id of an upload rather than a local file. */
export function isRemoteImage(image: string): boolean {
  return /^(https?|data):/i.test(image) || /^file[-_][\w-]+$/.test(image);
}

/** Reads the image of `--image`. Throws an `Error` that states the problem. */
export function readReferenceImage(image: string, folder: string): ReadImage {
  if (isRemoteImage(image)) {
    const isUrl = image.includes(':');
    return { reference: isUrl ? { kind: 'url', url: image } : { kind: 'file_id', fileId: image }, size: null };
  }
  const bytes = readBytes(resolve(folder, image), 'the reference image');
  const facts = readImageSize(bytes);
  if (facts === null) throw new Error(`the reference image ${image} is not a jpeg, png or webp file`);
  const { mimeType, width, height } = facts;
  return { reference: { kind: 'file', name: basename(image), mimeType, bytes }, size: `${width}x${height}` };
}
