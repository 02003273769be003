/** The start of a PNG of this size, up to the header. */
export function createPngHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  return joinBytes('\x89PNG\r\n\x1a\n', uint32(13), 'IHDR', uint32(width), uint32(height), [8, 2, 0, 0, 0]);
}

/** One byte for each character of a string or number of a list. */
export function joinBytes(...parts: readonly (string | readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'string' ? Array.from(part, (character) => character.charCodeAt(0)) : part,
    ),
  );
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
