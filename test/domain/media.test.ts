import { describe, expect, it } from 'vitest';
import { isVideo, type MediaKind, sniffMedia } from '../../src/domain/media.ts';
import { joinBytes } from '../support/image-headers.ts';

describe('sniffMedia', () => {
  it.each<[MediaKind | null, string, boolean]>([
    ['mp4', '\x00\x00\x00\x20ftypisom', true],
    ['mov', '\x00\x00\x00\x14ftypqt  ', true],
    ['webm', '\x1a\x45\xdf\xa3\x01', true],
    ['avi', 'RIFF\x00\x00\x00\x00AVI LIST', true],
    ['webp', 'RIFF\x00\x00\x00\x00WEBPVP8 ', false],
    ['jpg', '\xff\xd8\xff\xe0', false],
    ['png', '\x89PNG\r\n\x1a\n', false],
    ['gif', 'GIF89a', false],
    [null, 'RIFF\x00\x00\x00\x00WAVEfmt ', false],
    [null, '{"error":{"message":"no"}}', false],
    [null, '<!DOCTYPE html>', false],
    [null, '', false],
  ])('names %s', (kind, head, video) => {
    expect(sniffMedia(joinBytes(head))).toBe(kind);
    expect(kind !== null && isVideo(kind)).toBe(video);
  });
});
