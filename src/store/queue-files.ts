import { SoraError } from '../domain/errors.ts';
import { crypto } from '../platform/crypto.ts';
import type { Database } from './postgres.ts';

/** Of the files read last, which rows of one manifest often share. */
const CACHED_BYTES = 64 << 20;

/** Files that waiting rows need, in the database of the queue, where every worker reaches them. Throws as `Database` does. */
export class QueueFiles {
  readonly #database: Database;
  readonly #cache = new Map<string, Uint8Array>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Stores a file under `sha256:…` of its bytes, which are read only if it is not there yet. */
  async store(digest: string, read: () => Uint8Array): Promise<void> {
    const known = await this.#database.query(
      'UPDATE sora.file SET stored_at = now() WHERE digest = $1 RETURNING digest',
      [digest],
    );
    if (known.length > 0) return;
    await this.#database.query('INSERT INTO sora.file (digest, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      digest,
      read(),
    ]);
  }

  /** Throws `invalid_request` if the file is not there, or not what it was. */
  async read(digest: string): Promise<Uint8Array> {
    const bytes = this.#cache.get(digest) ?? (await this.#load(digest));
    this.#cache.delete(digest);
    this.#cache.set(digest, bytes); // the last one is the one used last
    let size = 0;
    for (const [name, { length }] of [...this.#cache].reverse()) {
      size += length;
      if (size > CACHED_BYTES) this.#cache.delete(name);
    }
    return bytes;
  }

  async #load(digest: string): Promise<Uint8Array> {
    const [row] = await this.#database.query('SELECT bytes FROM sora.file WHERE digest = $1', [digest]);
    if (row?.bytes instanceof Uint8Array && `sha256:${crypto().hash('sha256', row.bytes)}` === digest) return row.bytes;
    throw new SoraError('invalid_request', {
      title: `a file of the row is ${row === undefined ? 'missing from' : 'damaged in'} the database: ${digest}`,
      hints: ['queue the manifest again, which stores its files again'],
    });
  }

  /** Drops files that no row needs. Those stored during the last day may be about to be used. */
  async tidy(): Promise<void> {
    await this.#database.query(
      `DELETE FROM sora.file f WHERE stored_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM sora.file_use u WHERE u.digest = f.digest)`,
    );
  }
}
