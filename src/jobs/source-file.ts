import { basename, extname, resolve } from 'node:path';
import { fitsVariant, mediaTypeOf, promisedKind, sniffMedia } from '../domain/media.ts';
import { type MovieFacts, readMovieFacts } from '../domain/movie-facts.ts';
import type { VideoFile } from '../domain/video.ts';
import { statsOf } from '../platform/files.ts';
import { type ReadBytes, readBytes } from './input-file.ts';

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
