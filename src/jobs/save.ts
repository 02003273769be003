import type { JobRecord, SavedFile } from '../domain/record.ts';
import type { Variant, VideoJob } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import type { ContentDeps } from './content-stream.ts';
import { checkedTarget, type Destination, pathsFor } from './destination.ts';
import { download } from './download.ts';
import { downloadInto } from './download-stream.ts';

export interface SaveOrder {
  readonly job: VideoJob;
  /** Undefined for a job created elsewhere, which is not in the ledger. */
  readonly record: JobRecord | undefined;
  readonly destination: Exclude<Destination, { kind: 'stdout' }>;
  readonly variants: readonly Variant[];
  readonly force: boolean;
  readonly onProgress?: ((variant: Variant, doneBytes: number, totalBytes: number | null) => void) | undefined;
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Saves the variants of a finished job, one after the other, and records each in the ledger, except for pipes and
 * devices. Throws what `download` throws.
 */
export async function save(deps: ContentDeps & { readonly ledger: Ledger }, order: SaveOrder): Promise<SavedFile[]> {
  const { job, record, destination, variants, force, onProgress, onNote } = order;
  const named = { id: job.id, prompt: job.prompt ?? record?.request.prompt ?? null };
  const files: SavedFile[] = [];
  for (const { variant, path, isAskedFor } of pathsFor(destination, variants, named)) {
    const source = { id: job.id, content: job.content };
    const isCompleted = job.status === 'completed';
    if (checkedTarget(path).kind === 'stream') {
      await downloadInto(path, deps, { source, variant, isCompleted });
      continue;
    }
    const file = await download(deps, {
      source,
      variant,
      isCompleted,
      path,
      isDefaultName: !isAskedFor,
      force,
      keep: files.map((saved) => saved.path),
      onProgress: (doneBytes, totalBytes) => onProgress?.(variant, doneBytes, totalBytes),
      onNote,
    });
    if (record !== undefined) {
      await deps.ledger.append({ event: 'saved', key: record.key, atMs: deps.clock.now(), file });
    }
    files.push(file);
  }
  return [...files]; // drops spare capacity: a batch keeps thousands
}
