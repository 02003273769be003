import { readImageSize } from '../domain/image.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { ApiError, invalidField, quoteList } from './api-error.ts';
import type { RequestBody, UploadedFile } from './request-body.ts';

type Image = Pick<UploadedFile, 'mimeType' | 'bytes'>;

const FIELD = 'input_reference';
const MIME_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/**
 * Refuses a reference that is not an image or does not have exactly the pixels of `size`. File ids and web addresses are
 * accepted unchecked.
 */
export function checkReference({ fields, files }: RequestBody, size: string): void {
  const file = files.get(FIELD);
  const value = fields.get(FIELD) ?? undefined;
  if (file) checkImage(file, size);
  else if (isJsonObject(value)) checkReferenceObject(value, size);
  else if (value !== undefined) {
    const message = `Invalid type for '${FIELD}': expected a file, but got a ${typeof value} instead.`;
    throw invalidField(FIELD, 'invalid_type', message);
  }
}

function checkReferenceObject(reference: JsonObject, size: string): void {
  const { image_url: url, file_id: fileId } = reference;
  if ((typeof url === 'string') === (typeof fileId === 'string')) {
    throw invalidField(FIELD, 'invalid_value', `Provide exactly one of 'image_url' or 'file_id' in '${FIELD}'.`);
  }
  if (typeof url === 'string' && url.startsWith('data:')) checkImage(decodeDataUrl(url), size);
}

function checkImage({ mimeType, bytes }: Image, size: string): void {
  if (!MIME_TYPES.includes(mimeType)) {
    throw invalidField(
      FIELD,
      'unsupported_file_mimetype',
      `Invalid file '${FIELD}': unsupported mimetype ('${mimeType || 'application/octet-stream'}'). Supported file formats are ${quoteList(MIME_TYPES, 'and')}.`,
    );
  }
  const image = readImageSize(bytes);
  if (image === null) throw invalidField(FIELD, 'invalid_image_file', `Invalid image file in '${FIELD}'.`);
  if (`${image.width}x${image.height}` !== size) {
    throw new ApiError({ status: 400, message: 'Inpaint image must match the requested width and height' });
  }
}

function decodeDataUrl(url: string): Image {
  const [, mimeType, base64] = /^data:([^;,]*);base64,(.*)$/s.exec(url) ?? [];
  if (mimeType === undefined || base64 === undefined) {
    throw invalidField(FIELD, 'invalid_value', "Invalid 'image_url': expected a base64-encoded data URL.");
  }
  return { mimeType: mimeType.toLowerCase(), bytes: Buffer.from(base64, 'base64') };
}
