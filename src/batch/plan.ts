import { statSync } from 'node:fs';
import type { RowState } from '../domain/batch.ts';
import { hasVideo, isOpen, type JobRecord, type SavedFile, spentMicros } from '../domain/record.ts';
import type { Ledger } from '../store/ledger.ts';
import type { BatchRow } from './batch-row.ts';

export interface PlannedRow {
  readonly row: BatchRow;
  readonly state: RowState;
  /** The submission that the state is of. */
  readonly record: JobRecord | null;
}

export interface BatchPlan {
  readonly rows: readonly PlannedRow[];
  /** What all its submissions to this server have cost so far, retries and removed rows included; as far as is known. */
  readonly spentMicros: number;
  /** The submissions among them whose price is not known. */
  readonly spentUnpriced: number;
  /** Jobs that have a video, or may get one, and belong to rows that are gone or ask for something else now. */
  readonly strays: number;
}

/** Refusals that are about what was asked for, so that asking again would bring them again. */
const REFUSED_FOR_GOOD: ReadonlySet<string> = new Set([
  'moderation_blocked',
  'invalid_request',
  'reference_size_mismatch',
  'model_not_found',
  'not_supported',
]);

/** Compares a manifest with what the ledger knows of it, in one reading of its submissions. */
export function planBatch(
  rows: readonly BatchRow[],
  { batch, profile }: { readonly batch: string; readonly profile: string },
  ledger: Ledger,
): BatchPlan {
  const latest = new Map<string, JobRecord>();
  let spent = 0;
  let spentUnpriced = 0;
  for (const record of ledger.byBatch(batch)) {
    if (record.profile === profile) {
      const micros = spentMicros(record);
      spent += micros ?? 0;
      if (micros === null) spentUnpriced += 1;
    }
    if (record.row !== null && record.refusal?.code !== 'withdrawn') {
      latest.set(record.row, preferred(latest.get(record.row), record));
    }
  }
  const planned = rows.map((row): PlannedRow => {
    const record = latest.get(row.tie.key) ?? null;
    latest.delete(row.tie.key);
    return { row, record, state: record === null ? 'to_do' : stateOf(record, row) };
  });
  const strays = [...latest.values()].filter((record) => isOpen(record) || hasVideo(record)).length;
  return { rows: planned, spentMicros: spent, spentUnpriced, strays };
}

/** Of several submissions of a row, the one whose video the server has, or may get; else the newest. */
function preferred(earlier: JobRecord | undefined, later: JobRecord): JobRecord {
  if (earlier === undefined || hasVideo(later)) return later;
  return hasVideo(earlier) || (isOpen(earlier) && !isOpen(later)) ? earlier : later;
}

function stateOf(record: JobRecord, row: BatchRow): RowState {
  if (record.answer === 'rejected') return REFUSED_FOR_GOOD.has(record.refusal?.code ?? '') ? 'failed' : 'to_do';
  if (record.job?.status === 'completed') {
    if (savedFiles(record, row) !== null) return 'done';
    return record.removed ? 'failed' : 'saveable';
  }
  if (!isOpen(record)) return 'failed';
  return record.answer === 'accepted' ? 'running' : 'unknown';
}

/** The whole files of a row’s video, or null when one of them is not there. */
export function savedFiles({ files }: JobRecord, { variants }: Pick<BatchRow, 'variants'>): SavedFile[] | null {
  const found = variants.flatMap(
    (variant) => files.findLast((file) => file.variant === variant && isWhole(file)) ?? [],
  );
  return found.length === variants.length ? found : null;
}

function isWhole({ path, bytes }: SavedFile): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === bytes;
}
