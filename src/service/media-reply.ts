import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { mediaTypeOf, SNIFF_BYTES, sniffMedia } from '../domain/media.ts';
import { resolveRange } from '../http-server/range.ts';
import { errorBody } from './rest-error.ts';

/** A media file, or the requested range of it. Rejects with the file system's error. */
export async function mediaReply(request: Request, path: string): Promise<Response> {
  const file = await open(path, 'r');
  try {
    const { size: sizeBytes, mtimeMs } = await file.stat();
    const { buffer: head } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const kind = sniffMedia(head);
    const headers = {
      'accept-ranges': 'bytes',
      'content-type': kind === null ? 'application/octet-stream' : mediaTypeOf(kind),
      etag: `"${mtimeMs.toString(36)}-${sizeBytes}"`,
    };
    const range = resolveRange(request.headers.get('range'), sizeBytes);
    if (range === 'unsatisfiable') {
      return Response.json(errorBody('range_not_satisfiable', 'the range is outside of the file'), {
        status: 416,
        headers: { 'content-range': `bytes */${sizeBytes}` },
      });
    }
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
    // No stream for a HEAD: nobody would read it to its end and close it.
    const body = request.method === 'HEAD' ? null : Readable.toWeb(createReadStream(path, { start: first, end: last }));
    return new Response(body as ReadableStream<Uint8Array> | null, {
      // Node declares this class twice
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
