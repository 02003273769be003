/** Reads H.264 bit fields back, independently of the code that writes them. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bits(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) {
      const byte = this.#bytes[this.#position >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position++;
    }
    return value;
  }

  ue(): number {
    let zeros = 0;
    while (this.bits(1) === 0) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  skip(width: number): void {
    this.#position += width;
  }

  /** Whether nothing is left but the stop bit and its zeros. */
  isAtStop(): boolean {
    const rest = new BitReader(this.#bytes);
    rest.skip(this.#position);
    if (rest.bits(1) !== 1) return false;
    for (let at = this.#position + 1; at < this.#bytes.length * 8; at++) if (rest.bits(1) !== 0) return false;
    return true;
  }
}

/** The payload of a NAL unit without its header and emulation prevention bytes. */
export function payloadOf(nalUnit: Uint8Array): Uint8Array {
  const isEscape = (byte: number, i: number): boolean => byte === 3 && nalUnit[i - 1] === 0 && nalUnit[i - 2] === 0;
  return nalUnit.filter((byte, i) => i > 0 && !isEscape(byte, i));
}
