import { isObjectAddress } from '../domain/object-address.ts';
import { type SavedFile, STANDARD_OUTPUT } from '../domain/record.ts';
import { statsOf } from '../platform/files.ts';

/** Whether a saved file still exists. Objects are assumed to: checking thousands would take too long. */
export function isStillThere({ path, bytes }: SavedFile): boolean {
  if (path === STANDARD_OUTPUT) return false;
  return isObjectAddress(path) || statsOf(path)?.size === bytes;
}
