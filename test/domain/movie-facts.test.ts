import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMovieFacts } from '../../src/domain/movie-facts.ts';

function box(type: string, ...contents: readonly (Buffer | number)[]): Buffer {
  const body = Buffer.concat(contents.map((part) => (typeof part === 'number' ? Buffer.alloc(part) : part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

const track = (width: number, height: number): Buffer =>
  box('trak', box('tkhd', 76, u32(width * 65_536, height * 65_536)));
const movieHeader = box('mvhd', 12, u32(600, 4_500), 80);
/** Version 1, with 64-bit times. */
const longHeader = box('mvhd', u32(0x0100_0000), 16, u32(1_000, 0, 12_000), 80);

describe('readMovieFacts', () => {
  it('reads the length and the size of the largest track, wherever the index is', () => {
    const index = box('moov', movieHeader, track(0, 0), track(1280, 720));
    const facts = { seconds: 7.5, size: '1280x720' };
    expect(readMovieFacts(Buffer.concat([box('ftyp', 16), index, box('mdat', 100)]))).toEqual(facts);
    expect(readMovieFacts(Buffer.concat([box('ftyp', 16), box('mdat', 100), index]))).toEqual(facts);
    expect(readMovieFacts(box('moov', longHeader, track(720, 1280)))).toEqual({ seconds: 12, size: '720x1280' });
  });

  it('returns unknown for facts that the file does not state', () => {
    const unknown = { seconds: null, size: null };
    for (const bytes of [Buffer.alloc(0), Buffer.from('GIF89a'), box('ftyp', 16), box('moov', box('mvhd', 4))]) {
      expect(readMovieFacts(bytes)).toEqual(unknown);
    }
  });

  it('never throws, whatever the bytes', () => {
    const index = box('moov', movieHeader, track(1280, 720));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: index.length }), fc.nat(index.length), (noise, at) => {
        const spoilt = Buffer.concat([index.subarray(0, at), noise]);
        expect(() => readMovieFacts(spoilt)).not.toThrow();
      }),
      { numRuns: 300 },
    );
    const nested = Array.from({ length: 2_000 }).reduce<Buffer>((inner) => box('moov', inner), Buffer.alloc(0));
    expect(readMovieFacts(nested)).toEqual({ seconds: null, size: null });
  });
});
