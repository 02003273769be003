import { isJsonObject, parseJson } from '../domain/json.ts';
import { JournalFold } from '../platform/journal-fold.ts';
import { decodeStoredBatch, type StoredBatch } from './stored-batch.ts';

/** A batch, and whether it was cancelled since. */
export interface KnownBatch {
  readonly batch: StoredBatch;
  /** When it was cancelled, and the jobs that had not ended then; null if it was not. */
  readonly cancelled: { readonly atMs: number; readonly jobIds: ReadonlySet<string> } | null;
}

/** Batches in a journal file that any number of processes share. */
export class BatchStore {
  readonly #fold: JournalFold;
  /** Oldest first. */
  readonly #entries = new Map<string, KnownBatch>();
  readonly #byIdempotencyKey = new Map<string, string>();

  constructor(path: string) {
    this.#fold = new JournalFold(path, {
      apply: (text) => this.#apply(text),
      forget: () => {
        this.#entries.clear();
        this.#byIdempotencyKey.clear();
      },
    });
  }

  /** Newest first. */
  all(): KnownBatch[] {
    this.#fold.refresh();
    return [...this.#entries.values()].reverse();
  }

  find(id: string): KnownBatch | undefined {
    this.#fold.refresh();
    return this.#entries.get(id);
  }

  findByIdempotencyKey(key: string | null): KnownBatch | undefined {
    this.#fold.refresh();
    return key === null ? undefined : this.#entries.get(this.#byIdempotencyKey.get(key) ?? '');
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

  #apply(text: string): void {
    const line = parseJson(text);
    if (!isJsonObject(line)) return;
    const batch = decodeStoredBatch(line.batch);
    if (batch !== null) this.#register(batch);
    const { cancelled, atMs, jobIds } = line;
    const entry = typeof cancelled === 'string' ? this.#entries.get(cancelled) : undefined;
    if (entry === undefined || entry.cancelled !== null || typeof atMs !== 'number' || !Array.isArray(jobIds)) return;
    this.#entries.set(entry.batch.id, { ...entry, cancelled: { atMs, jobIds: new Set(jobIds.map(String)) } });
  }

  #register(batch: StoredBatch): void {
    const { id, idempotencyKey } = batch;
    if (idempotencyKey !== null) {
      if (this.#byIdempotencyKey.has(idempotencyKey)) return;
      this.#byIdempotencyKey.set(idempotencyKey, id);
    }
    this.#entries.set(id, { batch, cancelled: null });
  }
}
