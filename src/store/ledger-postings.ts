/** Initial room for additions; small, because short commands add little and allocation takes time. */
const SPARE = 1 << 9;
const MAX_BUCKETS = 1 << 16;

/**
 * Where terms occur: pairs of a term's hash and a line's byte offset, in file order, in two columns.
 * The postings of a bucket of hashes are chained from the latest to the first, so other buckets are not visited.
 */
export class Postings {
  #hashes = new Uint32Array(0);
  #offsets = new Float64Array(0);
  /** Positions in the columns are counted from 1 here; 0 ends a chain. */
  #earlier = new Uint32Array(0);
  #latest = new Uint32Array(0);
  #length = 0;

  /** Adds the postings that `fill` writes into each column. */
  constructor(length = 0, fill: (column: Uint8Array) => void = () => {}) {
    this.#makeRoom(length + SPARE);
    for (const column of this.#columns(length)) fill(column);
    this.#chainUpTo(length);
  }

  get length(): number {
    return this.#length;
  }

  /** The columns, which `fill` can restore later. */
  columns(): readonly Uint8Array[] {
    return this.#columns(this.#length);
  }

  add(hash: number, offset: number): void {
    if (this.#length === this.#hashes.length) this.#makeRoom(2 * this.#length);
    this.#hashes[this.#length] = hash;
    this.#offsets[this.#length] = offset;
    this.#chainUpTo(this.#length + 1);
  }

  /** The offsets under a hash, from the latest to the first. */
  *find(hash: number): Generator<number> {
    for (let at = this.#latest[hash % this.#latest.length] ?? 0; at > 0; at = this.#earlier[at - 1] ?? 0) {
      const offset = this.#offsets[at - 1];
      if (offset !== undefined && this.#hashes[at - 1] === hash) yield offset;
    }
  }

  #columns(length: number): readonly Uint8Array[] {
    return [this.#hashes, this.#offsets].map(
      (column) => new Uint8Array(column.buffer, 0, length * column.BYTES_PER_ELEMENT),
    );
  }

  /** Chains the postings up to this position. */
  #chainUpTo(length: number): void {
    const [hashes, earlier, latest] = [this.#hashes, this.#earlier, this.#latest];
    for (let at = this.#length; at < length; at++) {
      const bucket = (hashes[at] ?? 0) % latest.length;
      earlier[at] = latest[bucket] ?? 0;
      latest[bucket] = at + 1;
    }
    this.#length = length;
  }

  #makeRoom(size: number): void {
    const [hashes, offsets, length] = [this.#hashes, this.#offsets, this.#length];
    this.#hashes = new Uint32Array(size);
    this.#offsets = new Float64Array(size);
    this.#earlier = new Uint32Array(size);
    this.#latest = new Uint32Array(bucketsFor(size));
    this.#hashes.set(hashes);
    this.#offsets.set(offsets);
    this.#length = 0;
    this.#chainUpTo(length);
  }
}

/** About the number of postings; a power of two. */
function bucketsFor(postings: number): number {
  return Math.min(MAX_BUCKETS, 2 ** Math.ceil(Math.log2(postings)));
}
