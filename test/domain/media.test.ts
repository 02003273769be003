import { describe, expect, it } from 'vitest';
import { describeKind, fitsVariant, type MediaKind, promisedKind, sniffMedia } from '../../src/domain/media.ts';
import { joinBytes } from '../support/image-headers.ts';

const box = (type: string, rest = ''): string => `\x00\x00\x00\x18${type}${rest}`;

describe('sniffMedia', () => {
  it.each<[MediaKind | null, string]>([
    ['mp4', box('ftyp', 'isom')],
    ['mov', box('ftyp', 'qt  ')],
    ['m4a', box('ftyp', 'M4A ')],
    ['avif', box('ftyp', 'avif')],
    ['heic', box('ftyp', 'heic')],
    ['mov', box('wide')],
    ['mov', '\x00\x00\x00\x01mdat'],
    ['mp4', box('moov')],
    ['mp4', box('free')],
    ['mp4', box('styp')],
    ['webm', '\x1a\x45\xdf\xa3\x84\x42\x82\x84webm'],
    ['mkv', '\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska'],
    ['avi', 'RIFF\x00\x00\x00\x00AVI LIST'],
    ['ts', `G${'\x00'.repeat(187)}G`],
    ['mpg', '\x00\x00\x01\xba\x44'],
    ['ogv', 'OggS\x00'],
    ['flv', 'FLV\x01'],
    ['wmv', '\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6'],
    ['webp', 'RIFF\x00\x00\x00\x00WEBPVP8 '],
    ['jpg', '\xff\xd8\xff\xe0'],
    ['png', '\x89PNG\r\n\x1a\n'],
    ['gif', 'GIF89a'],
    [null, 'RIFF\x00\x00\x00\x00WAVEfmt '],
    [null, '{"error":{"message":"no"}}'],
    [null, 'The free quota is used up'],
    [null, 'G'.padEnd(300, 'o')],
    [null, '<!DOCTYPE html>'],
    [null, ''],
  ])('detects %s', (kind, head) => {
    expect(sniffMedia(joinBytes(head))).toBe(kind);
  });
});

it.each<[MediaKind, boolean, boolean]>([
  ['mp4', true, false],
  ['gif', true, true],
  ['webp', false, true],
  ['m4a', false, false],
])('fitsVariant(%s) as a video is %s, as a thumbnail %s', (kind, isVideo, isPicture) => {
  expect([fitsVariant(kind, 'video'), fitsVariant(kind, 'thumbnail')]).toEqual([isVideo, isPicture]);
});

it.each([
  ['MP4', 'mp4'],
  ['jpeg', 'jpg'],
  ['final', null],
  ['', null],
  ['constructor', null],
])('promisedKind(%j) is %s', (extension, kind) => {
  expect(promisedKind(extension)).toBe(kind);
});

it('describeKind uses the right article', () => {
  const kinds = ['mp4', 'mov', 'gif', 'avif', 'm4a', 'flv', 'ts', 'heic'] as const;
  expect(kinds.map(describeKind).join(', ')).toBe(
    'an mp4 file, a mov file, a gif file, an avif file, an m4a file, an flv file, a ts file, a heic file',
  );
});
