import { dirname, join } from 'node:path';

/** node:crypto, loaded on first use: it takes as long to load as all other Node modules of a short command. */
export const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

const POOL_BYTES = 4096;

/** Cryptographically random bytes from a pool: each call to the system takes as long as a request. */
export function pooledRandomBytes(): (sizeBytes: number) => Uint8Array {
  let pool = Buffer.of();
  return (sizeBytes) => {
    if (pool.length < sizeBytes) pool = crypto().randomBytes(Math.max(POOL_BYTES, sizeBytes));
    const bytes = pool.subarray(0, sizeBytes);
    pool = pool.subarray(sizeBytes);
    return bytes;
  };
}

const randomBytes = pooledRandomBytes();

/** Sixteen random hexadecimal digits, for names that cannot be guessed. */
export function randomHex(): string {
  return Buffer.from(randomBytes(8)).toString('hex');
}

/**
 * An unguessable name in the folder of `path`, for a file that is renamed to `path` when complete. It is short, because
 * `path` may already have the maximum length.
 */
export function temporaryName(path: string): string {
  return join(dirname(path), `.sora-${randomHex()}.tmp`);
}

/** Whether a file has such a name. */
export function isTemporaryName(name: string): boolean {
  return /^\.sora-[\da-f]{16}\.tmp$/.test(name);
}
