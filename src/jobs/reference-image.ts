import { basename, resolve } from 'node:path';
import { readImageSize } from '../domain/image.ts';
import type { ReferenceImage } from '../domain/video.ts';
import { readBytes } from './input-file.ts';

export interface ReadImage {
  readonly reference: ReferenceImage;
  /** `WIDTHxHEIGHT`; null for what does not lie here. */
  readonly size: string | null;
}

/** Whether a reference image is named by an address or by the id of an uploaded file, and not by a file here. */
export function isRemoteImage(image: string): boolean {
  return /^(https?|data):/i.test(image) || /^file[-_][\w-]+$/.test(image);
}

/** Reads what `--image` names. Throws an `Error` that says what is wrong with it. */
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
