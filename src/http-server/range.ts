/** Both ends inclusive, as in the header. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface RangedReply {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes to send; null for a 304 and a 416. */
  readonly range: ByteRange | null;
}

/** How to answer a GET or HEAD of a file. */
export function rangedReply(
  { method, headers: asked }: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
  { sizeBytes, mediaType, etag }: { readonly sizeBytes: number; readonly mediaType: string; readonly etag: string },
): RangedReply {
  const shared = { 'accept-ranges': 'bytes', etag };
  if (isListed(etag, asked['if-none-match'])) return { status: 304, headers: shared, range: null };
  // Another validator means that the client has a part of another file (RFC 9110 §13.1.5). A HEAD has no ranges.
  const isRanged = method === 'GET' && [undefined, etag].includes(asked['if-range']);
  const wanted = isRanged ? resolveRange(asked.range ?? null, sizeBytes) : null;
  if (wanted === 'unsatisfiable') {
    return { status: 416, headers: { ...shared, 'content-range': `bytes */${sizeBytes}` }, range: null };
  }
  const { first, last } = wanted ?? { first: 0, last: sizeBytes - 1 };
  const headers = { ...shared, 'content-type': mediaType, 'content-length': String(last - first + 1) };
  return wanted === null
    ? { status: 200, headers, range: { first, last } }
    : { status: 206, headers: { ...headers, 'content-range': `bytes ${first}-${last}/${sizeBytes}` }, range: wanted };
}

/** Whether an If-None-Match header names a validator, weakly compared. */
function isListed(etag: string, header = ''): boolean {
  return header.split(',').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}

/**
 * The range to send; null for the whole body: no range, an unknown form, or several ranges, which a server may ignore
 * (RFC 9110 §14.2).
 */
export function resolveRange(header: string | null, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return null;
  if (from === '') return suffixRange(Number(to), sizeBytes);
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== '' && Number(to) < first) return null;
  return first < sizeBytes ? { first, last } : 'unsatisfiable';
}

/** The last bytes of the body, or all of it when it is shorter. */
function suffixRange(lengthBytes: number, sizeBytes: number): ByteRange | 'unsatisfiable' {
  if (lengthBytes === 0 || sizeBytes === 0) return 'unsatisfiable';
  return { first: Math.max(0, sizeBytes - lengthBytes), last: sizeBytes - 1 };
}
