import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { jsonReply, type ServerCall, type ServerReply, textReply } from '../http-server/handler.ts';
import { ApiError, errorReply, invalidField, unsupportedValue } from './api-error.ts';
import type { KnownBatch } from './batch-store.ts';
import { ConnectionDropped } from './connection-dropped.ts';
import { readText } from './create-request.ts';
import { type FaultName, findJobFault } from './faults.ts';
import type { FileObject } from './file-store.ts';
import { describeJob, endsAtMs, type SimulatedJob, type Video } from './job.ts';
import type { JobQuery } from './job-store.ts';
import { readRequestBody } from './request-body.ts';
import type { BatchRouteName } from './routes.ts';
import type { SimulatorOptions } from './simulator-options.ts';
import { BATCH_ENDPOINT, type BatchRequest, readBatchFile, type StoredBatch } from './stored-batch.ts';
import { parseListQuery, readIdempotencyKey, refuseCallback, type Stores } from './videos-api.ts';

const PURPOSES = ['batch', 'user_data', 'vision'] as const;
const WINDOW = '24h';
const DAY_MS = 24 * 3_600_000;
const DAY_SECONDS = 86_400;
/** How long a batch is validated, finalized and cancelled. */
const STEP_MS = 300;
const POLL_AFTER_MS = 500;
const MAX_METADATA_PAIRS = 16;

type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

type Route = (call: ServerCall, id: string, fault: FaultName | null) => Promise<ServerReply> | ServerReply;

/** A request of a batch with its state. */
interface Outcome {
  readonly request: BatchRequest;
  readonly video: Video | null;
  /** Why it has no video and will get none; null if it has one or may still get it. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly isOpen: boolean;
}

/**
 * Uploaded files, and batches of creates. All jobs of a batch are made when it is created, and like theirs, its state is computed
 * from the journal and the clock.
 */
export class BatchesApi implements Record<BatchRouteName, Route> {
  readonly #options: SimulatorOptions;
  readonly #stores: Stores;

  constructor(options: SimulatorOptions, stores: Stores) {
    this.#options = options;
    this.#stores = stores;
  }

  async uploadFile(call: ServerCall): Promise<ServerReply> {
    const body = readRequestBody(call);
    const purpose = readText(body, 'purpose');
    if (purpose === undefined) throw missing('purpose');
    if (!PURPOSES.some((known) => known === purpose)) throw unsupportedValue('purpose', purpose, PURPOSES);
    const upload = body.files.get('file');
    if (upload === undefined) throw missing('file');
    const createdAt = this.#nowSeconds();
    const file: FileObject = {
      id: `file_${this.#randomHex()}`,
      object: 'file',
      bytes: upload.bytes.length,
      created_at: createdAt,
      expires_at: purpose === 'batch' ? createdAt + 30 * DAY_SECONDS : null,
      filename: upload.filename ?? 'file',
      purpose,
      status: 'processed',
    };
    await this.#stores.files.add(file, upload.bytes);
    return jsonReply(file);
  }

  listFiles(call: ServerCall): ServerReply {
    const purpose = call.url.searchParams.get('purpose');
    const files = this.#stores.files.all().filter((file) => purpose === null || file.purpose === purpose);
    return pageReply(files, parseListQuery(call.url.searchParams, 10_000), fileNotFound);
  }

  file(_call: ServerCall, id: string): ServerReply {
    return jsonReply(this.#fileOf(id).file);
  }

  async removeFile(_call: ServerCall, id: string): Promise<ServerReply> {
    const file = this.#stores.files.find(id);
    if (file === undefined) throw fileNotFound(id);
    await this.#stores.files.remove(file);
    return jsonReply({ id, object: 'file', deleted: true });
  }

  fileContent(_call: ServerCall, id: string): ServerReply {
    const { read } = this.#fileOf(id);
    return textReply(200, 'application/octet-stream', read());
  }

  async createBatch(call: ServerCall, _id: string, fault: FaultName | null): Promise<ServerReply> {
    if (fault === 'reset-before-accept') throw new ConnectionDropped();
    const { clock, speed = 1 } = this.#options;
    const idempotencyKey = readIdempotencyKey(call);
    const known = this.#stores.batches.findByIdempotencyKey(idempotencyKey);
    if (known !== undefined) return this.#reply(known);
    const { inputFileId, metadata } = readBatchRequest(call);
    const input = this.#stores.files.find(inputFileId);
    if (input === undefined || input.purpose !== 'batch') throw fileNotFound(inputFileId);
    const { lines, errors } = readBatchFile(this.#stores.files.read(input).toString('utf8'));
    const id = `batch_${this.#randomHex()}`;
    const createdAtMs = clock.now();
    const jobs: SimulatedJob[] = [];
    const requests = (errors.length > 0 ? [] : lines).map(({ customId, wanted }): BatchRequest => {
      if (wanted instanceof ApiError) {
        const { status, message, code, param } = wanted.details;
        const refusal = { status, message, ...(code && { code }), ...(param && { param }) };
        return { customId, jobId: null, refusal };
      }
      const job: SimulatedJob = {
        id: `video_${this.#randomHex()}`,
        createdAtMs: createdAtMs + STEP_MS / speed,
        ...wanted,
        speed,
        fault: findJobFault(fault)?.name ?? null,
        remixedFrom: null,
        idempotencyKey: null,
        fingerprint: `${id} ${customId}`,
        keptSeconds: DAY_SECONDS,
      };
      jobs.push(job);
      return { customId, jobId: job.id, refusal: null };
    });
    for (const job of jobs) refuseCallback(job, this.#options);
    await this.#stores.jobs.addAll(jobs);
    const batch = { id, createdAtMs, inputFileId, metadata, requests, errors, speed, idempotencyKey };
    const entry = await this.#stores.batches.add(batch);
    for (const job of entry.batch.id === id ? jobs : []) this.#options.onCreate?.(job.id);
    if (fault === 'create-dropped-after-accept') throw new ConnectionDropped();
    return this.#reply(entry);
  }

  listBatches(call: ServerCall): ServerReply {
    const batches = this.#stores.batches.all().map((entry) => this.#describe(entry));
    return pageReply(batches, parseListQuery(call.url.searchParams), batchNotFound);
  }

  batch(_call: ServerCall, id: string, fault: FaultName | null): ServerReply {
    if (fault === 'poll-drop') throw new ConnectionDropped();
    return this.#reply(this.#find(id));
  }

  /** Videos that are finished stay; the others are removed. */
  async cancelBatch(_call: ServerCall, id: string): Promise<ServerReply> {
    const entry = this.#find(id);
    const status = this.#statusOf(entry);
    if (status !== 'validating' && status !== 'in_progress' && status !== 'finalizing' && entry.cancelled === null) {
      const message = `Cannot cancel a batch with status '${status}'.`;
      throw new ApiError({ status: 409, code: 'invalid_batch_status', message });
    }
    const open = this.#outcomesOf(entry).flatMap(({ request, isOpen }) =>
      isOpen && request.jobId ? [request.jobId] : [],
    );
    await this.#stores.batches.cancel(id, this.#options.clock.now(), open);
    for (const jobId of open) await this.#stores.jobs.remove(jobId);
    return this.#reply(this.#find(id));
  }

  #find(id: string): KnownBatch {
    const entry = this.#stores.batches.find(id);
    if (entry === undefined) throw batchNotFound(id);
    return entry;
  }

  #reply(entry: KnownBatch): ServerReply {
    const { speed } = entry.batch;
    return jsonReply(this.#describe(entry), { 'openai-poll-after-ms': String(Math.max(1, POLL_AFTER_MS / speed)) });
  }

  #outcomesOf({ batch, cancelled }: KnownBatch): Outcome[] {
    const { jobs } = this.#stores;
    const nowMs = this.#options.clock.now();
    const isExpired = nowMs >= batch.createdAtMs + DAY_MS;
    jobs.refresh();
    return batch.requests.map((request) => {
      const job = request.jobId === null ? undefined : jobs.recall(request.jobId);
      if (job === undefined) return { request, video: null, error: null, isOpen: false };
      if (cancelled?.jobIds.has(job.id)) {
        const error = { code: 'batch_cancelled', message: 'This request was not executed: the batch was cancelled.' };
        return { request, video: null, error, isOpen: false };
      }
      const video = describeJob(job, nowMs);
      const isOpen = video.status === 'queued' || video.status === 'in_progress';
      if (isOpen && isExpired) {
        const message = 'This request could not be executed before the completion window expired.';
        return { request, video: null, error: { code: 'batch_expired', message }, isOpen: false };
      }
      return { request, video, error: null, isOpen };
    });
  }

  /** When its last job ends, in milliseconds; null if that is later than its window. */
  #jobsEndAtMs({ requests, createdAtMs }: StoredBatch): number | null {
    let lastMs = createdAtMs + STEP_MS;
    for (const { jobId } of requests) {
      const job = jobId === null ? undefined : this.#stores.jobs.recall(jobId);
      const endMs = job === undefined ? lastMs : endsAtMs(job);
      if (endMs === null) return null;
      lastMs = Math.max(lastMs, endMs);
    }
    return lastMs > createdAtMs + DAY_MS ? null : lastMs;
  }

  #statusOf({ batch, cancelled }: KnownBatch): BatchStatus {
    const { createdAtMs, errors, speed } = batch;
    const nowMs = this.#options.clock.now();
    const stepMs = STEP_MS / speed;
    if (cancelled !== null) return nowMs < cancelled.atMs + stepMs ? 'cancelling' : 'cancelled';
    if (nowMs < createdAtMs + stepMs) return 'validating';
    if (errors.length > 0) return 'failed';
    const endMs = this.#jobsEndAtMs(batch);
    if (endMs === null) return nowMs < createdAtMs + DAY_MS ? 'in_progress' : 'expired';
    if (nowMs < endMs) return 'in_progress';
    return nowMs < endMs + stepMs ? 'finalizing' : 'completed';
  }

  #describe(entry: KnownBatch): JsonObject & { readonly id: string } {
    const { batch, cancelled } = entry;
    const { id, createdAtMs, inputFileId, metadata, errors, speed } = batch;
    const status = this.#statusOf(entry);
    const outcomes = this.#outcomesOf(entry);
    const isOver = status === 'completed' || status === 'expired' || status === 'cancelled';
    const succeeded = outcomes.filter(isAnswered).length;
    const failed = outcomes.filter((outcome) => !outcome.isOpen && !isAnswered(outcome)).length;
    const createdAt = Math.floor(createdAtMs / 1000);
    const startedAt = Math.floor((createdAtMs + STEP_MS / speed) / 1000);
    const endMs = this.#jobsEndAtMs(batch) ?? createdAtMs + DAY_MS;
    const endedAt = Math.floor((endMs + STEP_MS / speed) / 1000);
    const when = (is: boolean, at: number): number | null => (is ? at : null);
    const isStarted = status !== 'validating' && status !== 'failed';
    return {
      id,
      object: 'batch',
      endpoint: BATCH_ENDPOINT,
      model: null,
      errors: status === 'failed' ? { object: 'list', data: errors.map((error) => ({ ...error })) } : null,
      input_file_id: inputFileId,
      completion_window: WINDOW,
      status,
      output_file_id: isOver && succeeded > 0 ? outputId(id, 'output') : null,
      error_file_id: isOver && failed > 0 ? outputId(id, 'errors') : null,
      created_at: createdAt,
      in_progress_at: when(isStarted, startedAt),
      expires_at: createdAt + DAY_SECONDS,
      finalizing_at: when(status === 'finalizing' || status === 'completed', Math.floor(endMs / 1000)),
      completed_at: when(status === 'completed', endedAt),
      failed_at: when(status === 'failed', startedAt),
      expired_at: when(status === 'expired', createdAt + DAY_SECONDS),
      cancelling_at: when(cancelled !== null, Math.floor((cancelled?.atMs ?? 0) / 1000)),
      cancelled_at: when(status === 'cancelled', Math.floor((cancelled?.atMs ?? 0) / 1000)),
      request_counts: { total: outcomes.length, completed: succeeded, failed },
      metadata,
    };
  }

  /** An uploaded file, or a result of a batch. Throws the API's 404. */
  #fileOf(id: string): { readonly file: FileObject; readonly read: () => string } {
    const { files, batches } = this.#stores;
    const uploaded = files.find(id);
    if (uploaded !== undefined) return { file: uploaded, read: () => files.read(uploaded).toString('utf8') };
    const [, hex = '', kind = ''] = /^file_([0-9a-f]+)_(output|errors)$/.exec(id) ?? [];
    const entry = batches.find(`batch_${hex}`);
    const described = entry === undefined ? null : this.#describe(entry);
    if (entry === undefined || described?.[kind === 'output' ? 'output_file_id' : 'error_file_id'] !== id)
      throw fileNotFound(id);
    const text = this.#results(entry, kind === 'output');
    const createdAt = Number(described.completed_at ?? described.expired_at ?? described.cancelled_at);
    const file: FileObject = {
      id,
      object: 'file',
      bytes: Buffer.byteLength(text),
      created_at: createdAt,
      expires_at: createdAt + DAY_SECONDS,
      filename: `${entry.batch.id}_${kind}.jsonl`,
      purpose: 'batch_output',
      status: 'processed',
    };
    return { file, read: () => text };
  }

  /** The lines of the output file, or of the file of errors. */
  #results(entry: KnownBatch, isOutput: boolean): string {
    return this.#outcomesOf(entry)
      .filter((outcome) => isAnswered(outcome) === isOutput)
      .map((outcome, at) => `${JSON.stringify(resultOf(outcome, `${entry.batch.id}_${at}`))}\n`)
      .join('');
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }

  #randomHex(): string {
    return Buffer.from(this.#options.randomBytes(24)).toString('hex');
  }
}

/** Whether a create was answered with a video, finished or failed. */
function isAnswered({ video, isOpen }: Outcome): boolean {
  return video !== null && !isOpen;
}

function resultOf({ request, video, error }: Outcome, id: string): JsonObject {
  const { customId, refusal } = request;
  const shared = { id: `batch_req_${id}`, custom_id: customId };
  if (refusal !== null) {
    const body = JSON.parse(String(errorReply(refusal).body));
    return { ...shared, response: { status_code: refusal.status, request_id: `req_${id}`, body }, error: null };
  }
  if (video === null) return { ...shared, response: null, error };
  return { ...shared, response: { status_code: 200, request_id: `req_${id}`, body: { ...video } }, error: null };
}

function outputId(batchId: string, kind: 'output' | 'errors'): string {
  return `file_${batchId.slice('batch_'.length)}_${kind}`;
}

function readBatchRequest(call: ServerCall): { inputFileId: string; metadata: JsonObject | null } {
  const body = readRequestBody(call);
  const inputFileId = readText(body, 'input_file_id');
  if (inputFileId === undefined) throw missing('input_file_id');
  const endpoint = readText(body, 'endpoint');
  if (endpoint === undefined) throw missing('endpoint');
  if (endpoint !== BATCH_ENDPOINT) throw unsupportedValue('endpoint', endpoint, [BATCH_ENDPOINT]);
  const window = readText(body, 'completion_window');
  if (window !== WINDOW) throw unsupportedValue('completion_window', window ?? '', [WINDOW]);
  const metadata = body.fields.get('metadata') ?? null;
  const isPlain =
    metadata === null ||
    (isJsonObject(metadata) &&
      Object.keys(metadata).length <= MAX_METADATA_PAIRS &&
      Object.values(metadata).every((value) => typeof value === 'string'));
  if (isPlain) return { inputFileId, metadata };
  throw invalidField('metadata', 'invalid_type', "Invalid 'metadata': expected up to 16 texts by name.");
}

function pageReply<T extends { readonly id: string }>(
  items: readonly T[],
  { limit, after, order }: JobQuery,
  unknown: (id: string) => ApiError,
): ServerReply {
  const ordered = order === 'asc' ? items.toReversed() : items;
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) throw unknown(after);
  const data = ordered.slice(start, start + limit);
  return jsonReply({
    object: 'list',
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: ordered.length > start + limit,
  });
}

function missing(param: string): ApiError {
  return invalidField(param, 'missing_required_parameter', `Missing required parameter: '${param}'.`);
}

function fileNotFound(id: string): ApiError {
  return new ApiError({ status: 404, code: 'not_found', message: `No such File object: ${id}` });
}

function batchNotFound(id: string): ApiError {
  return new ApiError({ status: 404, code: 'not_found', message: `No batch found with id '${id}'.` });
}
