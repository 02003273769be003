import { promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type * as Sdk from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { ObjectContent, PutOptions } from './object-store.ts';
import type { S3Connection } from './s3-connection.ts';

/** Larger files are uploaded in parts of this size, or larger ones where there would be too many. */
const PART_BYTES = 8 << 20;
const MAX_PARTS = 10_000;
/** Parts in memory at a time, of all uploads of this process. */
const PARALLEL_PARTS = 8;
const parts = pLimit(PARALLEL_PARTS);

/** What every call of an upload names, and the condition of the call that creates the object. */
export interface UploadTarget {
  readonly params: { readonly Bucket: string; readonly Key: string };
  readonly condition: { readonly IfNoneMatch?: '*' };
}

type UploadOptions = Pick<PutOptions, 'signal' | 'onProgress'>;

/** Creates a whole object or nothing. Throws the SDK's error, and the file system's own. */
export async function upload(
  connection: S3Connection,
  target: UploadTarget,
  { source, bytes }: ObjectContent,
  options: UploadOptions,
): Promise<void> {
  if (typeof source !== 'string') return putWhole(connection, target, source, options);
  const file = await fs.open(source);
  try {
    if (bytes > PART_BYTES) await putParts(connection, target, { file, bytes }, options);
    else await putWhole(connection, target, await readPart(file, 0, bytes), options);
  } finally {
    await file.close();
  }
}

async function putWhole(
  { client, sdk }: S3Connection,
  { params, condition }: UploadTarget,
  Body: Uint8Array,
  { signal }: UploadOptions,
): Promise<void> {
  const put = new sdk.PutObjectCommand({ ...params, ...condition, Body });
  const { ETag } = await client.send(put, { ...(signal && { abortSignal: signal }) });
  if (ETag === undefined) throw new Error('the reply has no ETag'); // it is of something else, such as a proxy
}

/** The object appears when all parts have arrived; a failure or an interrupt removes them. */
async function putParts(
  { client, sdk }: S3Connection,
  { params, condition }: UploadTarget,
  { file, bytes }: { readonly file: FileHandle; readonly bytes: number },
  { signal, onProgress }: UploadOptions,
): Promise<void> {
  const failed = new AbortController();
  const abortSignal = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));
  const isChecked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
  const create = { ...params, ...(isChecked && { ChecksumAlgorithm: 'CRC32' as const }) }; // as the SDK does by default
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(create), { abortSignal });
  const place = { Bucket: params.Bucket, Key: params.Key, UploadId };
  let doneBytes = 0;
  const putPart = async (PartNumber: number): Promise<Sdk.CompletedPart> => {
    abortSignal.throwIfAborted();
    const start = (PartNumber - 1) * partBytes;
    const Body = await readPart(file, start, Math.min(partBytes, bytes - start));
    const part = new sdk.UploadPartCommand({ ...place, PartNumber, Body });
    const { ETag, ChecksumCRC32 } = await client.send(part, { abortSignal });
    doneBytes += Body.length;
    onProgress?.(doneBytes);
    return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) };
  };
  const numbers = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, at) => at + 1);
  const putting = numbers.map((number) =>
    parts(putPart, number).catch((error: unknown) => {
      failed.abort();
      throw error;
    }),
  );
  try {
    const MultipartUpload = { Parts: await Promise.all(putting) };
    const complete = new sdk.CompleteMultipartUploadCommand({ ...place, MultipartUpload, ...condition });
    await client.send(complete, { abortSignal });
  } catch (error) {
    await Promise.allSettled(putting); // a part that arrives later would stay
    await client.send(new sdk.AbortMultipartUploadCommand(place)).catch(() => {});
    throw error;
  }
}

async function readPart(file: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start);
  if (bytesRead < length) throw new Error('the downloaded file became shorter');
  return buffer;
}
