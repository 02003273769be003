import { concat, latin1, u16, u32, utf8, zeros } from './bytes.ts';

/** A movie of several tracks. Durations are in ticks. */
export interface Movie {
  /** Ticks per second of `duration`. */
  readonly timescale: number;
  readonly duration: number;
  readonly title: string;
  readonly tracks: readonly MediaTrack[];
}

export interface MediaTrack {
  /** Its size in pixels; left out for sound. */
  readonly picture?: { readonly width: number; readonly height: number };
  /** Ticks per second of the durations below. */
  readonly timescale: number;
  readonly samples: readonly Uint8Array[];
  /** The duration of each sample except the last, which lasts until the end of the track. */
  readonly sampleDuration: number;
  readonly duration: number;
  /** Numbers, from 1, of the samples that decoding can start from; left out if it can start from any. */
  readonly syncSamples?: readonly number[];
  /** What the samples are, and how to decode them. */
  readonly sampleEntry: Uint8Array;
}

/** A box of the ISO base media file format (ISO/IEC 14496-12, 4.2): size, type, contents. */
export function box(type: string, ...contents: Uint8Array[]): Uint8Array {
  const body = concat(contents);
  return concat([u32(8 + body.length), latin1(type), body]);
}

/** A box whose contents start with a version, always 0 here, and 24 bits of flags. */
export function fullBox(type: string, flags: number, ...contents: Uint8Array[]): Uint8Array {
  return box(type, u32(flags), ...contents);
}

/** No creation or modification times, so that the same movie has the same bytes. */
const NO_TIMES = u32(0, 0);
const FIXED_ONE = 0x0001_0000;
const UNITY_MATRIX = u32(FIXED_ONE, 0, 0, 0, FIXED_ONE, 0, 0, 0, 0x4000_0000);
const UNDETERMINED_LANGUAGE = 0x55c4;
const BOX_HEADER_BYTES = 8;

/** An MP4 file (ISO/IEC 14496-12 and -14) that can start playing while it loads: the index comes first. */
export function mp4File(movie: Movie): Uint8Array {
  const fileType = box('ftyp', latin1('isom'), u32(0x200), latin1('isomiso2avc1mp41'));
  // The index contains file offsets, which depend on its size; its size does not depend on them.
  const indexBytes = movieIndex(movie, chunkOffsets(movie, 0)).length;
  const index = movieIndex(movie, chunkOffsets(movie, fileType.length + indexBytes + BOX_HEADER_BYTES));
  return concat([fileType, index, box('mdat', concat(interleavedChunks(movie).flatMap(({ samples }) => samples)))]);
}

interface PlacedChunk {
  readonly track: MediaTrack;
  readonly samples: readonly Uint8Array[];
}

/** All chunks in file order: the first second of each track, the next second of each track, and so on. */
function interleavedChunks({ tracks }: Movie): PlacedChunk[] {
  const chunked = tracks.map((track) => chunksOf(track).map((samples) => ({ track, samples })));
  const seconds = Math.max(...chunked.map(({ length }) => length));
  return Array.from({ length: seconds }, (_, second) => chunked.flatMap((chunks) => chunks[second] ?? [])).flat();
}

/** The samples in chunks of one second, so that sound and picture are close together in the file. */
function chunksOf(track: MediaTrack): Uint8Array[][] {
  const chunks: Uint8Array[][] = [];
  for (const [i, sample] of track.samples.entries()) {
    const second = Math.trunc((i * track.sampleDuration) / track.timescale);
    chunks[second] = [...(chunks[second] ?? []), sample];
  }
  return chunks;
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

/** `moov`: everything about the movie except the media itself. */
function movieIndex(movie: Movie, offsets: readonly (readonly number[])[]): Uint8Array {
  const { timescale, duration, title, tracks } = movie;
  const header = fullBox(
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
  const boxes = tracks.map((track, i) =>
    box('trak', trackHeader(movie, track, i + 1), mediaBox(track, offsets[i] ?? [])),
  );
  return box('moov', header, ...boxes, titleBox(title));
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
      box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))), // media in this file
      sampleTable(track, offsets),
    ),
  );
}

function handler(type: string, name: string): Uint8Array {
  return fullBox('hdlr', 0, zeros(4), latin1(type), zeros(12), utf8(`${name}\0`));
}

/** `stbl` (ISO/IEC 14496-12, 8.5): when each sample plays and where it is. `chunkOffsets` are in bytes from the file's start. */
function sampleTable(track: MediaTrack, chunkOffsets: readonly number[]): Uint8Array {
  const { samples, sampleEntry, syncSamples } = track;
  const SIZES_DIFFER = 0;
  return box(
    'stbl',
    fullBox('stsd', 0, u32(1), sampleEntry),
    timeToSample(track),
    ...(syncSamples === undefined ? [] : [fullBox('stss', 0, u32(syncSamples.length, ...syncSamples))]),
    sampleToChunk(track),
    fullBox('stsz', 0, u32(SIZES_DIFFER, samples.length, ...samples.map(({ length }) => length))),
    fullBox('stco', 0, u32(chunkOffsets.length, ...chunkOffsets)),
  );
}

/** `stts`: runs of samples of the same duration; the last sample may differ. */
function timeToSample({ samples, sampleDuration, duration }: MediaTrack): Uint8Array {
  const whole = samples.length - 1;
  const last = duration - whole * sampleDuration;
  const runs = last === sampleDuration || whole === 0 ? [samples.length, last] : [whole, sampleDuration, 1, last];
  return fullBox('stts', 0, u32(runs.length / 2, ...runs));
}

/** `stsc`: an entry for each chunk whose number of samples differs from the previous one. */
function sampleToChunk(track: MediaTrack): Uint8Array {
  const SAMPLE_DESCRIPTION = 1;
  const counts = chunksOf(track).map(({ length }) => length);
  const entries = counts.flatMap((count, i) => (count === counts[i - 1] ? [] : [[i + 1, count, SAMPLE_DESCRIPTION]]));
  return fullBox('stsc', 0, u32(entries.length, ...entries.flat()));
}

/** The title, where players look for it: an iTunes-style metadata item. */
function titleBox(title: string): Uint8Array {
  const UTF8_TEXT = 1;
  const metadataHandler = fullBox('hdlr', 0, zeros(4), latin1('mdirappl'), zeros(9));
  const name = box('©nam', box('data', u32(UTF8_TEXT, 0), utf8(title)));
  return box('udta', fullBox('meta', 0, metadataHandler, box('ilst', name)));
}
