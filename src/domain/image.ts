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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = unlessTruncated(() => readPng(view) ?? readJpeg(view) ?? readWebp(view), null);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

function readPng(view: DataView): ImageSize | null {
  if (!hasText(view, 0, '\x89PNG\r\n\x1a\n') || !hasText(view, 12, 'IHDR')) return null;
  return turned('image/png', view.getUint32(16), view.getUint32(20), orientationOfPng(view));
}

/** Searches for the EXIF block only before the pixels. */
function orientationOfPng(view: DataView): number {
  return unlessTruncated(() => {
    for (let offset = 8; !hasText(view, offset + 4, 'IDAT'); offset += 12 + view.getUint32(offset)) {
      if (hasText(view, offset + 4, 'eXIf')) return orientationOf(view, offset + 8);
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
function readJpeg(view: DataView): ImageSize | null {
  if (!hasText(view, 0, '\xff\xd8\xff')) return null;
  let offset = 2;
  let orientation = UPRIGHT;
  for (;;) {
    if (view.getUint8(offset) !== 0xff) return null;
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) {
      offset += 1; // any number of fill bytes may precede a marker
    } else if (isFrameHeader(marker)) {
      return turned('image/jpeg', view.getUint16(offset + 7), view.getUint16(offset + 5), orientation);
    } else if (isBareMarker(marker)) {
      offset += 2;
    } else {
      if (marker === 0xe1 && hasText(view, offset + 4, 'Exif\0\0')) orientation = orientationOf(view, offset + 10);
      offset += 2 + view.getUint16(offset + 2);
    }
  }
}

/** The orientation that an EXIF block gives. */
function orientationOf(view: DataView, start: number): number {
  const isLittle = hasText(view, start, 'II');
  return unlessTruncated(() => {
    const directory = start + view.getUint32(start + 4, isLittle);
    for (let entry = 0; entry < view.getUint16(directory, isLittle); entry++) {
      const at = directory + 2 + 12 * entry;
      if (view.getUint16(at, isLittle) === 0x0112) return view.getUint16(at + 8, isLittle);
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
function readWebp(view: DataView): ImageSize | null {
  if (!hasText(view, 0, 'RIFF') || !hasText(view, 8, 'WEBP')) return null;
  const facts = { mimeType: 'image/webp', isTurned: false } as const;
  if (hasText(view, 12, 'VP8 ') && hasText(view, 23, '\x9d\x01\x2a')) {
    return { ...facts, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (hasText(view, 12, 'VP8L') && hasText(view, 20, '\x2f')) {
    const bits = view.getUint32(21, true);
    return { ...facts, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (hasText(view, 12, 'VP8X')) {
    return turned('image/webp', getUint24(view, 24) + 1, getUint24(view, 27) + 1, orientationOfWebp(view));
  }
  return null;
}

/** The chunks after the header, each padded to an even length; some writers keep the prefix of JPEG's block. */
function orientationOfWebp(view: DataView): number {
  return unlessTruncated(() => {
    for (let offset = 30; ; offset += 8 + ((view.getUint32(offset + 4, true) + 1) & ~1)) {
      if (!hasText(view, offset, 'EXIF')) continue;
      return orientationOf(view, offset + (hasText(view, offset + 8, 'Exif\0\0') ? 14 : 8));
    }
  }, UPRIGHT);
}

function getUint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);
}

/** Whether the bytes at an offset are these characters, one byte each. */
function hasText(view: DataView, offset: number, text: string): boolean {
  if (view.byteLength < offset + text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (view.getUint8(offset + index) !== text.charCodeAt(index)) return false;
  }
  return true;
}
