import { messageOf, SoraError } from '../domain/errors.ts';
import type { Estimate } from '../domain/pricing.ts';
import type { RecordedRequest } from '../domain/record.ts';
import { pricedFrom, type SourceFacts } from '../domain/request.ts';
import type { Derivation, Variant, VideoRequest } from '../domain/video.ts';
import type { FileDestination } from '../jobs/destination.ts';
import { describeImage, recordRequest } from '../jobs/fingerprint.ts';
import { readReferenceImage, readSourceFile } from '../jobs/input-media.ts';
import type { RowRef } from '../jobs/submit-order.ts';
import type { RowFile } from './row-inputs.ts';

/** One video of a manifest, ready to be submitted. */
export interface BatchRow {
  readonly line: number;
  readonly id: string | null;
  readonly ref: RowRef;
  /** The requested length, if a different one will be rendered. */
  readonly askedSeconds: number | null;
  /** Without the bytes of `file`, which would fill the memory, and without the id of another row's video. */
  readonly request: VideoRequest;
  /** The row whose video it starts from; null for none. */
  readonly from: RowSource | null;
  /** Its first frame, or the video that it starts from. */
  readonly file: RowFile | null;
  /** What is known in advance about a video from an existing one; null for any other. */
  readonly facts: SourceFacts | null;
  readonly estimate: Estimate | null;
  readonly destination: FileDestination;
  readonly variants: readonly [Variant, ...Variant[]];
  /** What its manifest asked for, if a run has rows of several manifests. */
  readonly own?: {
    readonly maxCostMicros: number | null;
    readonly force: boolean;
    readonly sidecar: boolean;
    /** The order of the REST service that it is; left out for a row of a manifest. */
    readonly order?: string;
  };
}

export interface RowSource {
  readonly operation: Derivation;
  readonly row: Pick<BatchRow, 'id' | 'ref'>;
}

/** The video to expect, for its price and file name: a source determines its model, size and mostly its length. */
export function expectedVideo({ request, from, facts }: Pick<BatchRow, 'request' | 'from' | 'facts'>): VideoRequest {
  return facts === null ? request : { ...request, ...pricedFrom(request, facts, from?.operation) };
}

/** The request as the ledger records it, with references to the file or row that it starts from. */
export function recordedOf({ request, file, from }: Pick<BatchRow, 'request' | 'file' | 'from'>): RecordedRequest {
  const recorded = recordRequest(request);
  if (from !== null) {
    return { ...recorded, source: { operation: from.operation, video: `row:${from.row.ref.key}` } };
  }
  if (file === null) return recorded;
  const { source } = request;
  return source === undefined
    ? { ...recorded, image: file.digest }
    : { ...recorded, source: { operation: source.operation, video: file.digest } };
}

/**
 * The request with the id of the video that it starts from, if that is another row's, or with the bytes of its file.
 * Throws `invalid_request` if the file has changed.
 */
export function completeRequest({ request, file, from, line }: BatchRow, sourceId: string | null): VideoRequest {
  if (from !== null && sourceId !== null) {
    return { ...request, source: { operation: from.operation, video: { kind: 'id', id: sourceId } } };
  }
  if (file === null) return request;
  try {
    const complete = withFile(request, file.path);
    if (complete !== null && describeImage(complete.file) === file.digest) return complete.request;
  } catch (error) {
    throw new SoraError('invalid_request', { causedBy: messageOf(error) });
  }
  throw new SoraError('invalid_request', {
    title: `the file of line ${line} has changed since the batch began: ${file.path}`,
  });
}

function withFile(request: VideoRequest, path: string) {
  const { source } = request;
  if (source === undefined || source.operation === 'remix' || source.operation === 'batch') {
    const { reference } = readReferenceImage(path, '/');
    return { file: reference, request: { ...request, image: reference } };
  }
  const { video } = readSourceFile(path, '/');
  return { file: video, request: { ...request, source: { ...source, video } } };
}
