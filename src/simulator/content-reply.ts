import { type ServerCall, type ServerReply, textReply } from '../http-server/handler.ts';
import { resolveRange } from '../http-server/range.ts';
import { errorReply } from './api-error.ts';
import type { Asset } from './asset-cache.ts';
import { ConnectionDropped } from './connection-dropped.ts';

const LOGIN_PAGE = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n';

/** A cut download sends ranges up to this size completely, so that a resumed download ends. */
const UNCUT_BYTES = 64 * 1024;

const CHUNK_BYTES = 64 * 1024;

/** What a proxy or captive portal returns instead of the API's reply. */
export function loginPageReply(): ServerReply {
  return textReply(200, 'text/html; charset=utf-8', LOGIN_PAGE);
}

/** An error that a broken gateway labels as the video. */
export function jsonAsVideoReply(): ServerReply {
  const error = { message: 'upstream storage is not available', type: 'server_error', param: null, code: null };
  return textReply(200, 'video/mp4', JSON.stringify({ error }));
}

/** The asset, or the requested range of it; `cut` drops the connection half-way. */
export function assetReply(call: ServerCall, { mimeType, bytes, etag }: Asset, cut: boolean): ServerReply {
  const { length: sizeBytes } = bytes;
  const shared = { 'accept-ranges': 'bytes', etag };
  const range = resolveRange(rangeHeaderOf(call, etag), sizeBytes);
  if (range === 'unsatisfiable') {
    return errorReply({
      status: 416,
      code: 'range_not_satisfiable',
      message: `The range '${call.headers.range}' is outside of the ${sizeBytes} bytes of this file`,
      headers: { ...shared, 'content-range': `bytes */${sizeBytes}` },
    });
  }
  if (range === null) {
    const headers = { ...shared, 'content-type': mimeType, 'content-length': String(sizeBytes) };
    return { status: 200, headers, body: cut ? cutBody(bytes) : wholeBody(bytes) };
  }
  const part = bytes.subarray(range.first, range.last + 1);
  return {
    status: 206,
    body: cut && part.length > UNCUT_BYTES ? cutBody(part) : wholeBody(part),
    headers: {
      ...shared,
      'content-type': mimeType,
      'content-length': String(part.length),
      'content-range': `bytes ${range.first}-${range.last}/${sizeBytes}`,
    },
  };
}

/** If-Range with another validator disables the range: the whole file is sent (RFC 9110 §13.1.5). */
function rangeHeaderOf({ headers }: ServerCall, etag: string): string | null {
  const { range = null, 'if-range': condition = etag } = headers;
  return condition === etag ? range : null;
}

/** Streams views of the bytes: many slow clients must not hold a copy each. */
function wholeBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(offset, offset + CHUNK_BYTES));
        offset += CHUNK_BYTES;
        if (offset >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The first half of the bytes, then an error. Nothing is queued ahead, so that the half is delivered first. */
function cutBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const halves = [bytes.subarray(0, Math.ceil(bytes.length / 2))].values();
  return new ReadableStream(
    {
      pull(controller) {
        const { value } = halves.next();
        if (value) controller.enqueue(value);
        else controller.error(new ConnectionDropped());
      },
    },
    { highWaterMark: 0 },
  );
}
