export const OBJECT_SCHEME = 's3://';
/** With one slash it is a slip: the file system would take it for a folder. */
const SCHEME = /^[a-z][a-z0-9+.-]+:\/\/?/i;
const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/;
const MAX_KEY_BYTES = 1024;

/** Whether a path names an object in object storage: `s3://BUCKET/KEY`. */
export function isObjectAddress(path: string): boolean {
  return path.startsWith(OBJECT_SCHEME);
}

/** The key is empty for the bucket itself. */
export function splitAddress(address: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', key = ''] = /^([^/]*)\/?(.*)$/s.exec(address.slice(OBJECT_SCHEME.length)) ?? [];
  return { bucket, key };
}

/**
 * Why a typed path with a scheme cannot be saved to; null if it can, or has none. `reserveBytes` is the length of what is
 * appended to the key for an object beside it.
 */
export function addressFault(address: string, reserveBytes = 0): string | null {
  const scheme = SCHEME.exec(address)?.[0];
  if (scheme === undefined) return null;
  if (!isObjectAddress(address)) {
    return `results are saved to files or to \`s3://BUCKET/KEY\`, not to \`${scheme}\` addresses`;
  }
  const { bucket, key } = splitAddress(address);
  if (bucket === '') return 'it has no bucket: `s3://BUCKET/KEY`';
  if (!BUCKET_NAME.test(bucket)) {
    return `\`${bucket}\` is not the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens`;
  }
  const names = key.replace(/\/$/, '').split('/');
  if (key !== '' && names.some((name) => ['', '.', '..'].includes(name)))
    return 'a part of the key is empty, `.` or `..`';
  if (/\p{Cc}/u.test(key)) return 'the key contains a control character';
  const length = Buffer.byteLength(key) + reserveBytes;
  return length > MAX_KEY_BYTES ? `the key is too long (${length} of at most ${MAX_KEY_BYTES} bytes)` : null;
}
