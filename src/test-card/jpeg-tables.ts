/** Tables of baseline JPEG, as ITU-T T.81 prints them. Those for luminance serve all components. */
import { canonicalCodes } from './huffman.ts';

function parseNumbers(text: string): number[] {
  return text.trim().split(/\s+/).map(Number);
}

/** Zig-zag order of an 8x8 block (Figure A.6): raster position of each scan index. */
export const ZIGZAG_8X8: readonly number[] = parseNumbers(`
    0   1   8  16   9   2   3  10
   17  24  32  25  18  11   4   5
   12  19  26  33  40  48  41  34
   27  20  13   6   7  14  21  28
   35  42  49  56  57  50  43  36
   29  22  15  23  30  37  44  51
   58  59  52  45  38  31  39  46
   53  60  61  54  47  55  62  63
`);

/** Table K.1: luminance quantisation at quality 50, in raster order. */
export const QUANTISATION: readonly number[] = parseNumbers(`
   16  11  10  16  24  40  51  61
   12  12  14  19  26  58  60  55
   14  13  16  24  40  57  69  56
   14  17  22  29  51  87  80  62
   18  22  37  56  68 109 103  77
   24  35  55  64  81 104 113  92
   49  64  78  87 103 121 120 101
   72  92  95  98 112 100 103  99
`);

/** A Huffman code: how it is declared, and the code word of each symbol. */
export interface JpegHuffmanTable {
  /** Number of codes of each length, 1 to 16 (BITS). */
  readonly lengthCounts: readonly number[];
  /** The symbols in order of their codes (HUFFVAL). */
  readonly symbols: readonly number[];
  /** By symbol. */
  readonly codes: readonly number[];
  readonly widths: readonly number[];
}

/** Lines of a code length and the symbols that have it, in hexadecimal. Codes follow the order of the symbols (Annex C). */
function parseHuffmanTable(text: string): JpegHuffmanTable {
  const lengthCounts = Array.from({ length: 16 }, () => 0);
  const symbols: number[] = [];
  const lengths: number[] = [];
  for (const line of text.trim().split('\n')) {
    const [length, ...fields] = line.trim().split(/\s+/);
    const width = Number(length);
    lengthCounts[width - 1] = (lengthCounts[width - 1] ?? 0) + fields.length;
    symbols.push(...fields.map((field) => Number.parseInt(field, 16)));
    lengths.push(...fields.map(() => width));
  }
  const [codes, widths]: [number[], number[]] = [[], []];
  for (const [at, code] of canonicalCodes(lengths).entries()) {
    codes[symbols[at] ?? 0] = code;
    widths[symbols[at] ?? 0] = lengths[at] ?? 0;
  }
  return { lengthCounts, symbols, codes, widths };
}

/** Table K.3: luminance DC differences, by magnitude category. */
export const DC_CODE: JpegHuffmanTable = parseHuffmanTable(`
   2  00
   3  01 02 03 04 05
   4  06
   5  07
   6  08
   7  09
   8  0a
   9  0b
`);

/** Table K.5: luminance AC coefficients, by run of zeros (first digit) and magnitude category (second digit). */
export const AC_CODE: JpegHuffmanTable = parseHuffmanTable(`
   2  01 02
   3  03
   4  00 04 11
   5  05 12 21
   6  31 41
   7  06 13 51 61
   8  07 22 71
   9  14 32 81 91 a1
  10  08 23 42 b1 c1
  11  15 52 d1 f0
  12  24 33 62 72
  15  82
  16  09 0a 16 17 18 19 1a 25 26 27 28 29 2a 34 35 36 37 38 39 3a 43 44 45 46 47
  16  48 49 4a 53 54 55 56 57 58 59 5a 63 64 65 66 67 68 69 6a 73 74 75 76 77 78
  16  79 7a 83 84 85 86 87 88 89 8a 92 93 94 95 96 97 98 99 9a a2 a3 a4 a5 a6 a7
  16  a8 a9 aa b2 b3 b4 b5 b6 b7 b8 b9 ba c2 c3 c4 c5 c6 c7 c8 c9 ca d2 d3 d4 d5
  16  d6 d7 d8 d9 da e1 e2 e3 e4 e5 e6 e7 e8 e9 ea f1 f2 f3 f4 f5 f6 f7 f8 f9 fa
`);
