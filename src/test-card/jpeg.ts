import { BitWriter } from './bit-writer.ts';
import { concat, latin1, u8, u16 } from './bytes.ts';
import { AC_CODE, DC_CODE, type JpegHuffmanTable, QUANTISATION, ZIGZAG_8X8 } from './jpeg-tables.ts';
import type { Raster } from './raster.ts';
import { entryAt } from './table.ts';

const BLOCK = 8;
const BLOCK_SAMPLES = BLOCK * BLOCK;
/** AC symbols without a coefficient: end of block, and sixteen zeros (F.1.2.2). */
const END_OF_BLOCK = 0x00;
const SIXTEEN_ZEROS = 0xf0;

/** Table K.1 at quality 85, scaled as the IJG's encoder does. */
const STEPS = QUANTISATION.map((step) => Math.max(1, Math.floor((step * 30 + 50) / 100)));

/** The image as a baseline JFIF file (ITU-T T.81), without chroma subsampling. Sides of up to 65535 pixels. */
export function encodeJpeg(image: Raster): Uint8Array {
  const components = [1, 2, 3]; // Y, Cb and Cr; all use the tables with number 0
  const [DC_CLASS, AC_CLASS, FULL_RESOLUTION] = [0x00, 0x10, 0x11];
  const steps = ZIGZAG_8X8.map((position) => entryAt(STEPS, position));
  return concat([
    u8(0xff, 0xd8), // SOI
    segment(0xe0, latin1('JFIF\0'), u8(1, 1, 0), u16(1, 1), u8(0, 0)), // APP0
    segment(0xdb, u8(0, ...steps)), // DQT (B.2.4.1)
    segment(0xc4, u8(DC_CLASS, ...DC_CODE.lengthCounts, ...DC_CODE.symbols)), // DHT (B.2.4.2)
    segment(0xc4, u8(AC_CLASS, ...AC_CODE.lengthCounts, ...AC_CODE.symbols)),
    segment(
      0xc0, // SOF0 (B.2.2): 8 bits per sample
      u8(8),
      u16(image.height, image.width),
      u8(3, ...components.flatMap((number) => [number, FULL_RESOLUTION, 0])),
    ),
    segment(0xda, u8(3, ...components.flatMap((number) => [number, 0])), u8(0, 63, 0)), // SOS (B.2.3): one scan
    stuffBytes(encodeScan(image)),
    u8(0xff, 0xd9), // EOI
  ]);
}

function segment(marker: number, ...contents: Uint8Array[]): Uint8Array {
  const body = concat(contents);
  return concat([u8(0xff, marker), u16(2 + body.length), body]);
}

/** A byte FF in coded data is followed by 00, so that it is not read as a marker (F.1.2.3). */
function stuffBytes(data: Uint8Array): Uint8Array {
  const stuffed = new Uint8Array(data.length * 2);
  let length = 0;
  for (const byte of data) {
    stuffed[length++] = byte;
    if (byte === 0xff) length++;
  }
  return stuffed.subarray(0, length);
}

function encodeScan(image: Raster): Uint8Array {
  const out = new BitWriter(image.pixels.length);
  const [luma, cb, cr] = [new BlockEncoder(out), new BlockEncoder(out), new BlockEncoder(out)];
  for (let y = 0; y < image.height; y += BLOCK) {
    for (let x = 0; x < image.width; x += BLOCK) {
      for (let i = 0; i < BLOCK_SAMPLES; i++) {
        const rgb = pixelAt(image, x + (i % BLOCK), y + Math.trunc(i / BLOCK));
        const [red, green, blue] = [(rgb >> 16) & 0xff, (rgb >> 8) & 0xff, rgb & 0xff];
        // The full-range BT.601 matrix of JFIF; luma is shifted to be around zero, like the differences.
        luma.samples[i] = 0.299 * red + 0.587 * green + 0.114 * blue - 128;
        cb.samples[i] = -0.168736 * red - 0.331264 * green + 0.5 * blue;
        cr.samples[i] = 0.5 * red - 0.418688 * green - 0.081312 * blue;
      }
      for (const component of [luma, cb, cr]) component.writeBlock();
    }
  }
  out.align(1);
  return out.bytes();
}

/** Blocks that extend beyond the right or bottom edge repeat its pixels. */
function pixelAt({ width, height, pixels }: Raster, x: number, y: number): number {
  return pixels[Math.min(y, height - 1) * width + Math.min(x, width - 1)] ?? 0;
}

/** DCT basis (A.3.3), with its scale factors: row u holds frequency u at the eight positions. */
const COSINES = Float64Array.from({ length: BLOCK_SAMPLES }, (_, i) => {
  const frequency = Math.trunc(i / BLOCK);
  const scale = frequency === 0 ? Math.SQRT1_2 / 2 : 1 / 2;
  return scale * Math.cos(((2 * (i % BLOCK) + 1) * frequency * Math.PI) / 16);
});

/** Transforms, quantises and codes the 8x8 blocks of one component. */
class BlockEncoder {
  /** The next block's samples, in raster order, around zero. */
  readonly samples = new Float64Array(BLOCK_SAMPLES);
  readonly #rows = new Float64Array(BLOCK_SAMPLES);
  /** Quantised coefficients in zig-zag order. */
  readonly #levels = new Int32Array(BLOCK_SAMPLES);
  readonly #out: BitWriter;
  #previousDc = 0;

  constructor(out: BitWriter) {
    this.#out = out;
  }

  /** Forward DCT along the rows, then along the columns, quantisation, and coding. */
  writeBlock(): void {
    transformLines(this.samples, this.#rows);
    transformLines(this.#rows, this.samples);
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const position = ZIGZAG_8X8[i] ?? 0;
      this.#levels[i] = Math.round((this.samples[position] ?? 0) / (STEPS[position] ?? 1));
    }
    this.#writeDc();
    this.#writeAc();
  }

  #writeDc(): void {
    const dc = this.#levels[0] ?? 0;
    this.#writeValue(DC_CODE, 0, dc - this.#previousDc);
    this.#previousDc = dc;
  }

  #writeAc(): void {
    const last = this.#levels.findLastIndex((level) => level !== 0);
    let zeros = 0;
    for (let i = 1; i <= last; i++) {
      const level = this.#levels[i] ?? 0;
      if (level === 0) {
        zeros++;
        continue;
      }
      for (; zeros >= 16; zeros -= 16) this.#writeSymbol(AC_CODE, SIXTEEN_ZEROS);
      this.#writeValue(AC_CODE, zeros, level);
      zeros = 0;
    }
    if (last < BLOCK_SAMPLES - 1) this.#writeSymbol(AC_CODE, END_OF_BLOCK);
  }

  #writeSymbol(table: JpegHuffmanTable, symbol: number): void {
    this.#out.bits(entryAt(table.widths, symbol), entryAt(table.codes, symbol));
  }

  /** The category of a value, which is its number of bits, and the value within it: negative ones count up from 0 (F.1.2.1). */
  #writeValue(table: JpegHuffmanTable, zeros: number, value: number): void {
    const category = 32 - Math.clz32(Math.abs(value));
    this.#writeSymbol(table, (zeros << 4) | category);
    this.#out.bits(category, value < 0 ? value + (1 << category) - 1 : value);
  }
}

/** One-dimensional DCT of each row of `from`, stored as a column of `to`: after two calls, rows are rows again. */
function transformLines(from: Float64Array, to: Float64Array): void {
  for (let line = 0; line < BLOCK; line++) {
    for (let frequency = 0; frequency < BLOCK; frequency++) {
      let sum = 0;
      for (let i = 0; i < BLOCK; i++) sum += (from[line * BLOCK + i] ?? 0) * (COSINES[frequency * BLOCK + i] ?? 0);
      to[frequency * BLOCK + line] = sum;
    }
  }
}
