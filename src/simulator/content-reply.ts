import { type ServerCall, type ServerReply, textReply } from '../http-server/handler.ts';
import { rangedReply } from '../http-server/range.ts';
import { ConnectionDropped, errorReply } from './api-error.ts';
import type { Asset } from './asset-cache.ts';

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
  const file = { sizeBytes: bytes.length, mediaType: mimeType, etag };
  const { status, headers, range } = rangedReply(call, file);
  if (status === 304) return { status, headers, body: '' };
  if (range === null) {
    const message = `The range '${call.headers.range}' is outside of the ${bytes.length} bytes of this file`;
    return errorReply({ status, code: 'range_not_satisfiable', message, headers });
  }
  const part = bytes.subarray(range.first, range.last + 1);
  const isCut = cut && (status === 200 || part.length > UNCUT_BYTES);
  return { status, headers, body: ReadableStream.from(isCut ? halfOf(part) : chunksOf(part)) };
}

/** Views of the bytes, one at a time: many slow clients must not hold a copy each. */
function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

function* halfOf(bytes: Uint8Array): Generator<Uint8Array> {
  yield bytes.subarray(0, Math.ceil(bytes.length / 2));
  throw new ConnectionDropped();
}
