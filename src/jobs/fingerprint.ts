import { canonicalJson } from '../domain/json.ts';
import type { RecordedRequest } from '../domain/record.ts';
import type { ReferenceSource, RequestSource, VideoRequest } from '../domain/video.ts';
import { crypto } from '../platform/crypto.ts';

/** The request as stored in the ledger. */
export function recordRequest(request: VideoRequest): RecordedRequest {
  const { prompt, model, seconds, size, frame, quality, characters, params, source } = request;
  const image = request.image === null ? null : describeImage(request.image);
  const references = (request.references ?? []).map(({ role, source }) => `${role}:${describeImage(source)}`);
  const guides = { ...(references.length > 0 ? { references } : {}), ...recordSource(source) };
  return { prompt, model, seconds, size, ...(frame && { frame }), quality, characters, params, image, ...guides };
}

function recordSource(source: RequestSource | undefined): Pick<RecordedRequest, 'source'> {
  if (source === undefined) return {};
  const { operation, video } = source;
  return { source: { operation, video: video.kind === 'id' ? `id:${video.id}` : describeImage(video) } };
}

/** The ledger's entry for a reference image: its address, or the hash of its bytes. */
export function describeImage(image: ReferenceSource): string {
  switch (image.kind) {
    case 'file':
      return `sha256:${crypto().hash('sha256', image.bytes)}`;
    case 'url':
      return `url:${image.url}`;
    case 'file_id':
      return `file_id:${image.fileId}`;
  }
}

/**
 * Equal for requests for the same video on the same server, reference bytes included. Line ends, and blanks around a prompt,
 * depend on the editor of its file.
 */
export function fingerprintOf(baseUrl: string, request: RecordedRequest): string {
  const prompt = request.prompt.replace(/\r\n?/g, '\n').trim();
  return crypto()
    .hash('sha256', canonicalJson({ baseUrl, request: { ...request, prompt } }))
    .slice(0, 32);
}
