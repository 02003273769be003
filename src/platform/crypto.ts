import { dirname, join } from 'node:path';

/** node:crypto, loaded at the first use: it takes as long to load as all else that a short command needs of Node. */
export const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

const POOL_BYTES = 4096;

/** Cryptographically random bytes, drawn from a pool: each question to the system takes as long as a request does. */
export function pooledRandomBytes(): (sizeBytes: number) => Uint8Array {
  let pool = Buffer.of();
  return (sizeBytes) => {
    if (pool.length < sizeBytes) pool = crypto().randomBytes(Math.max(POOL_BYTES, sizeBytes));
    const bytes = pool.subarray(0, sizeBytes);
    pool = pool.subarray(sizeBytes);
    return bytes;
  };
}

/**
 * A name in the folder of `path` that nobody can guess, for a file that is renamed to `path` when it is whole. It is short,
 * for `path` may be as long as names can get.
 */
export function temporaryName(path: string): string {
  return join(dirname(path), `.sora-${crypto().randomBytes(8).toString('hex')}.tmp`);
}
