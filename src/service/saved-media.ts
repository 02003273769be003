import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { SoraError } from '../domain/errors.ts';
import { mediaTypeOf, SNIFF_BYTES, sniffMedia } from '../domain/media.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import type { SavedFile } from '../domain/record.ts';
import { type ByteRange, rangedReply } from '../http-server/range.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { hasCode } from '../platform/files.ts';
import { errorBody } from './rest-error.ts';

/** A saved file where it is. */
interface Medium {
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly etag: string;
  stream(range: ByteRange): Promise<Readable>;
}

/** A saved file, or the requested range of it. Throws `content_expired` if it is gone, and what reading throws. */
export async function savedReply(
  request: Request,
  file: Pick<SavedFile, 'path'>,
  objects: ObjectStore,
): Promise<Response> {
  const medium = await mediumOf(file, objects);
  const { status, headers, range } = rangedReply(
    { method: request.method, headers: Object.fromEntries(request.headers) },
    medium,
  );
  if (status === 304) return new Response(null, { status, headers });
  if (range === null) {
    return Response.json(errorBody('range_not_satisfiable', 'the range is outside of the file'), { status, headers });
  }
  // No stream for a HEAD: nothing would read it to its end and close it.
  const body = request.method === 'HEAD' ? null : Readable.toWeb(await medium.stream(range));
  return new Response(body as ReadableStream<Uint8Array> | null, { status, headers }); // Node declares this class twice
}

/** All bytes of a saved file. Throws as `savedReply` does. */
export async function readSaved(file: Pick<SavedFile, 'path'>, objects: ObjectStore): Promise<Uint8Array> {
  const { sizeBytes, stream } = await mediumOf(file, objects);
  return buffer(await stream({ first: 0, last: sizeBytes - 1 }));
}

/** Deletes saved files; those that are gone already do not matter. */
export async function removeSaved(files: readonly Pick<SavedFile, 'path'>[], objects: ObjectStore): Promise<void> {
  await Promise.all(
    files.map(({ path }) => (isObjectAddress(path) ? objects.remove(path) : rm(path, { force: true }))),
  );
}

async function mediumOf({ path }: Pick<SavedFile, 'path'>, objects: ObjectStore): Promise<Medium> {
  const medium = isObjectAddress(path) ? await objectMedium(path, objects) : await diskMedium(path);
  if (medium !== null) return medium;
  throw new SoraError('content_expired', { title: 'the file is no longer where it was saved', hints: [] });
}

async function diskMedium(path: string): Promise<Medium | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const { size: sizeBytes, mtimeMs } = await file.stat();
    const { buffer: head } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const kind = sniffMedia(head);
    return {
      sizeBytes,
      mediaType: kind === null ? 'application/octet-stream' : mediaTypeOf(kind),
      etag: `"${mtimeMs.toString(36)}-${sizeBytes}"`,
      stream: async ({ first, last }) => createReadStream(path, { start: first, end: last }),
    };
  } finally {
    await file.close();
  }
}

async function objectMedium(path: string, objects: ObjectStore): Promise<Medium | null> {
  const found = await objects.find(path);
  if (found === null) return null;
  const { bytes: sizeBytes, sha256, mediaType } = found;
  return {
    sizeBytes,
    mediaType,
    etag: `"${sha256 ?? sizeBytes}"`,
    stream: (range) => objects.read(path, range),
  };
}
