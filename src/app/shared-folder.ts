import { SoraError } from '../domain/errors.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import { isFolder } from '../platform/folders.ts';

/** Why machines cannot share a place for files; null if they can. A missing folder would be created on this machine only. */
export function sharedFolderFault(folder: string): SoraError | null {
  if (isObjectAddress(folder) || isFolder(folder)) return null;
  return new SoraError('cannot_write', {
    title: `the folder ${folder} does not exist on this machine`,
    hints: ['mount the folder that all replicas and workers share', 'save to object storage: `--output s3://…`'],
  });
}
