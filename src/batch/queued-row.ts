import { isJsonObject } from '../domain/json.ts';
import type { VideoRequest } from '../domain/video.ts';
import type { BatchRow } from './batch-row.ts';

/** What a row is stored as while it waits for a worker. Files are named by their paths, which all workers must reach. */
export interface QueuedRow {
  readonly version: 1;
  readonly row: Omit<BatchRow, 'from'>;
}

/** Why a row cannot wait for a worker, or null. */
export function queueFault({ from, request }: BatchRow): string | null {
  if (from !== null) return 'rows that start from other rows cannot be queued';
  const hasBytes = request.references?.some(({ source }) => source.kind === 'file');
  return hasBytes ? 'rows with reference files cannot be queued; use URLs' : null;
}

export function encodeRow(row: BatchRow, own: NonNullable<BatchRow['own']>): QueuedRow {
  const { from: _, ...rest } = row;
  const { image } = row.request;
  // A first frame is read again, by its path, when the row is submitted.
  const request: VideoRequest =
    row.file !== null && image?.kind === 'file' ? { ...row.request, image: null } : row.request;
  return { version: 1, row: { ...rest, request, own } };
}

/** Undefined for what another version of `sora` has stored. */
export function decodeRow(payload: unknown): BatchRow | undefined {
  if (!isJsonObject(payload) || payload.version !== 1) return undefined;
  const { row } = payload as unknown as QueuedRow;
  return { ...row, from: null };
}
