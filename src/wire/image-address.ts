import { SoraError } from '../domain/errors.ts';
import type { ReferenceSource } from '../domain/video.ts';

/** An image, video or audio as an address; a file becomes a data URL. Throws `not_supported` for an upload, which has no address. */
export function imageAddress(image: ReferenceSource): string {
  switch (image.kind) {
    case 'file':
      return `data:${image.mimeType};base64,${Buffer.from(image.bytes).toString('base64')}`;
    case 'url':
      return image.url;
    case 'file_id':
      throw new SoraError('not_supported', { title: `the upload ${image.fileId} has no address to send` });
  }
}
