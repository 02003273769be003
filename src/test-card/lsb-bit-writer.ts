/** Writes bit fields least significant bit first, as WebP does. */
export class LsbBitWriter {
  readonly #bytes: number[] = [];
  #pending = 0;
  #pendingBits = 0;

  /** `value` as `width` bits, 0 to 24. */
  bits(width: number, value: number): void {
    this.#pending |= value << this.#pendingBits;
    this.#pendingBits += width;
    while (this.#pendingBits >= 8) {
      this.#bytes.push(this.#pending & 0xff);
      this.#pending >>>= 8;
      this.#pendingBits -= 8;
    }
  }

  /** Fills the last byte with zeros and returns everything written. */
  finish(): Uint8Array {
    if (this.#pendingBits > 0) this.bits(8 - this.#pendingBits, 0);
    return Uint8Array.from(this.#bytes);
  }
}
