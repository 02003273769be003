/** Pseudo-random bytes that are the same in every run (mulberry32). */
export function createSeededRandom(seed = 1): (size: number) => Uint8Array {
  let state = seed;
  return (size) =>
    Uint8Array.from({ length: size }, () => {
      state = (state + 0x6d2b79f5) | 0;
      const mixed = Math.imul(state ^ (state >>> 15), state | 1);
      return ((mixed ^ (mixed >>> 14)) >>> 8) & 0xff;
    });
}
