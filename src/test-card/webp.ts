import { BitWriter } from './bit-writer.ts';
import { concat, latin1, zeros } from './bytes.ts';
import { canonicalCodes, codeLengths } from './huffman.ts';
import type { Raster } from './raster.ts';
import { entryAt } from './table.ts';

const VP8L_SIGNATURE = 0x2f;
const OPAQUE = 255;
/** The five alphabets (RFC 9649, 3.7), by their index in the stream: green and run lengths, red, blue, alpha, distances. */
const [GREEN, RED, BLUE, ALPHA, DISTANCE] = [0, 1, 2, 3, 4];
const ALPHABET_SIZES = [256 + 24, 256, 256, 256, 40];
/** The first two of the short distance codes: one row up, one pixel back. */
const DISTANCE_ABOVE = 1;
const DISTANCE_LEFT = 2;
const MIN_RUN = 3;
const MAX_RUN = 4096;
const MAX_CODE_LENGTH = 15;
/** In this order the lengths of the code for code lengths are stored. Symbols above 15 stand for repetitions, unused here. */
const CODE_LENGTH_ORDER = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/** A symbol of one of the alphabets, and the bits that follow it. */
interface Token {
  readonly alphabet: number;
  readonly symbol: number;
  readonly extraBits: number;
  readonly extra: number;
}

/** The image as a lossless WebP file (RFC 9649). Sides of up to 16384 pixels. */
export function encodeWebp(image: Raster): Uint8Array {
  const stream = encodeVp8l(image);
  const padding = zeros(stream.length % 2);
  const chunk = concat([latin1('VP8L'), littleEndian32(stream.length), stream, padding]);
  return concat([latin1('RIFF'), littleEndian32(4 + chunk.length), latin1('WEBP'), chunk]);
}

function littleEndian32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function encodeVp8l(image: Raster): Uint8Array {
  const out = new BitWriter(image.pixels.length);
  writeField(out, 8, VP8L_SIGNATURE);
  writeField(out, 14, image.width - 1);
  writeField(out, 14, image.height - 1);
  writeField(out, 1, 0); // alpha_is_used
  writeField(out, 3, 0); // version
  writeField(out, 1, 0); // no transform
  writeField(out, 1, 0); // no colour cache
  writeField(out, 1, 0); // one set of prefix codes for the whole image
  const tokens = tokensOf(image);
  const counts = ALPHABET_SIZES.map((size) => Array.from({ length: size }, () => 0));
  for (const { alphabet, symbol } of tokens) {
    const counter = entryAt(counts, alphabet);
    counter[symbol] = entryAt(counter, symbol) + 1;
  }
  const writers = counts.map((counter) => declareCode(out, counter));
  for (const { alphabet, symbol, extraBits, extra } of tokens) {
    entryAt(writers, alphabet)(symbol);
    writeField(out, extraBits, extra);
  }
  out.align(0);
  return out.bytes().map((byte) => reverseBits(byte, 8));
}

/** Writes a number least significant bit first, as the format wants it. Its bytes are reversed at the end. */
function writeField(out: BitWriter, width: number, value: number): void {
  out.bits(width, reverseBits(value, width));
}

/** Greedy matching with the pixel to the left and the row above, because a test card repeats itself there. */
function tokensOf({ width, pixels }: Raster): Token[] {
  const tokens: Token[] = [];
  const add = (alphabet: number, symbol: number): void =>
    void tokens.push({ alphabet, symbol, extraBits: 0, extra: 0 });
  for (let i = 0; i < pixels.length; ) {
    const left = runLength(pixels, i, 1);
    const above = runLength(pixels, i, width);
    const run = Math.max(left, above);
    if (run >= MIN_RUN) {
      tokens.push(prefixed(GREEN, 256, run));
      tokens.push(prefixed(DISTANCE, 0, above >= left ? DISTANCE_ABOVE : DISTANCE_LEFT));
      i += run;
    } else {
      const pixel = entryAt(pixels, i);
      add(GREEN, (pixel >> 8) & 0xff);
      add(RED, (pixel >> 16) & 0xff);
      add(BLUE, pixel & 0xff);
      add(ALPHA, OPAQUE);
      i++;
    }
  }
  return tokens;
}

/** How many pixels from `start` on repeat the pixels `distance` before them. */
function runLength(pixels: Uint32Array, start: number, distance: number): number {
  if (start < distance) return 0;
  const end = Math.min(pixels.length, start + MAX_RUN);
  let i = start;
  while (i < end && pixels[i] === pixels[i - distance]) i++;
  return i - start;
}

/** A number from 1 up (RFC 9649, 3.6.2): small ones have their own symbols, which start at `base`; larger ones share them. */
function prefixed(alphabet: number, base: number, number: number): Token {
  const value = number - 1;
  if (value < 4) return { alphabet, symbol: base + value, extraBits: 0, extra: 0 };
  const highestBit = 31 - Math.clz32(value);
  const secondBit = (value >> (highestBit - 1)) & 1;
  const extraBits = highestBit - 1;
  return { alphabet, symbol: base + 2 * highestBit + secondBit, extraBits, extra: value & ((1 << extraBits) - 1) };
}

/**
 * Declares the best prefix code for symbols that occur this often (RFC 9649, 3.7.2), and returns a function that writes
 * them. A symbol that is the only one of its alphabet must be below 256.
 */
function declareCode(out: BitWriter, counts: readonly number[]): (symbol: number) => void {
  const [only = 0, other] = counts.flatMap((count, symbol) => (count > 0 ? [symbol] : []));
  if (other === undefined) {
    writeField(out, 1, 1); // simple code
    writeField(out, 1, 0); // one symbol, which then takes no bits
    writeField(out, 1, 1); // of 8 bits
    writeField(out, 8, only);
    return () => {};
  }
  const lengths = codeLengths(counts, MAX_CODE_LENGTH);
  writeField(out, 1, 0); // normal code
  writeField(out, 4, CODE_LENGTH_ORDER.length - 4);
  for (const symbol of CODE_LENGTH_ORDER) writeField(out, 3, symbol <= MAX_CODE_LENGTH ? 4 : 0); // each length as 4 bits
  writeField(out, 1, 0); // the lengths of the whole alphabet follow
  for (const length of lengths) out.bits(4, length); // a code word, as those below: most significant bit first
  const codes = canonicalCodes(lengths);
  return (symbol) => out.bits(entryAt(lengths, symbol), entryAt(codes, symbol));
}

function reverseBits(value: number, width: number): number {
  let reversed = 0;
  for (let i = 0; i < width; i++) reversed |= ((value >> i) & 1) << (width - 1 - i);
  return reversed;
}
