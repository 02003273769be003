import { basename, resolve } from 'node:path';
import { fitsVariant, mediaTypeOf, sniffMedia } from '../domain/media.ts';
import { type MovieFacts, readMovieFacts } from '../domain/movie-facts.ts';
import type { VideoFile } from '../domain/video.ts';
import { readBytes } from './input-file.ts';

/** Reads a video to edit or to extend. Throws an `Error` that states the problem. */
export function readSourceFile(
  path: string,
  folder: string,
): { readonly video: VideoFile; readonly facts: MovieFacts } {
  const bytes = readBytes(resolve(folder, path), 'the video');
  const kind = sniffMedia(bytes);
  if (kind === null || !fitsVariant(kind, 'video')) throw new Error(`${path} is not a video file`);
  const video = { kind: 'file', name: basename(path), mimeType: mediaTypeOf(kind), bytes } as const;
  return { video, facts: readMovieFacts(bytes) };
}
