import { isJsonObject } from '../domain/json.ts';
import type { ReferenceSource, RequestSource, StoredVideo, VideoFile, VideoRequest } from '../domain/video.ts';
import { describeImage } from '../jobs/fingerprint.ts';
import { type BatchRow, completeRequest } from './batch-row.ts';

/** A row as it is stored while it waits for a worker. Its files are stored separately: `bytes` holds their digests. */
export interface RowPayload {
  readonly version: 2;
  readonly row: Omit<BatchRow, 'file'>;
}

/** Stores files once each, by their digests. */
export type StoreFile = (digest: string, read: () => Uint8Array) => Promise<void>;

/** Prepares the rows of a manifest for the queue, with the files of this machine that they need. */
export class RowEncoder {
  readonly #store: StoreFile;
  readonly #stored = new Set<string>();
  /** References of several rows share their bytes. */
  readonly #digests = new WeakMap<Uint8Array, string>();

  constructor(store: StoreFile) {
    this.#store = store;
  }

  /** Throws `invalid_request` for a file that has changed, and what `store` throws. */
  async encode(
    { file, from, ...rest }: BatchRow,
    own: NonNullable<BatchRow['own']>,
  ): Promise<{ readonly payload: RowPayload; readonly files: readonly string[] }> {
    const files = new Set<string>();
    const request = await withBytes(rest.request, async (each) => {
      const isOfRow = each.bytes.length === 0 && file !== null; // read only now
      const digest = isOfRow ? file.digest : this.#digestOf(each);
      files.add(digest);
      await this.#storeOnce(digest, () => (isOfRow ? fileOf({ ...rest, file, from }) : each).bytes);
      return digest;
    });
    const source = from && { operation: from.operation, row: { id: from.row.id, ref: from.row.ref } };
    return { payload: { version: 2, row: { ...rest, request, own, from: source } }, files: [...files] };
  }

  async #storeOnce(digest: string, read: () => Uint8Array): Promise<void> {
    if (this.#stored.has(digest)) return;
    await this.#store(digest, read);
    this.#stored.add(digest);
  }

  #digestOf(file: VideoFile): string {
    const digest = this.#digests.get(file.bytes) ?? describeImage(file);
    this.#digests.set(file.bytes, digest);
    return digest;
  }
}

function fileOf(row: BatchRow): VideoFile {
  const { source, image } = completeRequest(row, null);
  const file = source?.video ?? image;
  if (file?.kind === 'file') return file;
  throw new TypeError('a row with a file has its bytes in its request');
}

/** Undefined for what another version of `sora` has stored. */
export function decodeRow(payload: unknown): BatchRow | undefined {
  if (!isJsonObject(payload) || payload.version !== 2) return undefined;
  const { row } = payload as unknown as RowPayload;
  return { ...row, file: null };
}

/** The request of a decoded row, with the bytes of its files. Throws what `read` throws. */
export function readFiles({ request }: BatchRow, read: (digest: string) => Promise<Uint8Array>): Promise<VideoRequest> {
  return withBytes(request, ({ bytes }) => read(String(bytes)));
}

/** The request with other bytes, or what stands for them, in each of its files. */
async function withBytes(
  request: VideoRequest,
  bytesOf: (file: VideoFile) => Promise<Uint8Array | string>,
): Promise<VideoRequest> {
  const changed = async <T extends ReferenceSource | StoredVideo>(media: T): Promise<T> =>
    media.kind === 'file' ? { ...media, bytes: await bytesOf(media) } : media;
  const { image, references, source } = request;
  const guides = references?.map(async (each) => ({ ...each, source: await changed(each.source) }));
  return {
    ...request,
    image: image && (await changed(image)),
    ...(guides && { references: await Promise.all(guides) }),
    ...(source && { source: { ...source, video: await changed(source.video) } as RequestSource }),
  };
}
