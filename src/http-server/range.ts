/** Both ends inclusive, as in the header. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The range that a Range header selects from a body of this size, or null to send the whole body: there is no header, its
 * form is unknown, or it lists several ranges, which a server may ignore (RFC 9110 §14.2).
 */
export function resolveRange(header: string | null, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
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
