import { concat, latin1, zeros } from './bytes.ts';
import { LsbBitWriter } from './lsb-bit-writer.ts';
import { declarePrefixCode } from './prefix-code.ts';
import type { Raster } from './raster.ts';
import { entryAt } from './table.ts';

/** Sizes of the five alphabets (RFC 9649, 3.7): green and run lengths, red, blue, alpha, distances. */
const GREEN_SYMBOLS = 256 + 24;
const CHANNEL_SYMBOLS = 256;
const DISTANCE_SYMBOLS = 40;
const VP8L_SIGNATURE = 0x2f;
/** The first two of the short distance codes: one row up, one pixel back. */
const DISTANCE_ABOVE = 1;
const DISTANCE_LEFT = 2;
const MIN_RUN = 3;
const MAX_RUN = 4096;

/** A pixel as it is, or a run of pixels copied from above or from the left. */
type Token = { readonly pixel: number } | { readonly run: number; readonly distanceCode: number };

/** A number as a prefix symbol and the bits that follow it (RFC 9649, 3.6.2). */
interface PrefixedNumber {
  readonly symbol: number;
  readonly extraBits: number;
  readonly extra: number;
}

/** The image as a lossless WebP file (RFC 9649). Sides of up to 16384 pixels. */
export function encodeWebp(image: Raster): Uint8Array {
  const stream = encodeVp8l(image);
  const padding = zeros(stream.length % 2);
  const riffSize = latin1('WEBP').length + 8 + stream.length + padding.length;
  return concat([
    latin1('RIFF'),
    littleEndian32(riffSize),
    latin1('WEBP'),
    latin1('VP8L'),
    littleEndian32(stream.length),
    stream,
    padding,
  ]);
}

function littleEndian32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function encodeVp8l(image: Raster): Uint8Array {
  const out = new LsbBitWriter();
  out.bits(8, VP8L_SIGNATURE);
  out.bits(14, image.width - 1);
  out.bits(14, image.height - 1);
  out.bits(1, 0); // alpha_is_used
  out.bits(3, 0); // version
  out.bits(1, 0); // no transform
  out.bits(1, 0); // no colour cache
  out.bits(1, 0); // one set of prefix codes for the whole image
  writePixels(out, tokensOf(image));
  return out.finish();
}

/** Greedy matching against the pixel to the left and the row above, which is where a test card repeats itself. */
function tokensOf({ width, pixels }: Raster): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pixels.length; ) {
    const left = runLength(pixels, i, 1);
    const above = runLength(pixels, i, width);
    const run = Math.max(left, above);
    if (run >= MIN_RUN) {
      tokens.push({ run, distanceCode: above >= left ? DISTANCE_ABOVE : DISTANCE_LEFT });
      i += run;
    } else {
      tokens.push({ pixel: entryAt(pixels, i) });
      i++;
    }
  }
  return tokens;
}

/** How many pixels from `start` on repeat those `distance` pixels before. */
function runLength(pixels: Uint32Array, start: number, distance: number): number {
  if (start < distance) return 0;
  const end = Math.min(pixels.length, start + MAX_RUN);
  let i = start;
  while (i < end && pixels[i] === pixels[i - distance]) i++;
  return i - start;
}

/** Declares the five prefix codes by how often each symbol occurs, then writes the tokens with them. */
function writePixels(out: LsbBitWriter, tokens: readonly Token[]): void {
  const counts = {
    green: countersFor(GREEN_SYMBOLS),
    red: countersFor(CHANNEL_SYMBOLS),
    blue: countersFor(CHANNEL_SYMBOLS),
    alpha: countersFor(CHANNEL_SYMBOLS),
    distance: countersFor(DISTANCE_SYMBOLS),
  };
  forEachSymbol(tokens, {
    green: (symbol) => increment(counts.green, symbol),
    red: (symbol) => increment(counts.red, symbol),
    blue: (symbol) => increment(counts.blue, symbol),
    alpha: (symbol) => increment(counts.alpha, symbol),
    distance: (symbol) => increment(counts.distance, symbol),
    extra: () => {},
  });
  forEachSymbol(tokens, {
    green: declarePrefixCode(out, counts.green),
    red: declarePrefixCode(out, counts.red),
    blue: declarePrefixCode(out, counts.blue),
    alpha: declarePrefixCode(out, counts.alpha),
    distance: declarePrefixCode(out, counts.distance),
    extra: (width, value) => out.bits(width, value),
  });
}

function countersFor(symbols: number): number[] {
  return Array.from({ length: symbols }, () => 0);
}

function increment(counts: number[], symbol: number): void {
  counts[symbol] = entryAt(counts, symbol) + 1;
}

interface SymbolSink {
  readonly green: (symbol: number) => void;
  readonly red: (symbol: number) => void;
  readonly blue: (symbol: number) => void;
  readonly alpha: (symbol: number) => void;
  readonly distance: (symbol: number) => void;
  readonly extra: (width: number, value: number) => void;
}

/** Takes the tokens apart into the symbols of the stream, in its order. */
function forEachSymbol(tokens: readonly Token[], sink: SymbolSink): void {
  const OPAQUE = 255;
  for (const token of tokens) {
    if ('pixel' in token) {
      sink.green((token.pixel >> 8) & 0xff);
      sink.red((token.pixel >> 16) & 0xff);
      sink.blue(token.pixel & 0xff);
      sink.alpha(OPAQUE);
      continue;
    }
    const length = prefixed(token.run);
    const distance = prefixed(token.distanceCode);
    sink.green(256 + length.symbol);
    sink.extra(length.extraBits, length.extra);
    sink.distance(distance.symbol);
    sink.extra(distance.extraBits, distance.extra);
  }
}

/** Splits a number from 1 up: the small ones are symbols of their own, the others share one with their neighbours. */
function prefixed(number: number): PrefixedNumber {
  const value = number - 1;
  if (value < 4) return { symbol: value, extraBits: 0, extra: 0 };
  const highestBit = 31 - Math.clz32(value);
  const secondBit = (value >> (highestBit - 1)) & 1;
  const extraBits = highestBit - 1;
  return { symbol: 2 * highestBit + secondBit, extraBits, extra: value & ((1 << extraBits) - 1) };
}
