import { statSync } from 'node:fs';
import { isObjectAddress } from '../domain/object-address.ts';
import { type SavedFile, STANDARD_OUTPUT } from '../domain/record.ts';

/** Whether a saved file still exists, without asking object storage: that would take the network, and a batch has thousands. */
export function isStillThere({ path, bytes }: SavedFile): boolean {
  if (path === STANDARD_OUTPUT) return false;
  return isObjectAddress(path) || statSync(path, { throwIfNoEntry: false })?.size === bytes;
}
