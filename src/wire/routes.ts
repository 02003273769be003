import type { Dialect } from '../domain/dialect.ts';
import { SoraError } from '../domain/errors.ts';
import { attempt } from '../platform/attempt.ts';

export const CHARACTERS_ROUTE = '/videos/characters';
export const FILES_ROUTE = '/files';
export const BATCHES_ROUTE = '/batches';
export const GENERATIONS_ROUTE = '/video/generations';

/** Where a dialect has its jobs, below the base URL. */
export const ROUTES: Readonly<Record<Dialect, string>> = {
  videos: '/videos',
  generations: GENERATIONS_ROUTE,
  'new-api': GENERATIONS_ROUTE,
  openrouter: '/videos',
};

/**
 * The path of a job below a route. Servers choose ids freely, including slashes. Throws `video_not_found` for ids that no
 * path can contain: `.` and `..`, which lead elsewhere even when encoded, and lone surrogates.
 */
export function jobPath(route: string, id: string): string {
  const segment = attempt(() => encodeURIComponent(id));
  if (segment === undefined || segment === '.' || segment === '..') {
    throw new SoraError('video_not_found', { title: `\`${id}\` cannot be the id of a video` });
  }
  return `${route}/${segment}`;
}
