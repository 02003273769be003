import { PassThrough, pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import type * as NodeZlib from 'node:zlib';

/** Headers that describe the encoded bytes, so they are wrong for the decoded ones. */
const OF_ENCODED_BYTES: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-encoding',
  'content-length',
  'etag',
  'last-modified',
]);
const MAX_ENCODINGS = 5;
/** What servers and object storages write for bytes that are not encoded. */
const NO_ENCODINGS: ReadonlySet<string> = new Set(['', 'identity', 'none', 'binary', 'utf-8', 'utf8', 'aws-chunked']);
/** Real replies shrink less than this; a decompression bomb shrinks a thousandfold. */
const MAX_EXPANSION = 100;
/** Up to this size, any expansion is accepted: repetitive JSON compresses well. */
const ALWAYS_FINE_BYTES = 16 << 20;
/** `ZSTD_d_windowLogMax`, unknown to the types of Node 20, and the window that HTTP allows (RFC 9659): it bounds the memory. */
const ZSTD_LIMITS = { params: { 100: 23 } };

interface EncodedReply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * Decodes the `content-encoding` of a reply. A body that is broken, cut short or a decompression bomb fails while it is
 * read. Throws if the encoding is unknown, or too new for this Node.
 */
export function decoded<T extends EncodedReply>(reply: T): T {
  const encodings = encodingsOf(reply.headers['content-encoding'] ?? '');
  if (encodings.length === 0 || isEmpty(reply)) return reply;
  const decoders = encodings.length > MAX_ENCODINGS ? [] : encodings.flatMap((name) => decoderOf(name) ?? []);
  if (decoders.length < encodings.length) {
    reply.body.destroy();
    const names = encodings.join(', ').slice(0, 80);
    throw Object.assign(new Error(`the reply is encoded as ${names}, which cannot be decoded`), { code: 'EENCODING' });
  }
  const guard = new BombGuard();
  const encoded = joined(reply.body, guard.input);
  const body = joined(
    decoders.reduceRight<Readable>((source, decode) => decode(source), encoded),
    guard,
  );
  const headers = Object.fromEntries(Object.entries(reply.headers).filter(([name]) => !OF_ENCODED_BYTES.has(name)));
  return { ...reply, headers, body };
}

/** Some servers name an encoding for a reply without a body, such as the reply to a delete. */
function isEmpty({ status, headers }: EncodedReply): boolean {
  return status === 204 || status === 304 || headers['content-length'] === '0';
}

function encodingsOf(header: string): string[] {
  const names = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return names.filter((name) => !NO_ENCODINGS.has(name));
}

/** Node 20 has no zstd, and neither have its types. */
type ZlibOfAnyNode = typeof NodeZlib & { readonly createZstdDecompress?: (limits: typeof ZSTD_LIMITS) => Transform };

function decoderOf(encoding: string): ((source: Readable) => Readable) | null {
  const zlib: ZlibOfAnyNode = process.getBuiltinModule('node:zlib');
  if (encoding === 'gzip' || encoding === 'x-gzip') return (source) => decodedBy(source, gunzipFor);
  if (encoding === 'deflate') return (source) => decodedBy(source, inflateFor);
  if (encoding === 'br') return (source) => joined(source, zlib.createBrotliDecompress());
  const createZstd = encoding === 'zstd' ? zlib.createZstdDecompress : undefined; // since Node 22.15
  return createZstd === undefined ? null : (source) => joined(source, createZstd(ZSTD_LIMITS));
}

/** Passes errors of any part of the chain to its end; destroying the end destroys all parts. */
function joined<T extends Transform>(source: Readable, decoder: T): T {
  pipeline(source, decoder, () => {});
  return decoder;
}

/** Some proxies decompress a reply and keep its header. */
function gunzipFor(firstByte: number): Transform {
  return firstByte === 0x1f ? process.getBuiltinModule('node:zlib').createGunzip() : new PassThrough();
}

/** `deflate` requires a zlib header (RFC 1950), which some servers leave out. */
function inflateFor(firstByte: number): Transform {
  const { createInflate, createInflateRaw } = process.getBuiltinModule('node:zlib');
  return (firstByte & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

/** The output of a decoder that the first byte decides. */
function decodedBy(source: Readable, decoderFor: (firstByte: number) => Transform): Readable {
  const output = new PassThrough();
  source.once('error', (error) => output.destroy(error));
  output.once('close', () => source.destroy());
  source.once('readable', () => {
    const first: Buffer | null = source.read(1);
    if (first !== null) source.unshift(first);
    pipeline(source, first === null ? new PassThrough() : decoderFor(first[0] ?? 0), output, () => {});
  });
  return output;
}

/** Fails if the output grows too much compared with the input. */
class BombGuard extends Transform {
  readonly input = new PassThrough();
  #inBytes = 0;
  #outBytes = 0;

  constructor() {
    super();
    this.input._transform = (chunk: Buffer, _encoding, callback) => {
      this.#inBytes += chunk.length;
      callback(null, chunk);
    };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#outBytes += chunk.length;
    const isBomb = this.#outBytes > Math.max(ALWAYS_FINE_BYTES, this.#inBytes * MAX_EXPANSION);
    if (isBomb) callback(bombError());
    else callback(null, chunk);
  }
}

function bombError(): Error {
  const message = `the compressed reply grows more than ${MAX_EXPANSION} times when it is decoded`;
  return Object.assign(new Error(message), { code: 'EENCODING' });
}
