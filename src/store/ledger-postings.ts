/** Room for what is added at first; a short command adds next to nothing, and empty memory takes time to get. */
const SPARE = 1 << 9;
const MAX_BUCKETS = 1 << 16;

/**
 * Where terms occur: pairs of a term's hash and a line's byte offset, in file order, in two columns.
 * The postings of a bucket of hashes are chained from the latest to the first, so none of the others is looked at.
 */
export class Postings {
  #hashes: Uint32Array;
  #offsets: Float64Array;
  /** Positions in the columns are counted from 1 here; 0 ends a chain. */
  #earlier: Uint32Array;
  #latest: Uint32Array;
  #length = 0;

  /** Takes as many postings as `fill` brings into the columns, which are handed to it one by one. */
  constructor(length = 0, fill: (column: Uint8Array) => void = () => {}) {
    this.#hashes = new Uint32Array(length + SPARE);
    this.#offsets = new Float64Array(length + SPARE);
    this.#earlier = new Uint32Array(length + SPARE);
    this.#latest = new Uint32Array(bucketsFor(length + SPARE));
    for (const column of this.#columns(length)) fill(column);
    this.#chainUpTo(length);
  }

  get length(): number {
    return this.#length;
  }

  /** What `fill` is to bring, to have the same postings again. */
  columns(): readonly Uint8Array[] {
    return this.#columns(this.#length);
  }

  add(hash: number, offset: number): void {
    if (this.#length === this.#hashes.length) this.#grow();
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

  /** Takes in what the columns hold up to there. */
  #chainUpTo(length: number): void {
    const [hashes, earlier, latest] = [this.#hashes, this.#earlier, this.#latest];
    for (let at = this.#length; at < length; at++) {
      const bucket = (hashes[at] ?? 0) % latest.length;
      earlier[at] = latest[bucket] ?? 0;
      latest[bucket] = at + 1;
    }
    this.#length = length;
  }

  #grow(): void {
    const [hashes, offsets, length] = [this.#hashes, this.#offsets, this.#length];
    this.#hashes = new Uint32Array(2 * length);
    this.#offsets = new Float64Array(2 * length);
    this.#earlier = new Uint32Array(2 * length);
    this.#latest = new Uint32Array(bucketsFor(2 * length));
    this.#hashes.set(hashes);
    this.#offsets.set(offsets);
    this.#length = 0;
    this.#chainUpTo(length);
  }
}

/** About as many as there are postings, and a power of two. */
function bucketsFor(postings: number): number {
  return Math.min(MAX_BUCKETS, 2 ** Math.ceil(Math.log2(postings)));
}
