/** Variable-length code tables of CAVLC, laid out as ITU-T H.264 prints them. */
import { entryAt } from './table.ts';

/** One code word: `width` bits of `value`. */
export interface CodeWord {
  readonly width: number;
  readonly value: number;
}

/** Table 9-5: coeff_token, by TotalCoeff, TrailingOnes and the range of nC (8 <= nC is computed, see below). */
const COEFF_TOKEN_ROWS = `
 total ones 0<=nC<2           2<=nC<4         4<=nC<8     nC=-1
   0  0   1                 11              1111        01
   1  0   000101            001011          001111      000111
   1  1   01                10              1110        1
   2  0   00000111          000111          001011      000100
   2  1   000100            00111           01111       000110
   2  2   001               011             1101        001
   3  0   000000111         0000111         001000      000011
   3  1   00000110          001010          01100       0000011
   3  2   0000101           001001          01110       0000010
   3  3   00011             0101            1100        000101
   4  0   0000000111        00000111        0001111     000010
   4  1   000000110         000110          01010       00000011
   4  2   00000101          000101          01011       00000010
   4  3   000011            0100            1011        0000000
   5  0   00000000111       00000100        0001011     -
   5  1   0000000110        0000110         01000       -
   5  2   000000101         0000101         01001       -
   5  3   0000100           00110           1010        -
   6  0   0000000001111     000000111       0001001     -
   6  1   00000000110       00000110        001110      -
   6  2   0000000101        00000101        001101      -
   6  3   00000100          001000          1001        -
   7  0   0000000001011     00000001111     0001000     -
   7  1   0000000001110     000000110       001010      -
   7  2   00000000101       000000101       001001      -
   7  3   000000100         000100          1000        -
   8  0   0000000001000     00000001011     00001111    -
   8  1   0000000001010     00000001110     0001110     -
   8  2   0000000001101     00000001101     0001101     -
   8  3   0000000100        0000100         01101       -
   9  0   00000000001111    000000001111    00001011    -
   9  1   00000000001110    00000001010     00001110    -
   9  2   0000000001001     00000001001     0001010     -
   9  3   00000000100       000000100       001100      -
  10  0   00000000001011    000000001011    000001111   -
  10  1   00000000001010    000000001110    00001010    -
  10  2   00000000001101    000000001101    00001101    -
  10  3   0000000001100     00000001100     0001100     -
  11  0   000000000001111   000000001000    000001011   -
  11  1   000000000001110   000000001010    000001110   -
  11  2   00000000001001    000000001001    00001001    -
  11  3   00000000001100    00000001000     00001100    -
  12  0   000000000001011   0000000001111   000001000   -
  12  1   000000000001010   0000000001110   000001010   -
  12  2   000000000001101   0000000001101   000001101   -
  12  3   00000000001000    000000001100    00001000    -
  13  0   0000000000001111  0000000001011   0000001101  -
  13  1   000000000000001   0000000001010   000000111   -
  13  2   000000000001001   0000000001001   000001001   -
  13  3   000000000001100   0000000001100   000001100   -
  14  0   0000000000001011  0000000000111   0000001001  -
  14  1   0000000000001110  00000000001011  0000001100  -
  14  2   0000000000001101  0000000000110   0000001011  -
  14  3   000000000001000   0000000001000   0000001010  -
  15  0   0000000000000111  00000000001001  0000000101  -
  15  1   0000000000001010  00000000001000  0000001000  -
  15  2   0000000000001001  00000000001010  0000000111  -
  15  3   0000000000001100  0000000000001   0000000110  -
  16  0   0000000000000100  00000000000111  0000000001  -
  16  1   0000000000000110  00000000000110  0000000100  -
  16  2   0000000000000101  00000000000101  0000000011  -
  16  3   0000000000001000  00000000000100  0000000010  -
`;

/** Tables 9-7 and 9-8: total_zeros of a 4x4 block; one row for each TotalCoeff from 1, one code for each count of zeros. */
const TOTAL_ZEROS_ROWS = [
  '1 011 010 0011 0010 00011 00010 000011 000010 0000011 0000010 00000011 00000010 000000011 000000010 000000001',
  '111 110 101 100 011 0101 0100 0011 0010 00011 00010 000011 000010 000001 000000',
  '0101 111 110 101 0100 0011 100 011 0010 00011 00010 000001 00001 000000',
  '00011 111 0101 0100 110 101 100 0011 011 0010 00010 00001 00000',
  '0101 0100 0011 111 110 101 100 011 0010 00001 0001 00000',
  '000001 00001 111 110 101 100 011 010 0001 001 000000',
  '000001 00001 101 100 011 11 010 0001 001 000000',
  '000001 0001 00001 011 11 10 010 001 000000',
  '000001 000000 0001 11 10 001 01 00001',
  '00001 00000 001 11 10 01 0001',
  '0000 0001 001 010 1 011',
  '0000 0001 01 1 001',
  '000 001 1 01',
  '00 01 1',
  '0 1',
];

/** Table 9-9 (a): total_zeros of the 2x2 chroma DC block, rows and codes as above. */
const CHROMA_DC_TOTAL_ZEROS_ROWS = ['1 01 001 000', '1 01 00', '1 0'];

/** Table 9-10: run_before; one row for each zerosLeft from 1 (the last is for more than 6), one code for each run. */
const RUN_BEFORE_ROWS = [
  '1 0',
  '1 01 00',
  '11 10 01 00',
  '11 10 01 001 000',
  '11 10 011 010 001 000',
  '11 000 001 011 010 101 100',
  '111 110 101 100 011 010 001 0001 00001 000001 0000001 00000001 000000001 0000000001 00000000001',
];

/** The nC of a chroma DC block, which has no context from its neighbours. */
export const CHROMA_DC_CONTEXT = -1;

const MAX_TOTAL = 16;
const MAX_TRAILING_ONES = 3;

function parseCode(bits: string): CodeWord {
  return { width: bits.length, value: Number.parseInt(bits, 2) };
}

function parseRow(row: string): CodeWord[] {
  return row.split(' ').map(parseCode);
}

function tokenIndex(total: number, trailingOnes: number): number {
  return total * (MAX_TRAILING_ONES + 1) + trailingOnes;
}

/** One column of Table 9-5; a dash marks what a block of that kind cannot contain. */
function parseTokenColumn(column: number): CodeWord[] {
  const codes: CodeWord[] = [];
  for (const line of COEFF_TOKEN_ROWS.trim().split('\n').slice(1)) {
    const [total, trailingOnes, ...words] = line.trim().split(/ +/);
    const bits = entryAt(words, column);
    if (bits !== '-') codes[tokenIndex(Number(total), Number(trailingOnes))] = parseCode(bits);
  }
  return codes;
}

/** The column 8 <= nC of Table 9-5: four bits of TotalCoeff - 1 and two of TrailingOnes, but 000011 for an empty block. */
function fixedLengthTokens(): CodeWord[] {
  const codes: CodeWord[] = [];
  codes[tokenIndex(0, 0)] = parseCode('000011');
  for (let total = 1; total <= MAX_TOTAL; total++) {
    for (let ones = 0; ones <= Math.min(total, MAX_TRAILING_ONES); ones++) {
      codes[tokenIndex(total, ones)] = { width: 6, value: ((total - 1) << 2) | ones };
    }
  }
  return codes;
}

const TOKENS_BELOW_2 = parseTokenColumn(0);
const TOKENS_BELOW_4 = parseTokenColumn(1);
const TOKENS_BELOW_8 = parseTokenColumn(2);
const TOKENS_FROM_8 = fixedLengthTokens();
const TOKENS_CHROMA_DC = parseTokenColumn(3);
const TOTAL_ZEROS = TOTAL_ZEROS_ROWS.map(parseRow);
const CHROMA_DC_TOTAL_ZEROS = CHROMA_DC_TOTAL_ZEROS_ROWS.map(parseRow);
const RUN_BEFORE = RUN_BEFORE_ROWS.map(parseRow);

function tokensFor(nC: number): CodeWord[] {
  if (nC === CHROMA_DC_CONTEXT) return TOKENS_CHROMA_DC;
  if (nC < 2) return TOKENS_BELOW_2;
  if (nC < 4) return TOKENS_BELOW_4;
  return nC < 8 ? TOKENS_BELOW_8 : TOKENS_FROM_8;
}

/** coeff_token of a block with `total` non-zero levels, the last `trailingOnes` of which are +1 or -1. */
export function coeffTokenCode(nC: number, total: number, trailingOnes: number): CodeWord {
  return entryAt(tokensFor(nC), tokenIndex(total, trailingOnes));
}

/** total_zeros: the zeros before the last of `total` non-zero levels. */
export function totalZerosCode(nC: number, total: number, zeros: number): CodeWord {
  const tables = nC === CHROMA_DC_CONTEXT ? CHROMA_DC_TOTAL_ZEROS : TOTAL_ZEROS;
  return entryAt(entryAt(tables, total - 1), zeros);
}

/** run_before: the zeros just before a level, with `zerosLeft` (at least 1) still to be placed. */
export function runBeforeCode(zerosLeft: number, run: number): CodeWord {
  return entryAt(entryAt(RUN_BEFORE, Math.min(zerosLeft, RUN_BEFORE.length) - 1), run);
}
