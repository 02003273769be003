import type { JobRecord, SavedFile } from '../domain/record.ts';
import type { Variant, VideoJob } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import type { ContentDeps } from './content-stream.ts';
import { type Destination, pathFor } from './destination.ts';
import { download } from './download.ts';

export interface SaveOrder {
  readonly job: VideoJob;
  /** Undefined for a job that was made elsewhere, which has no place in the ledger. */
  readonly record: JobRecord | undefined;
  readonly destination: Exclude<Destination, { kind: 'stdout' }>;
  readonly variants: readonly Variant[];
  readonly force: boolean;
  readonly onProgress?: ((variant: Variant, doneBytes: number, totalBytes: number | null) => void) | undefined;
}

/** Saves the variants of a finished job, one after the other, and writes each into the ledger. Throws what `download` throws. */
export async function save(deps: ContentDeps & { readonly ledger: Ledger }, order: SaveOrder): Promise<SavedFile[]> {
  const { job, record, destination, variants, force, onProgress } = order;
  const named = { id: job.id, prompt: job.prompt ?? record?.request.prompt ?? null };
  const files: SavedFile[] = [];
  for (const [at, variant] of variants.entries()) {
    const file = await download(deps, {
      source: { id: job.id, content: job.content },
      variant,
      isCompleted: job.status === 'completed',
      path: pathFor(destination, variant, named, at === 0),
      isDefaultName: destination.kind === 'folder',
      force,
      onProgress: (doneBytes, totalBytes) => onProgress?.(variant, doneBytes, totalBytes),
    });
    if (record !== undefined) {
      await deps.ledger.append({ event: 'saved', key: record.key, atMs: deps.clock.now(), file });
    }
    files.push(file);
  }
  return [...files]; // without the room to grow that it has by now, for who keeps thousands
}
