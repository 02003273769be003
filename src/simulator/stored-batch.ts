import { isJsonObject, type JsonObject, parseJson } from '../domain/json.ts';
import { DEFAULT_MODEL } from '../domain/models.ts';
import { ApiError, type ApiErrorDetails } from './api-error.ts';
import { type CreateRequest, parseCreateRequest } from './create-request.ts';
import type { SimulatedJob } from './job.ts';
import type { RequestBody } from './request-body.ts';

export const BATCH_ENDPOINT = '/v1/videos';
const MAX_LINES = 50_000;
/** A file of another kind has an error on every line. */
const MAX_ERRORS = 100;

/** A line of a batch: its job, or why it has none. */
export interface BatchRequest {
  readonly customId: string;
  readonly jobId: string | null;
  readonly refusal: Pick<ApiErrorDetails, 'status' | 'message' | 'code' | 'param'> | null;
}

export interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly line: number;
}

/** A batch as stored when it is created; its state is computed from this, its jobs and the time. */
export interface StoredBatch extends Pick<SimulatedJob, 'id' | 'createdAtMs' | 'speed' | 'idempotencyKey'> {
  readonly inputFileId: string;
  readonly metadata: JsonObject | null;
  readonly requests: readonly BatchRequest[];
  /** Why the whole file was refused; empty for a valid one. */
  readonly errors: readonly BatchError[];
}

/** The batch in a JSON value, or null when an essential field is missing. */
export function decodeStoredBatch(value: unknown): StoredBatch | null {
  if (!isJsonObject(value)) return null;
  const { id, createdAtMs, inputFileId, requests, errors, speed } = value;
  if (typeof id !== 'string' || typeof createdAtMs !== 'number' || typeof inputFileId !== 'string') return null;
  if (!Array.isArray(requests) || !Array.isArray(errors) || typeof speed !== 'number') return null;
  return value as unknown as StoredBatch; // whole lines written by this program: the other fields are intact
}

/** A line: the requested video, or the refusal that its create would get. */
export interface ReadLine {
  readonly customId: string;
  readonly wanted: CreateRequest | ApiError;
}

/** Reads the file of a batch. If any line is not a valid request, the errors are reported and nothing is created. */
export function readBatchFile(text: string): { lines: ReadLine[]; errors: BatchError[] } {
  const lines: ReadLine[] = [];
  const errors: BatchError[] = [];
  const models = new Set<string>();
  const ids = new Set<string>();
  const report = (line: number, code: string, message: string, param: string | null = null): void => {
    if (errors.length < MAX_ERRORS) errors.push({ code, message, param, line });
  };
  for (const [at, content] of text.split('\n').entries()) {
    if (content.trim() === '') continue;
    const fault = report.bind(null, at + 1);
    const value = parseJson(content);
    if (!isJsonObject(value)) {
      fault('invalid_json_line', 'This line is not parseable as valid JSON.');
      continue;
    }
    const { custom_id: customId, method, url, body } = value;
    if (typeof customId !== 'string' || customId === '')
      fault('missing_required_parameter', "Missing required parameter: 'custom_id'.", 'custom_id');
    else if (ids.has(customId)) fault('duplicate_custom_id', `The custom_id '${customId}' is used twice.`, 'custom_id');
    if (method !== 'POST') fault('invalid_method', "Invalid value for 'method': expected 'POST'.", 'method');
    if (url !== BATCH_ENDPOINT)
      fault('mismatched_url', `Invalid value for 'url': expected '${BATCH_ENDPOINT}'.`, 'url');
    if (!isJsonObject(body)) {
      fault('missing_required_parameter', "Missing required parameter: 'body'.", 'body');
      continue;
    }
    const request: RequestBody = { fields: new Map(Object.entries(body)), files: new Map() };
    models.add(String(body.model ?? DEFAULT_MODEL));
    if (models.size > 1) fault('mismatched_model', 'All requests of a batch must have the same model.', 'body.model');
    ids.add(String(customId));
    lines.push({ customId: String(customId), wanted: wantedBy(request) });
  }
  if (lines.length > MAX_LINES) {
    report(MAX_LINES + 1, 'too_many_requests', `A batch has at most ${MAX_LINES} requests.`);
  }
  if (lines.length === 0 && errors.length === 0) report(1, 'empty_file', 'The input file is empty.');
  return { lines, errors };
}

function wantedBy(request: RequestBody): CreateRequest | ApiError {
  try {
    return parseCreateRequest(request);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
