import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/json.ts';
import type { RecordedRequest } from '../domain/record.ts';
import type { ReferenceImage, VideoRequest } from '../domain/video.ts';

/** The request as the ledger keeps it. */
export function recordRequest(request: VideoRequest): RecordedRequest {
  const { prompt, model, seconds, size, frame, quality, characters, params } = request;
  const image = request.image === null ? null : describeImage(request.image);
  return { prompt, model, seconds, size, ...(frame && { frame }), quality, characters, params, image };
}

function describeImage(image: ReferenceImage): string {
  switch (image.kind) {
    case 'file':
      return `sha256:${createHash('sha256').update(image.bytes).digest('hex')}`;
    case 'url':
      return `url:${image.url}`;
    case 'file_id':
      return `file_id:${image.fileId}`;
  }
}

/** Equal for requests that would make the same video at the same server, reference bytes included. */
export function fingerprintOf(baseUrl: string, request: RecordedRequest): string {
  return createHash('sha256')
    .update(canonicalJson({ baseUrl, request: { ...request } }))
    .digest('hex')
    .slice(0, 32);
}
