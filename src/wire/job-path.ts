import { SoraError } from '../domain/errors.ts';

/**
 * The path of a job below a route. Ids are whatever servers make of them, slashes and
 * all. Throws `video_not_found` for one that no path can hold: `.` and `..`, which lead
 * elsewhere however they are encoded, and halves of characters.
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
