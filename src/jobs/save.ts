import { SoraError } from '../domain/errors.ts';
import type { JobRecord, SavedFile } from '../domain/record.ts';
import type { Variant, VideoJob } from '../domain/video.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { Interrupt } from '../platform/host.ts';
import { within } from '../platform/timeout.ts';
import type { Ledger } from '../store/ledger.ts';
import type { ContentDeps } from './content-stream.ts';
import { type FileDestination, pathsFor, type VariantPath } from './destination.ts';
import { namedVideo } from './name-template.ts';
import { targetOf } from './save-target.ts';

export interface SaveOrder {
  readonly job: VideoJob;
  /** Undefined for a job that was created elsewhere, which has no place in the ledger. */
  readonly record: JobRecord | undefined;
  readonly destination: FileDestination;
  readonly variants: readonly Variant[];
  /** Variants that a server need not have, so that nobody waits until it publishes them; none if left out. */
  readonly optional?: readonly Variant[];
  /** Files that an earlier run saved; their variants are not downloaded again. */
  readonly saved?: readonly SavedFile[];
  readonly force: boolean;
  readonly onProgress?: ((variant: Variant, doneBytes: number, totalBytes: number | null) => void) | undefined;
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface SaveResult {
  /** Empty for what went into a pipe or device. */
  readonly files: readonly SavedFile[];
  /** Why the other variants could not be saved. */
  readonly errors: readonly (SoraError | Interrupt)[];
}

type SaveDeps = ContentDeps & { readonly ledger: Ledger; readonly objects: ObjectStore };

/** Enough for a small file, even if the wait used up the timeout. */
const LAST_SAVE_MS = 1_000;

/** Saves within the rest of a job's timeout; throws `wait_timeout` after it. */
export function saveBefore<T>(
  deadlineMs: number,
  { clock, signal }: Pick<ContentDeps, 'clock' | 'signal'>,
  jobId: string,
  saving: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const title = 'timed out; the video is finished and still on the server';
  const lateness = (): SoraError => new SoraError('wait_timeout', { title, jobId });
  return within({ clock, ms: Math.max(deadlineMs - clock.uptimeMs(), LAST_SAVE_MS), lateness, signal }, saving);
}

/**
 * Saves the variants of a finished job, one after the other, and records each in the ledger. If one
 * fails, the others are still saved; an interrupt ends the rest. The files are in the order of the variants.
 */
export async function save(deps: SaveDeps, order: SaveOrder): Promise<SaveResult> {
  const { job, record, destination, variants, saved = [] } = order;
  const files: SavedFile[] = [];
  const errors: (SoraError | Interrupt)[] = [];
  const targets = pathsFor(destination, variants, namedVideo(job, record));
  // The video comes first: a server that never publishes a thumbnail must not use up the time for it.
  for (const target of targets.toSorted((a, b) => Number(b.variant === 'video') - Number(a.variant === 'video'))) {
    try {
      const known = saved.find(({ variant }) => variant === target.variant);
      const file = known ?? (await saveVariant(deps, order, target, files));
      if (file !== null) files.push(file);
    } catch (error) {
      if (!(error instanceof SoraError || error instanceof Interrupt)) throw error;
      if (!errors.some(({ message }) => message === error.message)) errors.push(error);
      if (error instanceof Interrupt) break;
    }
  }
  return { files: variants.flatMap((variant) => files.filter((file) => file.variant === variant)), errors };
}

/** Null for a pipe or device. */
async function saveVariant(
  deps: SaveDeps,
  { job, record, optional = [], force, onProgress, onNote }: SaveOrder,
  { variant, path, isAskedFor }: VariantPath,
  siblings: readonly SavedFile[],
): Promise<SavedFile | null> {
  const saved = await targetOf(path, deps.objects).save(deps, {
    source: { id: job.id, content: job.content },
    variant,
    isCompleted: job.status === 'completed' && !optional.includes(variant),
    path,
    isDefaultName: !isAskedFor,
    force,
    submission: record?.key ?? null,
    keep: siblings.map((sibling) => sibling.path),
    onProgress: (doneBytes, totalBytes) => onProgress?.(variant, doneBytes, totalBytes),
    onNote,
  });
  if (saved !== null && record !== undefined) {
    const { link: _, ...file } = saved;
    const unwritten = await deps.ledger.tryAppend({ event: 'saved', key: record.key, atMs: deps.clock.now(), file });
    if (unwritten !== null) onNote?.(`${path} is saved, but not recorded: ${unwritten.message}`);
  }
  return saved;
}
