import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Input } from 'mediabunny';
import { messageOf, SoraError } from '../domain/errors.ts';
import type { SavedFile } from '../domain/record.ts';
import type { ProgramLimits } from '../platform/run-program.ts';
import {
  CannotCopy,
  CannotCopySound,
  copyClips,
  type FilmOrder,
  type Library,
  loadLibrary,
  secondsOf,
} from './copy-clips.ts';
import { type EncodedClip, encodeClips, encodeSound, hasFfmpeg } from './encode-clips.ts';

/** How a film was joined. */
export interface JoinedFilm {
  readonly seconds: number;
  /** Why the clips had to be encoded again; null if they were copied. */
  readonly encodedBecause: string | null;
}

/** Identifies what a film is made from: the clips in order, and the sound. */
export function fingerprintOfFilm(clips: readonly Pick<SavedFile, 'sha256'>[], audioSha256: string | null): string {
  const text = JSON.stringify([clips.map(({ sha256 }) => sha256), audioSha256]);
  return `sora film ${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** Throws `not_supported` without `mediabunny`: ffmpeg has to be told what the clips contain. */
export async function requireJoiner(): Promise<Library> {
  const library = await loadLibrary();
  if (library !== null) return library;
  throw new SoraError('not_supported', {
    title: 'clips are joined with the package `mediabunny`, which is not installed',
    hints: ['run `npm install -g mediabunny@1.61.0`', 'run `sora batch` to create the clips alone'],
  });
}

/** Throws `not_supported` without ffmpeg, which clips need for this reason. */
export async function requireEncoder(reason: string, limits: ProgramLimits): Promise<void> {
  if (await hasFfmpeg(limits)) return;
  throw new SoraError('not_supported', {
    title: `the clips cannot be joined without encoding them again: ${reason}`,
    hints: ['install ffmpeg and run the same command again; the clips are kept'],
  });
}

/**
 * Joins clips into one MP4 file: copies them if their codecs and parameters are equal, and otherwise encodes them again with
 * ffmpeg. Throws `not_supported` if the library, or ffmpeg where it is needed, is not installed, and `cannot_write` for any
 * other failure.
 */
export async function joinClips(order: FilmOrder, limits: ProgramLimits): Promise<JoinedFilm> {
  const library = await requireJoiner();
  let reason: string;
  try {
    return { seconds: await copyWithSound(order, library, limits), encodedBecause: null };
  } catch (error) {
    if (!(error instanceof CannotCopy)) throw notJoined(error);
    reason = error.message;
  }
  await requireEncoder(reason, limits);
  const { clips, size } = await factsOf(order, library);
  try {
    await encodeClips(clips, order, size, limits);
  } catch (error) {
    limits.signal.throwIfAborted();
    throw notJoined(error);
  }
  return { seconds: clips.reduce((sum, { seconds }) => sum + seconds, 0), encodedBecause: reason };
}

/** Copies the clips. If the sound has another codec and ffmpeg is installed, only the sound is encoded. */
async function copyWithSound(order: FilmOrder, library: Library, limits: ProgramLimits): Promise<number> {
  try {
    return await copyClips(order, library);
  } catch (error) {
    if (order.audio === null || !(error instanceof CannotCopySound) || !(await hasFfmpeg(limits))) throw error;
    const audio = `${order.target}.m4a`;
    try {
      await encodeSound(order.audio, audio, limits);
      return await copyClips({ ...order, audio }, library);
    } finally {
      await rm(audio, { force: true });
    }
  }
}

async function factsOf({ clips }: FilmOrder, library: Library): Promise<{ clips: EncodedClip[]; size: string }> {
  const facts = await Promise.all(clips.map((path) => movieOf(path, library)));
  const known = facts.filter((each) => each !== null);
  const size = known[0]?.size;
  if (size === undefined || known.length < clips.length) {
    throw new SoraError('not_supported', {
      title: 'the clips cannot be read to join them',
      hints: ['join the clips with another program; they are kept'],
    });
  }
  return { clips: known, size };
}

function movieOf(path: string, library: Library): Promise<(EncodedClip & { readonly size: string }) | null> {
  return readMovie(path, library, async (input) => {
    const video = await input.getPrimaryVideoTrack();
    if (video === null) return null;
    const size = `${await video.getDisplayWidth()}x${await video.getDisplayHeight()}`;
    return { path, seconds: await secondsOf(video), hasSound: (await input.getPrimaryAudioTrack()) !== null, size };
  });
}

/** The fingerprint stored in a film; null if it has none or cannot be read. */
export async function fingerprintAt(path: string): Promise<string | null> {
  const library = await loadLibrary();
  if (library === null) return null;
  const comment = readMovie(path, library, async (input) => (await input.getMetadataTags()).comment ?? null);
  return comment.catch(() => null); // another kind of file
}

/** Whether a file has sound; true if that cannot be checked, because ffmpeg will report it. */
export async function hasSound(path: string): Promise<boolean> {
  const library = await loadLibrary();
  if (library === null) return true;
  return readMovie(path, library, async (input) => (await input.getPrimaryAudioTrack()) !== null).catch(() => false);
}

/** Opens a movie and reads from it. Rejects if the file is not a movie. */
async function readMovie<T>(path: string, library: Library, read: (input: Input) => Promise<T>): Promise<T> {
  const input = new library.Input({ formats: library.ALL_FORMATS, source: new library.FilePathSource(path) });
  try {
    return await read(input);
  } finally {
    input.dispose();
  }
}

/** The box in which a C2PA manifest is stored. */
const C2PA_BOX = Buffer.from('75756964d8fec3d61b0e483c92975828877ec481', 'hex');
const HEADER_BYTES = 24;

/** Whether a movie has a C2PA signature, which is valid only for its exact bytes. */
export function isSigned(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { size } = statSync(path);
    for (let at = 0; at + 8 <= size; ) {
      const read = readSync(file, header, 0, HEADER_BYTES, at);
      if (read === HEADER_BYTES && header.subarray(4).equals(C2PA_BOX)) return true;
      const stated = header.readUInt32BE(0);
      const bytes = stated === 1 && read >= 16 ? Number(header.readBigUInt64BE(8)) : stated;
      if (bytes < 8) return false;
      at += bytes;
    }
    return false;
  } finally {
    closeSync(file);
  }
}

function notJoined(error: unknown): SoraError {
  return new SoraError('cannot_write', {
    title: 'could not join the clips; they are kept',
    causedBy: messageOf(error),
    hints: ['run the same command again to join them, at no further cost'],
    cause: error,
  });
}
