import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { jsonReply, type ServerCall, type ServerReply, textReply } from '../http-server/handler.ts';
import { ApiError, ConnectionDropped, invalidField, missingField, unsupportedValue } from './api-error.ts';
import { BatchState, batchIdOf, STEP_MS, WINDOW } from './batch-state.ts';
import type { KnownBatch } from './batch-store.ts';
import { readText } from './create-request.ts';
import type { FaultName } from './faults.ts';
import type { FileObject } from './file-store.ts';
import { type SimulatedJob, toSeconds } from './job.ts';
import { listPageReply, parseListQuery } from './list-reply.ts';
import { readRequestBody } from './request-body.ts';
import type { BatchRouteName } from './routes.ts';
import { BATCH_ENDPOINT, type BatchRequest, readBatchFile } from './stored-batch.ts';
import {
  newId,
  type Route,
  readIdempotencyKey,
  refuseCallback,
  type SimulatorOptions,
  type Stores,
} from './videos-api.ts';

const PURPOSES = ['batch', 'user_data', 'vision'] as const;
const DAY_SECONDS = 86_400;
const POLL_AFTER_MS = 500;
const MAX_METADATA_PAIRS = 16;

/** Uploaded files, and batches of creates. All jobs of a batch are made when it is created. */
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
    if (purpose === undefined) throw missingField('purpose');
    if (!PURPOSES.some((known) => known === purpose)) throw unsupportedValue('purpose', purpose, PURPOSES);
    const upload = body.files.get('file');
    if (upload === undefined) throw missingField('file');
    const createdAt = toSeconds(this.#options.clock.now());
    const file: FileObject = {
      id: newId('file', this.#options),
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
    return listPageReply(files, parseListQuery(call.url.searchParams, 10_000), fileNotFound);
  }

  file(_call: ServerCall, id: string): ServerReply {
    return jsonReply(this.#stores.files.find(id) ?? this.#resultFile(id).file);
  }

  async removeFile(_call: ServerCall, id: string): Promise<ServerReply> {
    const file = this.#stores.files.find(id);
    if (file === undefined) throw fileNotFound(id);
    await this.#stores.files.remove(file);
    return jsonReply({ id, object: 'file', deleted: true });
  }

  fileContent(_call: ServerCall, id: string): ServerReply {
    const { files } = this.#stores;
    const uploaded = files.find(id);
    const text = uploaded === undefined ? this.#resultFile(id).text : files.read(uploaded).toString('utf8');
    return textReply(200, 'application/octet-stream', text);
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
    const id = newId('batch', this.#options);
    const createdAtMs = clock.now();
    const jobs: SimulatedJob[] = [];
    const requests = (errors.length > 0 ? [] : lines).map(({ customId, wanted }): BatchRequest => {
      if (wanted instanceof ApiError) {
        const { status, message, code, param } = wanted.details;
        const refusal = { status, message, ...(code && { code }), ...(param && { param }) };
        return { customId, jobId: null, refusal };
      }
      const job: SimulatedJob = {
        id: newId('video', this.#options),
        createdAtMs: createdAtMs + STEP_MS / speed,
        ...wanted,
        speed,
        fault,
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
    const batches = this.#stores.batches.all().map((entry) => this.#stateOf(entry).describe());
    return listPageReply(batches, parseListQuery(call.url.searchParams), batchNotFound);
  }

  batch(_call: ServerCall, id: string, fault: FaultName | null): ServerReply {
    if (fault === 'poll-drop') throw new ConnectionDropped();
    return this.#reply(this.#find(id));
  }

  /** Videos that are finished stay; the others are removed. */
  async cancelBatch(_call: ServerCall, id: string): Promise<ServerReply> {
    const entry = this.#find(id);
    const { status, openJobs: open } = this.#stateOf(entry);
    if (status !== 'validating' && status !== 'in_progress' && status !== 'finalizing' && entry.cancelled === null) {
      const message = `Cannot cancel a batch with status '${status}'.`;
      throw new ApiError({ status: 409, code: 'invalid_batch_status', message });
    }
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
    return jsonReply(this.#stateOf(entry).describe(), {
      'openai-poll-after-ms': String(Math.max(1, POLL_AFTER_MS / speed)),
    });
  }

  #stateOf(entry: KnownBatch): BatchState {
    return new BatchState(entry, this.#stores.jobs.known, this.#options.clock.now());
  }

  /** The results of a batch as a file. Throws the API's 404. */
  #resultFile(id: string): { readonly file: FileObject; readonly text: string } {
    const entry = this.#stores.batches.find(batchIdOf(id));
    const result = entry && this.#stateOf(entry).resultFile(id);
    if (result === undefined) throw fileNotFound(id);
    return result;
  }
}

function readBatchRequest(call: ServerCall): { inputFileId: string; metadata: JsonObject | null } {
  const body = readRequestBody(call);
  const inputFileId = readText(body, 'input_file_id');
  if (inputFileId === undefined) throw missingField('input_file_id');
  const endpoint = readText(body, 'endpoint');
  if (endpoint === undefined) throw missingField('endpoint');
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
  throw invalidField('metadata', 'invalid_type', "Invalid 'metadata': expected up to 16 key-value pairs of strings.");
}

function fileNotFound(id: string): ApiError {
  return new ApiError({ status: 404, code: 'not_found', message: `No such File object: ${id}` });
}

function batchNotFound(id: string): ApiError {
  return new ApiError({ status: 404, code: 'not_found', message: `No batch found with id '${id}'.` });
}
