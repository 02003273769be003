import { concat, latin1, u16, u32, utf8, zeros } from './bytes.ts';
import { chunksOf, type MediaTrack } from './media-track.ts';
import { box, fullBox } from './mp4-box.ts';
import { sampleTable } from './sample-table.ts';

export interface Movie {
  /** Ticks a second of `duration`. */
  readonly timescale: number;
  readonly duration: number;
  readonly title: string;
  readonly tracks: readonly MediaTrack[];
}

/** Times of creation and change: none, so that the same movie is the same bytes. */
const NO_TIMES = u32(0, 0);
const FIXED_ONE = 0x0001_0000;
const UNITY_MATRIX = u32(FIXED_ONE, 0, 0, 0, FIXED_ONE, 0, 0, 0, 0x4000_0000);
const UNDETERMINED_LANGUAGE = 0x55c4;
const BOX_HEADER_BYTES = 8;

/** An MP4 file (ISO/IEC 14496-12 and -14) that can start playing before it is loaded: the index comes first. */
export function mp4File(movie: Movie): Uint8Array {
  const fileType = box('ftyp', latin1('isom'), u32(0x200), latin1('isomiso2avc1mp41'));
  // The index holds file offsets, and its own size shifts them: its size does not depend on what they are.
  const indexBytes = movieIndex(movie, chunkOffsets(movie, 0)).length;
  const mediaStart = fileType.length + indexBytes + BOX_HEADER_BYTES;
  const index = movieIndex(movie, chunkOffsets(movie, mediaStart));
  return concat([fileType, index, box('mdat', concat(interleavedChunks(movie).flatMap(({ samples }) => samples)))]);
}

interface PlacedChunk {
  readonly track: MediaTrack;
  readonly samples: readonly Uint8Array[];
}

/** Every chunk in file order: the first second of each track, the next second of each track, and so on. */
function interleavedChunks({ tracks }: Movie): PlacedChunk[] {
  const chunked = tracks.map((track) => chunksOf(track).map((samples) => ({ track, samples })));
  const seconds = Math.max(...chunked.map(({ length }) => length));
  return Array.from({ length: seconds }, (_, second) => chunked.flatMap((chunks) => chunks[second] ?? [])).flat();
}

/** File offsets of each track's chunks, in the order of the tracks. */
function chunkOffsets(movie: Movie, mediaStart: number): number[][] {
  const offsets = new Map<MediaTrack, number[]>(movie.tracks.map((track) => [track, []]));
  let offset = mediaStart;
  for (const { track, samples } of interleavedChunks(movie)) {
    offsets.get(track)?.push(offset);
    offset += samples.reduce((bytes, { length }) => bytes + length, 0);
  }
  return [...offsets.values()];
}

/** 'moov': everything about the movie but the media itself. */
function movieIndex(movie: Movie, offsets: readonly (readonly number[])[]): Uint8Array {
  return box(
    'moov',
    movieHeader(movie),
    ...movie.tracks.map((track, i) => trackBox(movie, track, i + 1, offsets[i] ?? [])),
    titleBox(movie.title),
  );
}

function movieHeader({ timescale, duration, tracks }: Movie): Uint8Array {
  return fullBox(
    'mvhd',
    0,
    NO_TIMES,
    u32(timescale, duration),
    u32(FIXED_ONE), // rate
    u16(0x0100), // volume
    zeros(10), // reserved
    UNITY_MATRIX,
    zeros(24), // pre_defined
    u32(tracks.length + 1), // next_track_ID
  );
}

function trackBox(movie: Movie, track: MediaTrack, id: number, offsets: readonly number[]): Uint8Array {
  return box('trak', trackHeader(movie, track, id), mediaBox(track, offsets));
}

function trackHeader({ duration }: Movie, { picture }: MediaTrack, id: number): Uint8Array {
  const ENABLED_IN_MOVIE = 3;
  return fullBox(
    'tkhd',
    ENABLED_IN_MOVIE,
    NO_TIMES,
    u32(id),
    zeros(4), // reserved
    u32(duration), // in the movie's timescale
    zeros(8), // reserved
    u16(0, 0), // layer, alternate_group
    u16(picture === undefined ? 0x0100 : 0), // volume
    zeros(2), // reserved
    UNITY_MATRIX,
    u32((picture?.width ?? 0) * FIXED_ONE, (picture?.height ?? 0) * FIXED_ONE),
  );
}

function mediaBox(track: MediaTrack, offsets: readonly number[]): Uint8Array {
  const isVideo = track.picture !== undefined;
  return box(
    'mdia',
    fullBox('mdhd', 0, NO_TIMES, u32(track.timescale, track.duration), u16(UNDETERMINED_LANGUAGE, 0)),
    isVideo ? handler('vide', 'VideoHandler') : handler('soun', 'SoundHandler'),
    box(
      'minf',
      isVideo ? fullBox('vmhd', 1, zeros(8)) : fullBox('smhd', 0, zeros(4)),
      box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))), // media in this same file
      sampleTable(track, offsets),
    ),
  );
}

function handler(type: string, name: string): Uint8Array {
  return fullBox('hdlr', 0, zeros(4), latin1(type), zeros(12), utf8(`${name}\0`));
}

/** The title, where players look for it: an iTunes-style metadata item. */
function titleBox(title: string): Uint8Array {
  const UTF8_TEXT = 1;
  const metadataHandler = fullBox('hdlr', 0, zeros(4), latin1('mdirappl'), zeros(9));
  const name = box('©nam', box('data', u32(UTF8_TEXT, 0), utf8(title)));
  return box('udta', fullBox('meta', 0, metadataHandler, box('ilst', name)));
}
