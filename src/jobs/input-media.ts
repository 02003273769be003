import { basename, extname, resolve } from 'node:path';
import { readImageSize } from '../domain/image.ts';
import { fitsVariant, mediaOf, mediaTypeOf, promisedKind, sniffMedia } from '../domain/media.ts';
import { type MovieFacts, readMovieFacts } from '../domain/movie-facts.ts';
import type { Reference, ReferenceImage, ReferenceRole, VideoFile } from '../domain/video.ts';
import { statsOf } from '../platform/files.ts';
import { type ReadBytes, readBytes } from './input-file.ts';

export interface ReadImage {
  readonly reference: ReferenceImage;
  /** `WIDTHxHEIGHT` as viewers show it; null unless it is a local file. */
  readonly size: string | null;
  /** Whether only an EXIF tag turns it. */
  readonly isTurned: boolean;
}

/** Whether a reference image is a URL or the id of an upload rather than a local file. */
export function isRemoteImage(image: string): boolean {
  return /^(https?|data):/i.test(image) || /^file[-_][\w-]+$/.test(image);
}

/** Reads the image of `--image`. Throws an `Error` that states the problem. */
export function readReferenceImage(image: string, folder: string, read: ReadBytes = readBytes): ReadImage {
  const remote = remoteSource(image);
  if (remote !== null) return { reference: remote, size: null, isTurned: false };
  return imageOf(read(resolve(folder, image), 'the reference image'), image);
}

function imageOf(bytes: Uint8Array, image: string): ReadImage {
  const facts = readImageSize(bytes);
  if (facts === null) throw new Error(`the reference image ${image} is ${nameOf(bytes)}not a jpeg, png or webp file`);
  const { mimeType, width, height, isTurned } = facts;
  return { reference: { kind: 'file', name: basename(image), mimeType, bytes }, size: `${width}x${height}`, isTurned };
}

/** Reads what `--last-frame` or `--reference` names; the role of a reference is what it shows. Throws an `Error`. */
export function readReference(
  name: string,
  folder: string,
  role?: 'last_frame',
  read: ReadBytes = readBytes,
): Reference {
  const remote = remoteSource(name);
  if (remote !== null) return { role: role ?? roleOfAddress(name), source: remote };
  if (role !== undefined) return { role, source: readReferenceImage(name, folder, read).reference };
  const bytes = read(resolve(folder, name), 'the reference');
  const kind = sniffMedia(bytes) ?? soundOf(bytes, name);
  if (kind === null) throw new Error(`the reference ${name} is not an image, a video or an audio file`);
  const media = mediaOf(kind);
  if (media === 'image') return { role: 'image', source: imageOf(bytes, name).reference };
  return { role: media, source: { kind: 'file', name: basename(name), mimeType: mediaTypeOf(kind), bytes } };
}

function remoteSource(name: string): Exclude<ReferenceImage, { readonly kind: 'file' }> | null {
  if (!isRemoteImage(name)) return null;
  return name.includes(':') ? { kind: 'url', url: name } : { kind: 'file_id', fileId: name };
}

/** The kind by the extension of an address; an image if it has none. */
function roleOfAddress(address: string): Exclude<ReferenceRole, 'last_frame'> {
  const [, data] = /^data:(image|video|audio)\//i.exec(address) ?? [];
  if (data !== undefined) return data.toLowerCase() as Exclude<ReferenceRole, 'last_frame'>;
  const extension = /\.(\w{2,4})(?:[?#]|$)/.exec(address)?.[1]?.toLowerCase() ?? '';
  const kind = promisedKind(extension);
  return kind === null ? 'image' : mediaOf(kind);
}

function soundOf(bytes: Uint8Array, name: string): 'mp3' | 'wav' | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (head.startsWith('RIFF') && head.endsWith('WAVE')) return 'wav';
  return head.startsWith('ID3') || (/^\xff[\xe2-\xff]/.test(head) && /\.mp3$/i.test(name)) ? 'mp3' : null;
}

/** `a HEIC file, `: common files that users do not expect to be refused. */
function nameOf(bytes: Uint8Array): string {
  const kind = sniffMedia(bytes);
  return kind === 'heic' ? 'a HEIC file, ' : kind === 'avif' ? 'an AVIF file, ' : '';
}

/** Whether a name is a file rather than the id of a job, which may contain slashes. */
export function isFileName(name: string, folder: string): boolean {
  const kind = promisedKind(extname(name).slice(1));
  const isNamedLikeVideo = kind !== null && fitsVariant(kind, 'video');
  const stats = isNamedLikeVideo ? undefined : statsOf(resolve(folder, name));
  return isNamedLikeVideo || stats?.isFile() === true || stats?.isFIFO() === true;
}

/** Reads a video to edit or to extend. Throws an `Error` that states the problem. */
export function readSourceFile(
  path: string,
  folder: string,
  read: ReadBytes = readBytes,
): { readonly video: VideoFile; readonly facts: MovieFacts } {
  const bytes = read(resolve(folder, path), 'the video');
  const kind = sniffMedia(bytes);
  if (kind === null || !fitsVariant(kind, 'video')) throw new Error(`${path} is not a video file`);
  const video = { kind: 'file', name: basename(path), mimeType: mediaTypeOf(kind), bytes } as const;
  return { video, facts: readMovieFacts(bytes) };
}
