import { SoraError } from '../domain/errors.ts';
import type { ReferenceImage } from '../domain/video.ts';

/** An image as an address; a file becomes a data URL. Throws `not_supported` for an upload, which has no address. */
export function imageAddress(image: ReferenceImage): string {
  switch (image.kind) {
    case 'file':
      return `data:${image.mimeType};base64,${Buffer.from(image.bytes).toString('base64')}`;
    case 'url':
      return image.url;
    case 'file_id':
      throw new SoraError('not_supported', { title: `the upload ${image.fileId} has no address to send` });
  }
}
