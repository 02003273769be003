import type { JsonObject } from '../domain/json.ts';
import { errorReply } from './api-error.ts';
import type { KnownBatch } from './batch-store.ts';
import type { FileObject } from './file-store.ts';
import { describeJob, endsAtMs, type SimulatedJob, toSeconds, type Video } from './job.ts';
import { BATCH_ENDPOINT, type BatchRequest } from './stored-batch.ts';

export const WINDOW = '24h';
const WINDOW_MS = 24 * 3_600_000;
/** How long a batch is validated, finalized and cancelled. */
export const STEP_MS = 300;

export const BATCH_STATUSES = [
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
] as const;
type BatchStatus = (typeof BATCH_STATUSES)[number];

type KnownJobs = ReadonlyMap<string, SimulatedJob>;

/** A request of a batch with its state. */
interface Outcome {
  readonly request: BatchRequest;
  readonly video: Video | null;
  /** Why it has no video and will get none; null if it has one or may still get it. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly isOpen: boolean;
}

/** A batch at one moment, computed from the journals and the clock. */
export class BatchState {
  readonly status: BatchStatus;
  readonly #entry: KnownBatch;
  readonly #nowMs: number;
  readonly #outcomes: readonly Outcome[];
  /** When its last job ends; null if that is later than its window. */
  readonly #endMs: number | null;

  /** `jobs`: all known ones, by id. */
  constructor(entry: KnownBatch, jobs: KnownJobs, nowMs: number) {
    this.#entry = entry;
    this.#nowMs = nowMs;
    this.#outcomes = entry.batch.requests.map((request) => outcomeOf(request, entry, jobs, nowMs));
    this.#endMs = lastEndMs(entry, jobs);
    this.status = this.#currentStatus();
  }

  /** The ids of its jobs that have not ended. */
  get openJobs(): string[] {
    return this.#outcomes.flatMap(({ request, isOpen }) => (isOpen && request.jobId ? [request.jobId] : []));
  }

  /** In the form of the API's reply. */
  describe(): JsonObject & { readonly id: string } {
    const { batch, cancelled } = this.#entry;
    const { id, createdAtMs, inputFileId, metadata, errors, speed } = batch;
    const { status } = this;
    const isOver = status === 'completed' || status === 'expired' || status === 'cancelled';
    const succeeded = this.#outcomes.filter(isAnswered).length;
    const failed = this.#outcomes.filter((outcome) => !outcome.isOpen && !isAnswered(outcome)).length;
    const stepMs = STEP_MS / speed;
    const endMs = this.#endMs ?? createdAtMs + WINDOW_MS;
    const expiresAt = toSeconds(createdAtMs) + WINDOW_MS / 1000;
    const startedAt = toSeconds(createdAtMs + stepMs);
    const cancelledAt = toSeconds(cancelled?.atMs ?? 0);
    const when = (is: boolean, at: number): number | null => (is ? at : null);
    return {
      id,
      object: 'batch',
      endpoint: BATCH_ENDPOINT,
      model: null,
      errors: status === 'failed' ? { object: 'list', data: errors.map((error) => ({ ...error })) } : null,
      input_file_id: inputFileId,
      completion_window: WINDOW,
      status,
      output_file_id: isOver && succeeded > 0 ? resultFileId(id, 'output') : null,
      error_file_id: isOver && failed > 0 ? resultFileId(id, 'errors') : null,
      created_at: toSeconds(createdAtMs),
      in_progress_at: when(status !== 'validating' && status !== 'failed', startedAt),
      expires_at: expiresAt,
      finalizing_at: when(status === 'finalizing' || status === 'completed', toSeconds(endMs)),
      completed_at: when(status === 'completed', toSeconds(endMs + stepMs)),
      failed_at: when(status === 'failed', startedAt),
      expired_at: when(status === 'expired', expiresAt),
      cancelling_at: when(cancelled !== null, cancelledAt),
      cancelled_at: when(status === 'cancelled', cancelledAt),
      request_counts: { total: this.#outcomes.length, completed: succeeded, failed },
      metadata,
    };
  }

  /** One of its result files; undefined if it has none of this id. */
  resultFile(fileId: string): { readonly file: FileObject; readonly text: string } | undefined {
    const described = this.describe();
    const isOutput = fileId === described.output_file_id;
    if (!isOutput && fileId !== described.error_file_id) return undefined;
    const { id } = described;
    const text = this.#outcomes
      .filter((outcome) => isAnswered(outcome) === isOutput)
      .map((outcome, at) => `${JSON.stringify(resultOf(outcome, `${id}_${at}`))}\n`)
      .join('');
    const createdAt = Number(described.completed_at ?? described.expired_at ?? described.cancelled_at);
    const file: FileObject = {
      id: fileId,
      object: 'file',
      bytes: Buffer.byteLength(text),
      created_at: createdAt,
      expires_at: createdAt + WINDOW_MS / 1000,
      filename: `${id}_${isOutput ? 'output' : 'errors'}.jsonl`,
      purpose: 'batch_output',
      status: 'processed',
    };
    return { file, text };
  }

  #currentStatus(): BatchStatus {
    const { batch, cancelled } = this.#entry;
    const { createdAtMs, errors, speed } = batch;
    const nowMs = this.#nowMs;
    const endMs = this.#endMs;
    const stepMs = STEP_MS / speed;
    if (cancelled !== null) return nowMs < cancelled.atMs + stepMs ? 'cancelling' : 'cancelled';
    if (nowMs < createdAtMs + stepMs) return 'validating';
    if (errors.length > 0) return 'failed';
    if (endMs === null) return nowMs < createdAtMs + WINDOW_MS ? 'in_progress' : 'expired';
    if (nowMs < endMs) return 'in_progress';
    return nowMs < endMs + stepMs ? 'finalizing' : 'completed';
  }
}

/** The id of the batch that a result file belongs to. */
export function batchIdOf(fileId: string): string {
  return `batch_${/^file_([0-9a-f]+)_(?:output|errors)$/.exec(fileId)?.[1] ?? ''}`;
}

function resultFileId(batchId: string, kind: 'output' | 'errors'): string {
  return `file_${batchId.slice('batch_'.length)}_${kind}`;
}

function outcomeOf(request: BatchRequest, { batch, cancelled }: KnownBatch, jobs: KnownJobs, nowMs: number): Outcome {
  const job = request.jobId === null ? undefined : jobs.get(request.jobId);
  const closed = { request, video: null, error: null, isOpen: false };
  if (job === undefined) return closed;
  if (cancelled?.jobIds.has(job.id)) {
    const message = 'This request was not executed: the batch was cancelled.';
    return { ...closed, error: { code: 'batch_cancelled', message } };
  }
  const video = describeJob(job, nowMs);
  const isOpen = video.status === 'queued' || video.status === 'in_progress';
  if (isOpen && nowMs >= batch.createdAtMs + WINDOW_MS) {
    const message = 'This request could not be executed before the completion window expired.';
    return { ...closed, error: { code: 'batch_expired', message } };
  }
  return { request, video, error: null, isOpen };
}

function lastEndMs({ batch: { requests, createdAtMs } }: KnownBatch, jobs: KnownJobs): number | null {
  let lastMs = createdAtMs + STEP_MS;
  for (const { jobId } of requests) {
    const job = jobId === null ? undefined : jobs.get(jobId);
    const endMs = job === undefined ? lastMs : endsAtMs(job);
    if (endMs === null) return null;
    lastMs = Math.max(lastMs, endMs);
  }
  return lastMs > createdAtMs + WINDOW_MS ? null : lastMs;
}

/** Whether a create was answered with a video, finished or failed. */
function isAnswered({ video, isOpen }: Outcome): boolean {
  return video !== null && !isOpen;
}

/** A line of a result file. */
function resultOf({ request, video, error }: Outcome, id: string): JsonObject {
  const { customId, refusal } = request;
  const answer = (status: number, body: JsonObject): JsonObject => ({
    response: { status_code: status, request_id: `req_${id}`, body },
    error: null,
  });
  return {
    id: `batch_req_${id}`,
    custom_id: customId,
    ...(refusal !== null
      ? answer(refusal.status, JSON.parse(String(errorReply(refusal).body)))
      : video !== null
        ? answer(200, { ...video })
        : { response: null, error }),
  };
}
