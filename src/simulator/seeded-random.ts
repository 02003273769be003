import { createHash } from 'node:crypto';

/** A repeatable source of numbers from 0 up to 1. */
export function hashedRandom(seed: string): () => number {
  let draws = 0;
  return () => createHash('sha256').update(`${draws++}:${seed}`).digest().readUInt32BE() / 2 ** 32;
}
