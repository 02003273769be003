import { describe, expect, it } from 'vitest';
import { readImageSize } from '../../src/domain/image.ts';
import { createPngHeader, joinBytes } from '../support/image-headers.ts';

const SOI = '\xff\xd8';
const APP1_WITH_DECOY = '\xff\xe1\x00\x0bExif\xff\xc0\x00\x11\x08';
const HUFFMAN_TABLE = '\xff\xc4\x00\x04\x00\x00';
const frame = (marker: string): string => `\xff${marker}\x00\x11\x08\x02\xd0\x05\x00\x03`;
const riff = (chunk: string): string => `RIFF\x40\x00\x00\x00WEBP${chunk}`;

const png = createPngHeader(1280, 720);
const jpeg = joinBytes(SOI, APP1_WITH_DECOY, frame('\xc0'));
const webp = joinBytes(riff('VP8 \x20\x00\x00\x00\x10\x02\x00\x9d\x01\x2a\x00\x05\xd0\x02'));
// 14 bits of width - 1 (1279), then 14 bits of height - 1 (719), least significant first.
const losslessWebp = joinBytes(riff('VP8L\x20\x00\x00\x00\x2f\xff\xc4\xb3\x00'));
const extendedWebp = joinBytes(riff('VP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x04\x00\xcf\x02\x00'));

describe('readImageSize', () => {
  it.each([
    ['a PNG', png, 'image/png'],
    ['a baseline JPEG', jpeg, 'image/jpeg'],
    ['a progressive JPEG with tables first', joinBytes(SOI, HUFFMAN_TABLE, frame('\xc2')), 'image/jpeg'],
    ['a JPEG with fill bytes and a restart marker', joinBytes(SOI, '\xff\xd0\xff\xff', frame('\xc1')), 'image/jpeg'],
    ['a lossy WebP', webp, 'image/webp'],
    ['a lossless WebP', losslessWebp, 'image/webp'],
    ['an extended WebP', extendedWebp, 'image/webp'],
  ])('reads the size of %s', (_, bytes, mimeType) => {
    expect(readImageSize(bytes)).toEqual({ mimeType, width: 1280, height: 720, isTurned: false });
  });

  it.each([
    ['as it is stored', '\x01', { width: 1280, height: 720, isTurned: false }],
    ['upside down', '\x03', { width: 1280, height: 720, isTurned: true }],
    ['on its side', '\x06', { width: 720, height: 1280, isTurned: true }],
  ])('returns the size as viewers display it, for an image %s', (_, orientation, size) => {
    const tiff = `MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00${orientation}\x00\x00`;
    const length = String.fromCharCode(tiff.length);
    const exif = `\xff\xe1\x00${String.fromCharCode(tiff.length + 8)}Exif\0\0${tiff}`;
    expect(readImageSize(joinBytes(SOI, exif, frame('\xc0')))).toEqual({ mimeType: 'image/jpeg', ...size });
    const pngExif = joinBytes(Array.from(png), 'CRCs', `\0\0\0${length}eXIf${tiff}CRCs`, '\0\0\0\0IDATCRCs');
    expect(readImageSize(pngExif)).toEqual({ mimeType: 'image/png', ...size });
    const webpExif = joinBytes(Array.from(extendedWebp), 'ALPH\x01\0\0\0a\0', `EXIF${length}\0\0\0${tiff}`);
    expect(readImageSize(webpExif)).toEqual({ mimeType: 'image/webp', ...size });
  });

  it('ends at a chunk whose size would lead back in 32 bits', () => {
    const crafted = joinBytes(Array.from(extendedWebp), 'XXXX\xf7\xff\xff\xff', '\0'.repeat(20));
    expect(readImageSize(crafted)).toEqual({ mimeType: 'image/webp', width: 1280, height: 720, isTurned: false });
  });

  it('reads from the middle of a larger buffer', () => {
    const page = joinBytes('before', Array.from(png), 'after');
    expect(readImageSize(page.subarray(6))).toEqual({
      mimeType: 'image/png',
      width: 1280,
      height: 720,
      isTurned: false,
    });
  });

  it.each([
    ['PNG', png.subarray(0, 24)],
    ['JPEG', jpeg.subarray(0, jpeg.length - 1)],
    ['lossy WebP', webp],
    ['lossless WebP', losslessWebp],
    ['extended WebP', extendedWebp],
  ])('returns null for a %s that is cut at any byte', (_, bytes) => {
    for (let length = 0; length < bytes.length; length++) expect(readImageSize(bytes.subarray(0, length))).toBeNull();
  });

  it.each([
    ['a GIF', joinBytes('GIF89a\x00\x05\xd0\x02')],
    ['text', joinBytes('a picture is worth a thousand words')],
    ['a PNG without pixels', createPngHeader(0, 720)],
    ['a JPEG whose segments are out of step', joinBytes(SOI, '\xff\xe0\x00\x02JF', frame('\xc0'))],
    ['a WebP of an unknown kind', joinBytes(riff('VP9 \x20\x00\x00\x00\x10\x02\x00\x9d\x01\x2a\x00\x05\xd0\x02'))],
  ])('returns null for %s', (_, bytes) => {
    expect(readImageSize(bytes)).toBeNull();
  });
});
