import type { ImageMimeType } from './video.ts';

export interface ImageSize {
  readonly mimeType: ImageMimeType;
  /** In pixels, as viewers show it. */
  readonly width: number;
  readonly height: number;
  /** Whether only an EXIF tag turns it, which some servers ignore. */
  readonly isTurned: boolean;
}

/** Type and size of a PNG, JPEG or WebP, read from its header; null for anything else. */
export function readImageSize(bytes: Uint8Array): ImageSize | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = unlessTruncated(() => readPng(file) ?? readJpeg(file) ?? readWebp(file), null);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

function readPng(file: Buffer): ImageSize | null {
  if (!hasText(file, 0, '\x89PNG\r\n\x1a\n') || !hasText(file, 12, 'IHDR')) return null;
  return turned('image/png', file.readUInt32BE(16), file.readUInt32BE(20), orientationOfPng(file));
}

/** Searches for the EXIF block only before the pixels. */
function orientationOfPng(file: Buffer): number {
  return unlessTruncated(() => {
    for (let offset = 8; !hasText(file, offset + 4, 'IDAT'); offset += 12 + file.readUInt32BE(offset)) {
      if (hasText(file, offset + 4, 'eXIf')) return orientationOf(file, offset + 8);
    }
    return UPRIGHT;
  }, UPRIGHT);
}

const UPRIGHT = 1;
/** From here on, an EXIF orientation swaps the sides. */
const FIRST_SIDEWAYS = 5;

function turned(mimeType: ImageMimeType, width: number, height: number, orientation: number): ImageSize {
  const pixels = orientation >= FIRST_SIDEWAYS ? { width: height, height: width } : { width, height };
  return { mimeType, ...pixels, isTurned: orientation > UPRIGHT };
}

/** Reads from a file that may end too early. */
function unlessTruncated<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return otherwise;
    throw error;
  }
}

/** Walks the segments up to the frame header, the only one with the size. */
function readJpeg(file: Buffer): ImageSize | null {
  if (!hasText(file, 0, '\xff\xd8\xff')) return null;
  let offset = 2;
  let orientation = UPRIGHT;
  for (;;) {
    if (file.readUInt8(offset) !== 0xff) return null;
    const marker = file.readUInt8(offset + 1);
    if (marker === 0xff) {
      offset += 1; // any number of fill bytes may precede a marker
    } else if (isFrameHeader(marker)) {
      return turned('image/jpeg', file.readUInt16BE(offset + 7), file.readUInt16BE(offset + 5), orientation);
    } else if (isBareMarker(marker)) {
      offset += 2;
    } else {
      if (marker === 0xe1 && hasText(file, offset + 4, 'Exif\0\0')) orientation = orientationOf(file, offset + 10);
      offset += 2 + file.readUInt16BE(offset + 2);
    }
  }
}

/** The orientation that an EXIF block gives. */
function orientationOf(file: Buffer, start: number): number {
  const isLittle = hasText(file, start, 'II');
  const read = (at: number, bytes: 2 | 4): number =>
    isLittle ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes);
  return unlessTruncated(() => {
    const directory = start + read(start + 4, 4);
    for (let entry = 0; entry < read(directory, 2); entry++) {
      const at = directory + 2 + 12 * entry;
      if (read(at, 2) === 0x0112) return read(at + 8, 2);
    }
    return UPRIGHT;
  }, UPRIGHT);
}

/** SOF0 to SOF15; the three excluded markers are tables. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** TEM and the restart markers carry no length. */
function isBareMarker(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

/** The first chunk is lossy (`VP8 `), lossless (`VP8L`) or extended (`VP8X`). */
function readWebp(file: Buffer): ImageSize | null {
  if (!hasText(file, 0, 'RIFF') || !hasText(file, 8, 'WEBP')) return null;
  const facts = { mimeType: 'image/webp', isTurned: false } as const;
  if (hasText(file, 12, 'VP8 ') && hasText(file, 23, '\x9d\x01\x2a')) {
    return { ...facts, width: file.readUInt16LE(26) & 0x3fff, height: file.readUInt16LE(28) & 0x3fff };
  }
  if (hasText(file, 12, 'VP8L') && hasText(file, 20, '\x2f')) {
    const bits = file.readUInt32LE(21);
    return { ...facts, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (hasText(file, 12, 'VP8X')) {
    return turned('image/webp', file.readUIntLE(24, 3) + 1, file.readUIntLE(27, 3) + 1, orientationOfWebp(file));
  }
  return null;
}

/** The chunks after the header, each padded to an even length; some writers keep the prefix of JPEG's block. */
function orientationOfWebp(file: Buffer): number {
  return unlessTruncated(() => {
    let offset = 30;
    while (!hasText(file, offset, 'EXIF')) {
      const sizeBytes = file.readUInt32LE(offset + 4);
      offset += 8 + sizeBytes + (sizeBytes % 2); // not in 32 bits: a huge size must not lead back
    }
    return orientationOf(file, offset + (hasText(file, offset + 8, 'Exif\0\0') ? 14 : 8));
  }, UPRIGHT);
}

/** Whether the bytes at an offset are these characters, one byte each. */
function hasText(file: Buffer, offset: number, text: string): boolean {
  return file.toString('latin1', offset, offset + text.length) === text;
}
