import type { EncodedPacketSink, Input, InputAudioTrack, InputVideoTrack } from 'mediabunny';

/** Clips to join in order. Paths are absolute. */
export interface FilmOrder {
  readonly clips: readonly string[];
  /** The sound of the film in place of that of the clips; null for theirs. */
  readonly audio: string | null;
  /** Stored in the film, to tell later what it was made from. */
  readonly fingerprint: string;
  /** A file that may be overwritten. */
  readonly target: string;
}

/** Why clips cannot be joined without encoding them again. */
export class CannotCopy extends Error {}
/** The same of the sound of a film alone. */
export class CannotCopySound extends CannotCopy {}

export type Library = typeof import('mediabunny');

/** The library that reads and writes movies; null where it is not installed. */
export async function loadLibrary(): Promise<Library | null> {
  return import('mediabunny').catch(() => null);
}

/** A clip whose packets are copied. */
interface Clip {
  readonly video: InputVideoTrack;
  readonly sound: InputAudioTrack | null;
  /** Of its picture, which decides when the next one begins. */
  readonly seconds: number;
}

/**
 * Joins clips without encoding them again, and returns the length in seconds. Throws `CannotCopy` if their codecs or
 * parameters differ, or the sound cannot be stored in an MP4 file.
 */
export async function copyClips({ clips, audio, fingerprint, target }: FilmOrder, library: Library): Promise<number> {
  const { ALL_FORMATS, EncodedAudioPacketSource, EncodedPacketSink, EncodedVideoPacketSource } = library;
  const { FilePathSource, FilePathTarget, Input, Mp4OutputFormat, Output } = library;
  const inputs: Input[] = [];
  const open = (path: string): Input => {
    const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(path) });
    inputs.push(input);
    return input;
  };
  try {
    const parts = await Promise.all(clips.map((path) => readClip(open(path), path)));
    const [first] = parts;
    if (first === undefined) throw new CannotCopy('there are no clips');
    await requireEqual(
      parts.map(({ video }) => video),
      clips,
    );
    const track = audio === null ? null : await soundOf(open(audio), audio);
    const sounds = track === null ? parts.flatMap(({ sound }) => sound ?? []) : [track];
    await requireEqual(sounds, clips);
    const output = new Output({
      format: new Mp4OutputFormat({ fastStart: 'in-memory' }),
      target: new FilePathTarget(target),
    });
    output.setMetadataTags({ comment: fingerprint });
    const picture = new EncodedVideoPacketSource(await codecOf(first.video));
    output.addVideoTrack(picture, { rotation: await first.video.getRotation() });
    const voice = sounds[0] === undefined ? null : new EncodedAudioPacketSource(await codecOf(sounds[0]));
    if (voice !== null) output.addAudioTrack(voice);
    await output.start();
    const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
    let start = 0;
    let heardUntil = 0;
    for (const { video, sound, seconds } of parts) {
      const config = (await video.getDecoderConfig()) ?? undefined;
      const origin = await video.getFirstTimestamp();
      for await (const packet of new EncodedPacketSink(video).packets()) {
        await picture.add(
          packet.clone({ timestamp: start + packet.timestamp - origin }),
          config && { decoderConfig: config },
        );
      }
      const end = start + seconds;
      if (voice !== null && track === null && sound !== null)
        heardUntil = await addSound(voice, sound, new EncodedPacketSink(sound), { start, end, total, heardUntil });
      start = end;
    }
    if (voice !== null && track !== null)
      await addSound(voice, track, new EncodedPacketSink(track), { start: 0, end: total, total, heardUntil: 0 });
    await output.finalize();
    return total;
  } finally {
    for (const input of inputs) input.dispose();
  }
}

async function readClip(input: Input, path: string): Promise<Clip> {
  const video = await input.getPrimaryVideoTrack();
  if (video === null) throw new CannotCopy(`${path} has no picture that can be copied`);
  const seconds = (await video.computeDuration()) - (await video.getFirstTimestamp());
  return { video, sound: await input.getPrimaryAudioTrack(), seconds };
}

/** The sound of a file. Throws `CannotCopy` where an MP4 file cannot hold it. */
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

/** Throws `CannotCopy` if a player would need other settings for one of the tracks. */
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

interface Place {
  readonly start: number;
  /** Sound that begins later belongs to no clip. */
  readonly end: number;
  /** Where the film ends. */
  readonly total: number;
  /** Where the sound so far ends. */
  readonly heardUntil: number;
}

/** Appends the sound of a clip without a gap to that before it, as long as both are together by a frame. Returns where it ends. */
async function addSound(
  voice: InstanceType<Library['EncodedAudioPacketSource']>,
  track: InputAudioTrack,
  packets: EncodedPacketSink,
  { start, end, total, heardUntil }: Place,
): Promise<number> {
  const decoderConfig = (await track.getDecoderConfig()) ?? undefined;
  let at = heardUntil;
  for await (const packet of packets.packets()) {
    if (packet.timestamp < 0) continue; // a decoder’s run-up
    const wanted = start + packet.timestamp;
    if (Math.abs(wanted - at) > packet.duration) at = wanted;
    if (at >= end || at + packet.duration > total) break;
    await voice.add(packet.clone({ timestamp: at }), decoderConfig && { decoderConfig });
    at += packet.duration;
  }
  return at;
}
