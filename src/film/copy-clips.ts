import { type FileHandle, open } from 'node:fs/promises';
import type { Input, InputAudioTrack, InputVideoTrack, StreamTargetChunk } from 'mediabunny';

/** Clips to join in order. Paths are absolute. */
export interface FilmOrder {
  readonly clips: readonly string[];
  /** A file whose sound replaces that of the clips; null to keep theirs. */
  readonly audio: string | null;
  /** Stored in the film, to identify what it was made from. */
  readonly fingerprint: string;
  /** A file that may be overwritten. */
  readonly target: string;
}

/** Why clips cannot be joined without encoding them again. */
export class CannotCopy extends Error {}
/** Only the sound of the film has to be encoded. */
export class CannotCopySound extends CannotCopy {}

export type Library = typeof import('mediabunny');

/** The library that reads and writes movies; null if it is not installed. */
export async function loadLibrary(): Promise<Library | null> {
  return import('mediabunny').catch(() => null);
}

/** How much is read or written at a time. */
const BLOCK_BYTES = 1 << 20;

/** A clip whose packets are copied. */
interface Clip {
  readonly video: InputVideoTrack;
  readonly sound: InputAudioTrack | null;
  /** The length of its picture: the next clip begins after it. */
  readonly seconds: number;
}

/**
 * Joins clips without encoding them again, with few packets in memory at a time, and returns the length in seconds. Throws
 * `CannotCopy` if their codecs or parameters differ, or the sound cannot be stored in an MP4 file, and the file system's
 * own error.
 */
export async function copyClips({ clips, audio, fingerprint, target }: FilmOrder, library: Library): Promise<number> {
  const inputs: Input[] = [];
  const read = (path: string): Input => {
    const source = new library.FilePathSource(path, { maxCacheSize: BLOCK_BYTES });
    const input = new library.Input({ formats: library.ALL_FORMATS, source });
    inputs.push(input);
    return input;
  };
  try {
    const parts = await Promise.all(clips.map((path) => readClip(read(path), path)));
    const videos = parts.map(({ video }) => video);
    await requireEqual(videos, clips);
    const track = audio === null ? null : await soundOf(read(audio), audio);
    const sounds = track === null ? parts.flatMap(({ sound }) => sound ?? []) : [track];
    await requireEqual(sounds, clips);
    const file = await open(target, 'w');
    try {
      return await writeFilm({ parts, videos, track, sounds, fingerprint }, file, library);
    } finally {
      await file.close();
    }
  } finally {
    for (const input of inputs) input.dispose();
  }
}

interface Film {
  readonly parts: readonly Clip[];
  readonly videos: readonly InputVideoTrack[];
  /** The sound that replaces that of the clips; null to keep theirs. */
  readonly track: InputAudioTrack | null;
  /** All tracks of its sound. */
  readonly sounds: readonly InputAudioTrack[];
  readonly fingerprint: string;
}

/** The index comes first, in space reserved according to the number of packets. */
async function writeFilm(
  { parts, videos, track, sounds, fingerprint }: Film,
  file: FileHandle,
  library: Library,
): Promise<number> {
  const { EncodedAudioPacketSource, EncodedVideoPacketSource, Mp4OutputFormat, Output, StreamTarget } = library;
  const [first] = parts;
  if (first === undefined) throw new CannotCopy('there are no clips');
  const output = new Output({
    format: new Mp4OutputFormat({ fastStart: 'reserve' }),
    target: new StreamTarget(new WritableStream({ write: (chunk) => writeWhole(file, chunk) }), {
      chunked: true,
      chunkSize: BLOCK_BYTES,
    }),
  });
  try {
    output.setMetadataTags({ comment: fingerprint });
    const picture = new EncodedVideoPacketSource(await codecOf(first.video));
    const rotation = await first.video.getRotation();
    output.addVideoTrack(picture, { rotation, maximumPacketCount: await packetsOf(videos) });
    const voice = sounds[0] === undefined ? null : new EncodedAudioPacketSource(await codecOf(sounds[0]));
    if (voice !== null) output.addAudioTrack(voice, { maximumPacketCount: await packetsOf(sounds) });
    await output.start();
    const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
    const whole = track && [{ sound: track, seconds: total }];
    await addInOrder([
      pictures(parts, picture, library),
      ...(voice === null ? [] : [soundTrack(whole ?? parts, total, voice, library)]),
    ]);
    await output.finalize();
    return total;
  } catch (error) {
    await output.cancel().catch(() => {}); // the first error matters
    throw error;
  }
}

/** A full disk accepts a part of the data before it refuses. */
async function writeWhole(file: FileHandle, { data, position }: StreamTargetChunk): Promise<void> {
  for (let at = 0; at < data.length; ) {
    const { bytesWritten } = await file.write(data, at, data.length - at, position + at);
    at += bytesWritten;
  }
}

async function packetsOf(tracks: readonly (InputVideoTrack | InputAudioTrack)[]): Promise<number> {
  const stats = await Promise.all(tracks.map((track) => track.computePacketStats()));
  return stats.reduce((sum, { packetCount }) => sum + packetCount, 0);
}

/** A packet to be added to the film. */
interface Addition {
  /** In seconds. */
  readonly at: number;
  add(): Promise<void>;
}

/**
 * Adds the packets in order of time, after the first one of each track: until each track has one, the library keeps
 * all in memory.
 */
async function addInOrder(tracks: readonly AsyncGenerator<Addition>[]): Promise<void> {
  const heads: (Addition | null)[] = [];
  const advance = async (index: number): Promise<void> => {
    const next = await tracks[index]?.next();
    heads[index] = next === undefined || next.done ? null : next.value;
  };
  for (const index of tracks.keys()) {
    await advance(index);
    await heads[index]?.add();
    await advance(index);
  }
  for (;;) {
    const times = heads.map((head) => head?.at ?? Number.POSITIVE_INFINITY);
    const earliest = times.indexOf(Math.min(...times));
    const head = heads[earliest];
    if (!head) return;
    await head.add();
    await advance(earliest);
  }
}

async function* pictures(
  parts: readonly Clip[],
  picture: InstanceType<Library['EncodedVideoPacketSource']>,
  { EncodedPacketSink }: Library,
): AsyncGenerator<Addition> {
  let start = 0;
  for (const { video, seconds } of parts) {
    const decoderConfig = (await video.getDecoderConfig()) ?? undefined;
    const origin = await video.getFirstTimestamp();
    for await (const packet of new EncodedPacketSink(video).packets()) {
      const at = start + packet.timestamp - origin;
      yield { at, add: () => picture.add(packet.clone({ timestamp: at }), decoderConfig && { decoderConfig }) };
    }
    start += seconds;
  }
}

async function readClip(input: Input, path: string): Promise<Clip> {
  const video = await input.getPrimaryVideoTrack();
  if (video === null) throw new CannotCopy(`${path} has no picture that can be copied`);
  return { video, sound: await input.getPrimaryAudioTrack(), seconds: await secondsOf(video) };
}

export async function secondsOf(video: InputVideoTrack): Promise<number> {
  return (await video.computeDuration()) - (await video.getFirstTimestamp());
}

/** The sound of a file. Throws `CannotCopySound` if an MP4 file cannot contain it. */
async function soundOf(input: Input, path: string): Promise<InputAudioTrack> {
  const track = await input.getPrimaryAudioTrack().catch(() => null);
  if (track === null) throw new CannotCopySound(`${path} has no sound that can be copied`);
  const codec = await track.getCodec();
  if (codec !== 'aac' && codec !== 'mp3')
    throw new CannotCopySound(`${path} has ${codec ?? 'unknown'} sound, not AAC or MP3`);
  return track;
}

async function codecOf<T extends string>(track: { getCodec(): Promise<T | null> }): Promise<T> {
  const codec = await track.getCodec();
  if (codec === null) throw new CannotCopy('the codec of a clip is unknown');
  return codec;
}

/** Throws `CannotCopy` if one of the tracks needs different decoder settings. */
async function requireEqual(
  tracks: readonly (InputVideoTrack | InputAudioTrack)[],
  clips: readonly string[],
): Promise<void> {
  const settings = await Promise.all(
    tracks.map(async (track) => {
      const { description, ...config } = { description: undefined, ...(await track.getDecoderConfig()) };
      const bytes = description === undefined ? '' : Buffer.from(bytesOf(description)).toString('hex');
      const rotation = track.isVideoTrack() ? await track.getRotation() : 0;
      return JSON.stringify([config, bytes, rotation]);
    }),
  );
  const other = settings.findIndex((each) => each !== settings[0]);
  if (other > 0) throw new CannotCopy(`${clips[other] ?? 'a clip'} has another codec, size or format than ${clips[0]}`);
}

function bytesOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The sound of all clips, without gaps where it stays within one frame of its picture. */
async function* soundTrack(
  parts: readonly Pick<Clip, 'sound' | 'seconds'>[],
  total: number,
  voice: InstanceType<Library['EncodedAudioPacketSource']>,
  { EncodedPacketSink }: Library,
): AsyncGenerator<Addition> {
  let [start, previousEnd] = [0, 0];
  for (const { sound, seconds } of parts) {
    const end = start + seconds; // later sound is left out
    const decoderConfig = (await sound?.getDecoderConfig()) ?? undefined;
    for await (const packet of sound === null ? [] : new EncodedPacketSink(sound).packets()) {
      if (packet.timestamp < 0) continue; // priming samples of the decoder
      const wanted = start + packet.timestamp;
      const at = Math.abs(wanted - previousEnd) > packet.duration ? wanted : previousEnd;
      if (at >= end || at + packet.duration > total) break;
      yield { at, add: () => voice.add(packet.clone({ timestamp: at }), decoderConfig && { decoderConfig }) };
      previousEnd = at + packet.duration;
    }
    start = end;
  }
}
