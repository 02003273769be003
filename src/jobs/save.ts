import { SoraError } from '../domain/errors.ts';
import type { JobRecord, SavedFile } from '../domain/record.ts';
import type { Variant, VideoJob } from '../domain/video.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { within } from '../platform/timeout.ts';
import type { Ledger } from '../store/ledger.ts';
import { type ContentDeps, type ContentOrder, PUBLISHING_MS } from './content-stream.ts';
import { type FileDestination, pathsFor, type VariantPath } from './destination.ts';
import { knownError } from './known-error.ts';
import { namedVideo } from './name-template.ts';
import { targetOf } from './save-target.ts';

export interface SaveOrder {
  readonly job: VideoJob;
  /** Undefined for a job that was created elsewhere, which has no place in the ledger. */
  readonly record: JobRecord | undefined;
  readonly destination: FileDestination;
  readonly variants: readonly Variant[];
  /** Variants that a server need not have: nobody waits until it publishes them, or gets an error; none if left out. */
  readonly optional?: readonly Variant[];
  /** Files that an earlier run saved; their variants are not downloaded again. */
  readonly saved?: readonly SavedFile[];
  readonly force: boolean;
  /** By the uptime: when saving ends. */
  readonly deadlineMs: number;
  readonly onProgress?: ((variant: Variant, doneBytes: number, totalBytes: number | null) => void) | undefined;
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface SaveResult {
  /** Empty for what went into a pipe or device. */
  readonly files: readonly SavedFile[];
  /** Why the other variants could not be saved. */
  readonly errors: readonly SoraError[];
}

type SaveDeps = ContentDeps & { readonly ledger: Ledger; readonly objects: ObjectStore };

/** Enough for a small file, even if the wait used up the timeout. */
const LAST_SAVE_MS = 1_000;

/** Saves within the rest of a job's timeout; throws `wait_timeout` after it. */
export function saveBefore<T>(
  deadlineMs: number,
  { clock, signal }: Pick<ContentDeps, 'clock' | 'signal'>,
  jobId: string,
  saving: (signal: AbortSignal, deadlineMs: number) => Promise<T>,
): Promise<T> {
  const title = 'timed out; the video is finished and still on the server';
  const lateness = (): SoraError => new SoraError('wait_timeout', { title, jobId });
  const startMs = clock.uptimeMs();
  const ms = Math.max(deadlineMs - startMs, LAST_SAVE_MS);
  return within({ clock, ms, lateness, signal }, (limit) => saving(limit, startMs + ms));
}

/**
 * Saves the variants of a finished job until its deadline, one after the other, and records each in the ledger. If one
 * fails, the others are still saved; an interrupt ends the rest. The files are in the order of the variants.
 */
export function save(deps: SaveDeps, order: SaveOrder): Promise<SaveResult> {
  return saveBefore(order.deadlineMs, deps, order.job.id, (signal, deadlineMs) =>
    saveEach({ ...deps, signal }, { ...order, deadlineMs }),
  );
}

async function saveEach(deps: SaveDeps, order: SaveOrder): Promise<SaveResult> {
  const { job, record, destination, variants, optional = [], saved = [], deadlineMs } = order;
  const files: SavedFile[] = [];
  const errors: SoraError[] = [];
  const targets = pathsFor(destination, variants, namedVideo(job, record));
  const ordered = targets.toSorted((a, b) => Number(b.variant === 'video') - Number(a.variant === 'video'));
  // The video comes first, and the others share the rest: one that is never published must not use up the time.
  for (const [at, target] of ordered.entries()) {
    try {
      const known = saved.find(({ variant }) => variant === target.variant);
      const shareMs = (deadlineMs - deps.clock.uptimeMs()) / (ordered.length - at);
      const publishingMs = target.variant === 'video' ? PUBLISHING_MS : Math.min(shareMs, PUBLISHING_MS);
      const file = known ?? (await saveVariant(deps, order, { ...target, publishingMs }, files));
      if (file !== null) files.push(file);
    } catch (thrown) {
      const error = knownError(thrown);
      const isNews = !optional.includes(target.variant) && !errors.some(({ message }) => message === error.message);
      if (isNews) errors.push(error);
      if (error.code === 'interrupted') break;
    }
  }
  return { files: variants.flatMap((variant) => files.filter((file) => file.variant === variant)), errors };
}

/** Null for a pipe or device. */
async function saveVariant(
  deps: SaveDeps,
  { job, record, optional = [], force, onProgress, onNote }: SaveOrder,
  { variant, path, isDefaultName, publishingMs }: VariantPath & Pick<ContentOrder, 'publishingMs'>,
  siblings: readonly SavedFile[],
): Promise<SavedFile | null> {
  const saved = await targetOf(path, deps.objects).save(deps, {
    source: { id: job.id, content: job.content },
    variant,
    isCompleted: job.status === 'completed' && !optional.includes(variant),
    publishingMs,
    path,
    isDefaultName,
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
