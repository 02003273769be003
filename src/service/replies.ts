import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { SoraError } from '../domain/errors.ts';
import { type MediaKind, SNIFF_BYTES, sniffMedia } from '../domain/media.ts';
import { resolveRange } from '../http-server/range.ts';

/** An error of the REST service, as it is answered. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly violations: readonly string[];
    readonly hints: readonly string[];
  };
}

/** How a code of the catalogue is told over HTTP, where it is not a 502: the server behind this one failed. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request: 400,
  reference_size_mismatch: 400,
  cost_cap_exceeded: 402,
  video_not_found: 404,
  cannot_cancel: 409,
  duplicate_request: 409,
  content_not_ready: 409,
  content_expired: 410,
  unexpected: 500,
};

export function errorBody(
  code: string,
  message: string,
  details: { readonly violations?: readonly string[]; readonly hints?: readonly string[] } = {},
): ErrorBody {
  return { error: { code, message, violations: details.violations ?? [], hints: details.hints ?? [] } };
}

/** An error of the catalogue, as the REST service answers it. */
export function refuseFor(error: SoraError): Response {
  const { code, message, causedBy, violations, hints } = error;
  const told = causedBy === null ? message : `${message}: ${causedBy}`;
  return Response.json(errorBody(code, told, { violations, hints }), { status: STATUSES[code] ?? 502 });
}

const MIME_TYPES: Readonly<Record<MediaKind, string>> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  avi: 'video/x-msvideo',
  webp: 'image/webp',
  jpg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
};

/** A media file, or the range of it that the request asks for. Rejects with the file system's error. */
export async function mediaReply(request: Request, path: string): Promise<Response> {
  const file = await open(path, 'r');
  try {
    const { size: sizeBytes, mtimeMs } = await file.stat();
    const { buffer: head } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const kind = sniffMedia(head);
    const headers = {
      'accept-ranges': 'bytes',
      'content-type': kind === null ? 'application/octet-stream' : MIME_TYPES[kind],
      etag: `"${mtimeMs.toString(36)}-${sizeBytes}"`,
    };
    const range = resolveRange(request.headers.get('range'), sizeBytes);
    if (range === 'unsatisfiable') {
      return Response.json(errorBody('range_not_satisfiable', 'the range lies outside of the file'), {
        status: 416,
        headers: { 'content-range': `bytes */${sizeBytes}` },
      });
    }
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
    // For a HEAD no stream is opened: nobody would read it, and so close it.
    const body = request.method === 'HEAD' ? null : Readable.toWeb(createReadStream(path, { start: first, end: last }));
    return new Response(body as ReadableStream<Uint8Array> | null, {
      // Node has two types for this one class
      status: range === null ? 200 : 206,
      headers: {
        ...headers,
        'content-length': String(last - first + 1),
        ...(range === null ? {} : { 'content-range': `bytes ${first}-${last}/${sizeBytes}` }),
      },
    });
  } finally {
    await file.close();
  }
}
