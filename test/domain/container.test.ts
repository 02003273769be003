import { describe, expect, it } from 'vitest';
import { ContainerWalk } from '../../src/domain/container.ts';
import { sniffMedia } from '../../src/domain/media.ts';
import { renderClip, renderSpritesheet, renderThumbnail } from '../../src/test-card/clip.ts';

const SPEC = { id: 'video_1', prompt: 'a boat', model: 'sora-2', seconds: 0.2, width: 64, height: 64 };

type Part = string | Uint8Array | readonly number[];

function join(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
}

function box(type: string, ...content: readonly Part[]): Buffer {
  const bytes = join(...content);
  return join(u32(bytes.length + 8), type, bytes);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const u32le = (value: number): Buffer => u32(value).reverse();
const ebml = join([0x1a, 0x45, 0xdf, 0xa3, 0x87], [0x42, 0x82, 0x84], 'webm');
const cluster = join([0x1f, 0x43, 0xb6, 0x75, 0x40, 0x0a], 'ten bytes!');
const SEGMENT = [0x18, 0x53, 0x80, 0x67];
const OPEN_8 = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const avi = (size: number): Buffer => join('RIFF', u32le(size), 'AVI LIST', Buffer.alloc(20));
const png = join('\x89PNG\r\n\x1a\n', u32(3), 'IDATabc1234', u32(0), 'IEND1234');
const gif = join(
  'GIF89a',
  [2, 0, 2, 0, 0x80, 0, 0],
  'tables',
  [0x21, 0xf9, 4, 1, 2, 3, 4, 0],
  [0x2c],
  '000000000'.slice(1),
  [0x81],
  Buffer.alloc(12),
  [8, 3, 1, 2, 3, 0],
  [0x3b],
);
const LARGE_MDAT = join(u32(1), 'mdat', [0, 0, 0, 0, 0, 0, 0, 20], 'data');

/** What `ContainerWalk` reports as missing when it gets a file in pieces. */
function missingOf(bytes: Buffer, kind = sniffMedia(bytes), pieceBytes = bytes.length): string | null {
  const walk = new ContainerWalk(kind);
  for (let at = 0; at < bytes.length; at += pieceBytes) walk.feed(bytes.subarray(at, at + pieceBytes));
  return walk.missing;
}

describe.each<[string, Buffer]>([
  ['MP4 of the simulator', Buffer.from(renderClip(SPEC))],
  ['WebP of the simulator', Buffer.from(renderThumbnail(SPEC))],
  ['JPEG of the simulator', Buffer.from(renderSpritesheet(SPEC))],
  ['MP4 with its index last', join(box('ftyp', 'isom0000isom'), box('mdat', 'data'), box('moov', 'index'))],
  ['QuickTime file without ftyp', join(box('wide'), LARGE_MDAT, box('moov', 'index'))],
  ['fragmented MP4', join(box('ftyp', 'isom0000isom'), box('moov', 'index'), box('moof', 'x'), box('mdat', 'data'))],
  ['AVIF', join(box('ftyp', 'avif0000avif'), box('meta', 'iloc'), box('mdat', 'data'))],
  ['AVIF with its data in its index', join(box('ftyp', 'avif0000avif'), box('meta', 'iloc', box('idat', 'data')))],
  ['WebM', join(ebml, SEGMENT, [0x90], cluster)],
  ['AVI', avi(28)],
  ['PNG', png],
  ['GIF', gif],
  [
    'JPEG with an embedded thumbnail',
    join(
      [0xff, 0xd8, 0xff, 0xe1, 0, 8],
      [0xff, 0xd8, 1, 2, 0xff, 0xd9],
      [0xff, 0xda, 0, 3, 9],
      [7, 0xff, 0, 0xff, 0xd0, 8],
      [0xff, 0xd9],
    ),
  ],
])('a %s', (_, bytes) => {
  it('is complete, in pieces of any size, even with trailing bytes', () => {
    for (const pieceBytes of [1, 3, 64, bytes.length]) {
      expect(missingOf(bytes, sniffMedia(bytes), pieceBytes)).toBeNull();
    }
    expect(missingOf(join(bytes, Buffer.alloc(9)), sniffMedia(bytes))).toBeNull();
  });

  it('is incomplete when it is cut anywhere', () => {
    const cuts = Array.from({ length: Math.min(40, bytes.length) }, (_, at) => bytes.length - 1 - at);
    const early = Array.from({ length: 20 }, (_, at) => Math.floor((bytes.length * at) / 20));
    for (const length of [...cuts, ...early]) {
      expect.soft(missingOf(bytes.subarray(0, length), sniffMedia(bytes)), `${length} bytes`).not.toBeNull();
    }
  });
});

describe('the missing end of a file', () => {
  it.each([
    [
      'mp4',
      join(box('ftyp', 'isom0000isom'), box('moov', 'index'), box('mdat', 'data').subarray(0, 10)),
      'the end of its mdat box',
    ],
    ['mp4', join(box('ftyp', 'isom0000isom'), box('mdat', 'data')), 'its index (the moov box)'],
    ['mp4', join(box('ftyp', 'isom0000isom'), box('moov', 'index'), box('moof', 'x')), 'its media data'],
    ['avif', join(box('ftyp', 'avif0000avif'), box('meta', 'iloc')), 'its media data'],
    [
      'mp4',
      join(
        box('ftyp', 'isom0000isom'),
        box('moov', 'x'),
        box('moof', 'x'),
        box('mdat', 'x'),
        box('moof').subarray(0, 7),
      ),
      'the end of a box',
    ],
    ['mp4', join(box('ftyp', 'isom0000isom'), box('moov', 'x'), box('mdat', 'x'), box('styp')), 'its media data'],
    ['webm', join(ebml, SEGMENT, [0x90], cluster.subarray(0, 9)), 'the end of its segment'],
    ['webm', join(ebml, SEGMENT, [0xff], cluster, [0x1f]), 'the end of an element'],
    ['avi', avi(28).subarray(0, 30), 'the end of its RIFF data'],
    ['png', png.subarray(0, -1), 'its IEND chunk'],
    ['gif', gif.subarray(0, -1), 'its trailer'],
  ] as const)('is named for a truncated %s', (kind, bytes, missing) => {
    expect(missingOf(bytes, kind)).toBe(missing);
  });

  it.each([
    [
      'a live WebM, cut between two elements',
      join(ebml, SEGMENT, [0xff], [0x1f, 0x43, 0xb6, 0x75], OPEN_8, [0xe7, 0x81, 0]),
    ],
    ['an AVI whose writer could not seek back', avi(0)],
    ['an MP4 whose last box has no size', join(box('ftyp', 'isom0000isom'), box('moov', 'x'), u32(0), 'mdat', 'data')],
    ['invalid boxes', join(box('ftyp', 'isom0000isom'), Buffer.alloc(5_000, 7))],
    ['an unsupported format', join('OggS', Buffer.alloc(10))],
  ])('cannot be detected in %s', (_, bytes) => {
    expect(missingOf(bytes)).toBeNull();
  });
});
