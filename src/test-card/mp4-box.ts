/** Boxes of the ISO base media file format (ISO/IEC 14496-12, 4.2). */
import { concat, latin1, u32 } from './bytes.ts';

/** Box: size, type, contents. */
export function box(type: string, ...contents: Uint8Array[]): Uint8Array {
  const body = concat(contents);
  return concat([u32(8 + body.length), latin1(type), body]);
}

/** FullBox: a box whose contents start with a version, always 0 here, and 24 bits of flags. */
export function fullBox(type: string, flags: number, ...contents: Uint8Array[]): Uint8Array {
  return box(type, u32(flags), ...contents);
}
