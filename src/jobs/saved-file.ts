import type { SoraError } from '../domain/errors.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import { type JobRecord, type SavedFile, STANDARD_OUTPUT, type WantedFiles } from '../domain/record.ts';
import { statsOf } from '../platform/files.ts';

/** Whether a saved file still exists. Objects are assumed to: checking thousands would take too long. */
export function isStillThere({ path, bytes }: SavedFile): boolean {
  if (path === STANDARD_OUTPUT) return false;
  return isObjectAddress(path) || statsOf(path)?.size === bytes;
}

/** The files of a video that an earlier run saved and that are still whole, at most one of each variant. */
export function savedFiles({ files }: JobRecord, { variants }: Pick<WantedFiles, 'variants'>): SavedFile[] {
  return variants.flatMap((variant) => files.findLast((file) => file.variant === variant && isStillThere(file)) ?? []);
}

/** The files of all variants, or null if one of them is missing. */
export function allSavedFiles(record: JobRecord, wanted: Pick<WantedFiles, 'variants'>): SavedFile[] | null {
  const files = savedFiles(record, wanted);
  return files.length === wanted.variants.length ? files : null;
}

/** The error of a video that is gone from its server, with the name of the file that has it, or had it. */
export function namingLastFile(error: SoraError, record: JobRecord | null | undefined): SoraError {
  const saved = record?.files.findLast(({ path, variant }) => variant === 'video' && path !== STANDARD_OUTPUT);
  if (saved === undefined || !['content_expired', 'video_not_found'].includes(error.code)) return error;
  if (isStillThere(saved))
    return error.with({ title: `${error.message}; the video is saved as ${saved.path}`, hints: ['use that file'] });
  const title = `${error.message}; the video was saved as ${saved.path}`;
  return error.with({ title, hints: ['look for that file before you pay again', ...error.hints] });
}
