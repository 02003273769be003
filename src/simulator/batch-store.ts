import { type JournalEntry, JournalFold } from '../platform/journal-fold.ts';
import { decodeStoredBatch, type StoredBatch } from './stored-batch.ts';

/** A batch, and whether it was cancelled since. */
export interface KnownBatch {
  readonly batch: StoredBatch;
  /** When it was cancelled, and the jobs that had not ended then; null if it was not. */
  readonly cancelled: { readonly atMs: number; readonly jobIds: ReadonlySet<string> } | null;
}

interface Batches {
  /** Oldest first. */
  readonly entries: Map<string, KnownBatch>;
  readonly byIdempotencyKey: Map<string, string>;
}

/** Batches in a journal file that any number of processes share. */
export class BatchStore {
  readonly #fold: JournalFold<Batches>;

  constructor(path: string) {
    const begin = (): Batches => ({ entries: new Map(), byIdempotencyKey: new Map() });
    this.#fold = new JournalFold(path, begin, (batches, line) => {
      const batch = decodeStoredBatch(line.batch);
      if (batch !== null) register(batch, batches);
      else cancelIn(batches, line);
    });
  }

  /** Newest first. */
  all(): KnownBatch[] {
    return [...this.#fold.state.entries.values()].reverse();
  }

  find(id: string): KnownBatch | undefined {
    return this.#fold.state.entries.get(id);
  }

  findByIdempotencyKey(key: string | null): KnownBatch | undefined {
    const { entries, byIdempotencyKey } = this.#fold.state;
    return key === null ? undefined : entries.get(byIdempotencyKey.get(key) ?? '');
  }

  /** Stores a batch and returns it, or the one that already has its idempotency key. */
  async add(batch: StoredBatch): Promise<KnownBatch> {
    await this.#fold.append({ batch });
    const entry = this.findByIdempotencyKey(batch.idempotencyKey) ?? this.find(batch.id);
    if (entry === undefined) throw new Error(`the batch ${batch.id} was not stored`);
    return entry;
  }

  /** The first cancellation counts. */
  async cancel(id: string, atMs: number, jobIds: readonly string[]): Promise<void> {
    await this.#fold.append({ cancelled: id, atMs, jobIds });
  }
}

function register(batch: StoredBatch, { entries, byIdempotencyKey }: Batches): void {
  const { id, idempotencyKey } = batch;
  if (idempotencyKey !== null) {
    if (byIdempotencyKey.has(idempotencyKey)) return;
    byIdempotencyKey.set(idempotencyKey, id);
  }
  entries.set(id, { batch, cancelled: null });
}

function cancelIn({ entries }: Batches, { cancelled, atMs, jobIds }: JournalEntry): void {
  const entry = typeof cancelled === 'string' ? entries.get(cancelled) : undefined;
  if (entry === undefined || entry.cancelled !== null || typeof atMs !== 'number' || !Array.isArray(jobIds)) return;
  entries.set(entry.batch.id, { ...entry, cancelled: { atMs, jobIds: new Set(jobIds.map(String)) } });
}
