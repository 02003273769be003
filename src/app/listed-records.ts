import { type JobRecord, statusOf } from '../domain/record.ts';

/** Whether a record stands for a video that may be looked for: a refused submission made none, and a deleted one is gone. */
export function isListed(record: JobRecord): boolean {
  if (record.answer === 'rejected') return false;
  return !record.removed || statusOf(record) === 'cancelled';
}
