/** Prefix codes of WebP lossless (RFC 9649, 3.7): how they are declared, and how symbols are written with them. */
import { canonicalCodes, codeLengths } from './huffman.ts';
import type { LsbBitWriter } from './lsb-bit-writer.ts';
import { entryAt } from './table.ts';

const MAX_CODE_LENGTH = 15;
const MAX_CODE_LENGTH_OF_LENGTHS = 7;
/** The order in which the lengths of the code length code are stored. */
const CODE_LENGTH_ORDER = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/** Symbols of the code length code: 0 to 15 are lengths, these repeat zeros. (16, repeat the previous, is not used.) */
const REPEAT_ZERO_3_TO_10 = 17;
const REPEAT_ZERO_11_TO_138 = 18;

/** Writes one symbol. */
export type SymbolWriter = (symbol: number) => void;

/**
 * Declares the best code for symbols that occur this often, and returns what writes them. A symbol that is the only one
 * of its alphabet must be below 256.
 */
export function declarePrefixCode(out: LsbBitWriter, counts: readonly number[]): SymbolWriter {
  const [only = 0, other] = counts.flatMap((count, symbol) => (count > 0 ? [symbol] : []));
  if (other === undefined) return declareSingle(out, only);
  const lengths = codeLengths(counts, MAX_CODE_LENGTH);
  declareLengths(out, lengths);
  return symbolWriter(out, lengths);
}

/** A simple code of one symbol, which then takes no bits at all. */
function declareSingle(out: LsbBitWriter, symbol: number): SymbolWriter {
  out.bits(1, 1); // simple code
  out.bits(1, 0); // one symbol
  out.bits(1, 1); // of 8 bits
  out.bits(8, symbol);
  return () => {};
}

function declareLengths(out: LsbBitWriter, lengths: readonly number[]): void {
  const tokens = lengthTokens(lengths);
  const counts = Array.from({ length: CODE_LENGTH_ORDER.length }, () => 0);
  // Length 0 is always in the code: with it there are at least two symbols, as a code of several bits needs.
  counts[0] = 1;
  for (const { symbol } of tokens) counts[symbol] = entryAt(counts, symbol) + 1;
  const lengthLengths = codeLengths(counts, MAX_CODE_LENGTH_OF_LENGTHS);
  const stored = CODE_LENGTH_ORDER.findLastIndex((symbol) => lengthLengths[symbol] !== 0) + 1;
  const storedCount = Math.max(4, stored);
  out.bits(1, 0); // normal code
  out.bits(4, storedCount - 4);
  for (const symbol of CODE_LENGTH_ORDER.slice(0, storedCount)) out.bits(3, entryAt(lengthLengths, symbol));
  out.bits(1, 0); // lengths of the whole alphabet follow
  const writeLength = symbolWriter(out, lengthLengths);
  for (const { symbol, extraBits, extra } of tokens) {
    writeLength(symbol);
    out.bits(extraBits, extra);
  }
}

interface LengthToken {
  readonly symbol: number;
  readonly extraBits: number;
  readonly extra: number;
}

/** The lengths with runs of zeros shortened. */
function lengthTokens(lengths: readonly number[]): LengthToken[] {
  const tokens: LengthToken[] = [];
  for (let i = 0; i < lengths.length; ) {
    const length = entryAt(lengths, i);
    const nextUsed = lengths.findIndex((other, at) => at >= i && other !== 0);
    const zeros = Math.min((nextUsed === -1 ? lengths.length : nextUsed) - i, 138);
    if (zeros >= 11) tokens.push({ symbol: REPEAT_ZERO_11_TO_138, extraBits: 7, extra: zeros - 11 });
    else if (zeros >= 3) tokens.push({ symbol: REPEAT_ZERO_3_TO_10, extraBits: 3, extra: zeros - 3 });
    else tokens.push({ symbol: length, extraBits: 0, extra: 0 });
    i += zeros >= 3 ? zeros : 1;
  }
  return tokens;
}

function symbolWriter(out: LsbBitWriter, lengths: readonly number[]): SymbolWriter {
  // The code words go most significant bit first into a stream that is least significant bit first.
  const codes = canonicalCodes(lengths).map((code, symbol) => reverseBits(code, entryAt(lengths, symbol)));
  return (symbol) => out.bits(entryAt(lengths, symbol), entryAt(codes, symbol));
}

function reverseBits(value: number, width: number): number {
  let reversed = 0;
  for (let i = 0; i < width; i++) reversed |= ((value >> i) & 1) << (width - 1 - i);
  return reversed;
}
