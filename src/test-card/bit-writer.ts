/** Writes bit fields most significant bit first, as H.264 (clause 7.2, 9.1) and JPEG (F.1.2.3) do. */
export class BitWriter {
  #bytes: Uint8Array;
  #length = 0;
  /** Bits not yet written out as a byte, right-aligned; always fewer than 8 between calls. */
  #pending = 0;
  #pendingBits = 0;

  constructor(expectedBytes = 256) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  /** u(n): `value` as `width` bits. Width 0 to 24, so that value and pending bits share one 32-bit integer. */
  bits(width: number, value: number): void {
    this.#pending = (this.#pending << width) | value;
    this.#pendingBits += width;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      this.#append(this.#pending >>> this.#pendingBits);
    }
    this.#pending &= (1 << this.#pendingBits) - 1;
  }

  /** u(1): one flag. */
  flag(value: boolean): void {
    this.bits(1, value ? 1 : 0);
  }

  /** ue(v): unsigned Exp-Golomb, value 0 to 2^24 - 2. */
  ue(value: number): void {
    const codeNum = value + 1;
    const width = 32 - Math.clz32(codeNum);
    this.bits(width - 1, 0);
    this.bits(width, codeNum);
  }

  /** se(v): signed Exp-Golomb, mapped 0, 1, -1, 2, -2 … (Table 9-3). */
  se(value: number): void {
    this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** Fills the last byte with `fill` bits, if it is incomplete. */
  align(fill: 0 | 1): void {
    const missing = (8 - this.#pendingBits) % 8;
    this.bits(missing, fill === 1 ? (1 << missing) - 1 : 0);
  }

  /** rbsp_trailing_bits(): a stop bit, then zeros up to the byte boundary (clause 7.3.2.11). */
  stop(): void {
    this.bits(1, 1);
    this.align(0);
  }

  /** The complete bytes written so far: a view that is valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #append(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2 + 16);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = byte;
  }
}
