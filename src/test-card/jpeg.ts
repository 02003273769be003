import { BitWriter } from './bit-writer.ts';
import { concat, latin1, u8, u16 } from './bytes.ts';
import { AC_CODE, DC_CODE, type JpegHuffmanTable, QUANTISATION, ZIGZAG_8X8 } from './jpeg-tables.ts';
import type { Raster } from './raster.ts';
import { entryAt } from './table.ts';

const MARKER = {
  start: 0xd8,
  end: 0xd9,
  jfif: 0xe0,
  quantisation: 0xdb,
  frame: 0xc0,
  huffman: 0xc4,
  scan: 0xda,
} as const;
const BLOCK = 8;
const BLOCK_SAMPLES = BLOCK * BLOCK;
/** AC symbols without a coefficient: end of block, and sixteen zeros (F.1.2.2). */
const END_OF_BLOCK = 0x00;
const SIXTEEN_ZEROS = 0xf0;

/** Table K.1 at quality 85, scaled as the IJG's encoder does. */
const STEPS = QUANTISATION.map((step) => Math.max(1, Math.floor((step * 30 + 50) / 100)));
/** Of Y, Cb and Cr; all use the tables with number 0. */
const COMPONENTS = [1, 2, 3];

/** The image as a baseline JFIF file (ITU-T T.81), without chroma subsampling. Sides of up to 65535 pixels. */
export function encodeJpeg(image: Raster): Uint8Array {
  return concat([
    marker(MARKER.start),
    segment(MARKER.jfif, latin1('JFIF\0'), u8(1, 1, 0), u16(1, 1), u8(0, 0)),
    ...declareTables(),
    declareFrame(image),
    declareScan(),
    stuffBytes(encodeScan(image)),
    marker(MARKER.end),
  ]);
}

function marker(code: number): Uint8Array {
  return u8(0xff, code);
}

function segment(code: number, ...contents: Uint8Array[]): Uint8Array {
  const body = concat(contents);
  return concat([marker(code), u16(2 + body.length), body]);
}

/** DQT and the two DHT segments (B.2.4.1, B.2.4.2). */
function declareTables(): Uint8Array[] {
  const DC_CLASS = 0x00;
  const AC_CLASS = 0x10;
  return [
    segment(MARKER.quantisation, u8(0, ...ZIGZAG_8X8.map((position) => entryAt(STEPS, position)))),
    segment(MARKER.huffman, u8(DC_CLASS, ...DC_CODE.lengthCounts, ...DC_CODE.symbols)),
    segment(MARKER.huffman, u8(AC_CLASS, ...AC_CODE.lengthCounts, ...AC_CODE.symbols)),
  ];
}

/** SOF0 (B.2.2): 8 bits a sample; Y, Cb and Cr, each at full resolution. */
function declareFrame({ width, height }: Raster): Uint8Array {
  const FULL_RESOLUTION = 0x11;
  const components = COMPONENTS.flatMap((number) => [number, FULL_RESOLUTION, 0]);
  return segment(MARKER.frame, u8(8), u16(height, width), u8(3, ...components));
}

/** SOS (B.2.3): all three components in one scan, all coefficients, no successive approximation. */
function declareScan(): Uint8Array {
  return segment(MARKER.scan, u8(3, ...COMPONENTS.flatMap((number) => [number, 0])), u8(0, 63, 0));
}

/** A byte FF in coded data is followed by 00, so that it is no marker (F.1.2.3). */
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
  const luminance = new BlockEncoder(out);
  const blueDifference = new BlockEncoder(out);
  const redDifference = new BlockEncoder(out);
  for (let y = 0; y < image.height; y += BLOCK) {
    for (let x = 0; x < image.width; x += BLOCK) {
      for (let i = 0; i < BLOCK_SAMPLES; i++) {
        const rgb = pixelAt(image, x + (i % BLOCK), y + Math.trunc(i / BLOCK));
        const red = (rgb >> 16) & 0xff;
        const green = (rgb >> 8) & 0xff;
        const blue = rgb & 0xff;
        // The full-range BT.601 matrix of JFIF; luma is shifted to be around zero like the differences.
        luminance.samples[i] = 0.299 * red + 0.587 * green + 0.114 * blue - 128;
        blueDifference.samples[i] = -0.168736 * red - 0.331264 * green + 0.5 * blue;
        redDifference.samples[i] = 0.5 * red - 0.418688 * green - 0.081312 * blue;
      }
      luminance.writeBlock();
      blueDifference.writeBlock();
      redDifference.writeBlock();
    }
  }
  out.align(1);
  return out.bytes();
}

/** Blocks that reach over the right or bottom edge repeat it. */
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

  writeBlock(): void {
    this.#transform();
    this.#writeDc();
    this.#writeAc();
  }

  /** Forward DCT along the rows, then along the columns, then quantisation. */
  #transform(): void {
    transformLines(this.samples, this.#rows);
    transformLines(this.#rows, this.samples);
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const position = ZIGZAG_8X8[i] ?? 0;
      this.#levels[i] = Math.round((this.samples[position] ?? 0) / (STEPS[position] ?? 1));
    }
  }

  #writeDc(): void {
    const dc = this.#levels[0] ?? 0;
    const difference = dc - this.#previousDc;
    this.#previousDc = dc;
    const category = magnitudeCategory(difference);
    this.#writeSymbol(DC_CODE, category);
    this.#writeMagnitude(difference, category);
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
      const category = magnitudeCategory(level);
      this.#writeSymbol(AC_CODE, (zeros << 4) | category);
      this.#writeMagnitude(level, category);
      zeros = 0;
    }
    if (last < BLOCK_SAMPLES - 1) this.#writeSymbol(AC_CODE, END_OF_BLOCK);
  }

  #writeSymbol(table: JpegHuffmanTable, symbol: number): void {
    this.#out.bits(entryAt(table.widths, symbol), entryAt(table.codes, symbol));
  }

  /** The value within its category: negative ones count up from 0 (F.1.2.1.1). */
  #writeMagnitude(value: number, category: number): void {
    this.#out.bits(category, value < 0 ? value + (1 << category) - 1 : value);
  }
}

/** Bits in the magnitude of a value (Table F.1). */
function magnitudeCategory(value: number): number {
  return 32 - Math.clz32(Math.abs(value));
}

/** One-dimensional DCT of each row of `from`, stored as a column of `to`: done twice, rows are rows again. */
function transformLines(from: Float64Array, to: Float64Array): void {
  for (let line = 0; line < BLOCK; line++) {
    for (let frequency = 0; frequency < BLOCK; frequency++) {
      let sum = 0;
      for (let i = 0; i < BLOCK; i++) sum += (from[line * BLOCK + i] ?? 0) * (COSINES[frequency * BLOCK + i] ?? 0);
      to[frequency * BLOCK + line] = sum;
    }
  }
}
