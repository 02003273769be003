import { SoraError } from '../domain/errors.ts';

/**
 * The path of a job below a route. Servers choose ids freely, including slashes.
 * Throws `video_not_found` for ids that no path can contain: `.` and `..`, which lead
 * elsewhere even when encoded, and lone surrogates.
 */
export function jobPath(route: string, id: string): string {
  const segment = encode(id);
  if (segment === null || segment === '.' || segment === '..') {
    throw new SoraError('video_not_found', { title: `\`${id}\` cannot be the id of a video` });
  }
  return `${route}/${segment}`;
}

function encode(id: string): string | null {
  try {
    return encodeURIComponent(id);
  } catch {
    return null;
  }
}
