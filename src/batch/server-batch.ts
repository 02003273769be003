import { hash } from 'node:crypto';
import { failureFromReply } from '../client/failure.ts';
import { provesNothingMade } from '../client/reply.ts';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { sumOf, wholeOf } from '../domain/money.ts';
import type { Estimate } from '../domain/pricing.ts';
import {
  factsOf,
  hasVideo,
  idOrKey,
  isOpen,
  type JobRecord,
  type LedgerEvent,
  type RecordedRequest,
} from '../domain/record.ts';
import { firstFormat, type RequestFormat } from '../domain/request-format.ts';
import { NO_JOB_FACTS, requestFor, type VideoJob } from '../domain/video.ts';
import { recordRequest } from '../jobs/fingerprint.ts';
import type { SubmitDeps } from '../jobs/submit.ts';
import { intentOf } from '../jobs/submit-order.ts';
import type { Ledger } from '../store/ledger.ts';
import { BATCH_ENDPOINT_PATH, writeCreate } from '../wire/create.ts';
import { numberOf, objectOf, textOf } from '../wire/fields.ts';
import { decodeJob } from '../wire/job.ts';
import { type BatchRow, completeRequest, recordedOf } from './batch-row.ts';

/** Limits of the API. */
const MAX_LINES = 50_000;
const MAX_BYTES = 200_000_000;
/** Events written to the ledger at a time. */
const EVENTS_AT_ONCE = 500;

/** The ledger row of a manifest's server-side batches, of which only one is open at a time. */
export function serverBatchRow(manifest: string): string {
  return hash('sha256', JSON.stringify(['server batch', manifest])).slice(0, 32);
}

/** The manifest's batch whose results are not in the ledger yet; undefined if there is none. */
export async function openServerBatch(ledger: Ledger, manifest: string): Promise<JobRecord | undefined> {
  const records = await ledger.list({ by: 'row', value: serverBatchRow(manifest) });
  return records.find(({ answer, removed }) => answer !== 'rejected' && !removed);
}

/** The error if a server-side batch may already be creating rows of a manifest; otherwise null. */
export async function underWayInBatch(ledger: Ledger, manifest: string): Promise<SoraError | null> {
  const open = await openServerBatch(ledger, manifest);
  if (open === undefined) return null;
  return new SoraError('duplicate_request', {
    title: `a server-side batch of this manifest is under way: ${idOrKey(open)}`,
    submission: open.key,
    hints: ['add `--server-batch` to wait for it and save its videos'],
  });
}

/** The error if another process has submitted one of the rows meanwhile; otherwise null. */
export async function underWayAsRow(
  ledger: Ledger,
  manifest: string,
  rows: readonly BatchRow[],
): Promise<SoraError | null> {
  const keys = new Set<string | null>(rows.map(({ ref }) => ref.key));
  for await (const record of ledger.records({ by: 'batch', value: manifest }, 'newest first')) {
    if (keys.has(record.row) && (isOpen(record) || hasVideo(record))) {
      return new SoraError('duplicate_request', {
        title: `another process is creating rows of this manifest: ${idOrKey(record)}`,
        submission: record.key,
        hints: ['run the command again when it has ended'],
      });
    }
  }
  return null;
}

/** Why rows cannot be in one server-side batch, with their lines. */
export function serverBatchFaults(rows: readonly BatchRow[]): { readonly line: number; readonly message: string }[] {
  const [first] = rows;
  const faults = rows.flatMap(({ line, request, from }) => {
    const operation = from?.operation ?? request.source?.operation;
    if (operation !== undefined)
      return [{ line, message: `a server-side batch only creates new videos, and this row is \`${operation}\`` }];
    if (request.model === first?.request.model) return [];
    const models = [first?.request.model, request.model].map((model) => model ?? 'the server’s default').join(' and ');
    return [{ line, message: `a server-side batch has one model, and these are ${models}` }];
  });
  if (rows.length > MAX_LINES)
    faults.push({
      line: rows[MAX_LINES]?.line ?? 0,
      message: `a server-side batch has at most ${MAX_LINES.toLocaleString('en-US')} videos`,
    });
  return faults;
}

/** The file of requests: one line per row, named by its key. Throws `invalid_request`. */
export function writeRequests(
  rows: readonly BatchRow[],
  format: RequestFormat,
  serverModel: (model: string) => string,
): string {
  const lines: string[] = [];
  let sizeBytes = 0;
  for (const row of rows) {
    const request = completeRequest(row, null);
    const model = request.model === null ? null : serverModel(request.model);
    const { body } = writeCreate('videos', { ...request, model }, firstFormat(request, { ...format, body: 'json' }));
    const line = JSON.stringify({ custom_id: row.ref.key, method: 'POST', url: BATCH_ENDPOINT_PATH, body });
    sizeBytes += Buffer.byteLength(line) + 1;
    if (sizeBytes > MAX_BYTES)
      throw new SoraError('invalid_request', {
        title: `the requests of a server-side batch take more than ${MAX_BYTES / 1e6} MB`,
        hints: ['split the manifest, or give images by URL'],
      });
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}

/** The estimate of all rows together; null if one has none. */
export function priceOfAll(rows: readonly BatchRow[]): Estimate | null {
  const micros = wholeOf(sumOf(rows.map(({ estimate }) => estimate?.micros ?? null)));
  return micros === null ? null : { micros, priceList: rows[0]?.estimate?.priceList ?? '' };
}

export interface ResultsOrder {
  /** The submission of the batch. */
  readonly submission: JobRecord;
  readonly manifest: string;
  /** The rows of the manifest as they are now. */
  readonly rows: readonly BatchRow[];
}

/** The outcome of a request; `unknown` unless the server reports that it created nothing. */
interface Result {
  readonly customId: string;
  readonly outcome:
    | { readonly event: 'accepted'; readonly job: VideoJob }
    | { readonly event: 'rejected' | 'unknown'; readonly error: SoraError };
}

/** The errors of requests that were not executed. */
const NOT_EXECUTED: ReadonlySet<string | null> = new Set(['batch_expired', 'batch_cancelled']);

/**
 * Records the results of a batch as submissions of its rows, which are then saved as in any batch. Recording them twice
 * changes nothing. Returns the rows that have one.
 */
export async function recordResults(text: string, order: ResultsOrder, deps: SubmitDeps): Promise<ReadonlySet<string>> {
  const rows = new Map(order.rows.map((row) => [row.ref.key, row]));
  const events: LedgerEvent[] = [];
  const answered = new Set<string>();
  for (const line of text.split('\n')) {
    const result = decodeResult(parseJson(line), deps.clock.now());
    if (result === null) continue;
    answered.add(result.customId);
    events.push(...(await eventsOf(result, rows.get(result.customId), order, deps)));
    if (events.length >= EVENTS_AT_ONCE) await deps.ledger.append(...events.splice(0));
  }
  if (events.length > 0) await deps.ledger.append(...events);
  return answered;
}

/** The key of the record of a row's result. Not made of the id of the batch, which may differ between list and look-up. */
export function resultKey(submission: string, row: string): string {
  return `sub_${hash('sha256', JSON.stringify([submission, row])).slice(0, 25)}`;
}

async function eventsOf(
  { customId, outcome }: Result,
  row: BatchRow | undefined,
  { submission, manifest }: ResultsOrder,
  deps: SubmitDeps,
): Promise<LedgerEvent[]> {
  const key = resultKey(submission.key, customId);
  const known = await deps.ledger.byKey(key);
  if (known !== undefined && known.answer !== 'pending') return [];
  const request = row === undefined ? requestOf(outcome, idOrKey(submission)) : recordedOf(row);
  if (request === null) return []; // nothing was made, and no row asks for it any more
  const at = { key, atMs: deps.clock.now() };
  const intent = intentOf(deps, {
    key,
    atMs: submission.submittedAtMs, // its video is no older
    user: submission.user,
    request,
    estimate: row?.estimate ?? null,
    row: { batch: manifest, key: customId },
  });
  if (outcome.event === 'accepted') return [intent, { event: 'accepted', ...at, job: factsOf(outcome.job) }];
  const { code, causedBy, message } = outcome.error;
  return [intent, { event: outcome.event, ...at, code, message: causedBy ?? message }];
}

/** The request of a row that was removed or changed meanwhile, as its video shows it; null if there is none. */
function requestOf(outcome: Result['outcome'], batchId: string): RecordedRequest | null {
  if (outcome.event === 'rejected') return null;
  const { prompt, model, seconds, size } = outcome.event === 'accepted' ? outcome.job : NO_JOB_FACTS;
  return recordRequest({ ...requestFor(prompt ?? `a request of ${batchId}`), model, seconds, size });
}

/** A line of a results file; null if it is invalid or has neither a video nor an error. */
function decodeResult(value: JsonValue | undefined, atMs: number): Result | null {
  if (!isJsonObject(value)) return null;
  const customId = textOf(value.custom_id);
  if (customId === null) return null;
  const response = objectOf(value.response);
  const status = numberOf(response.status_code);
  if (status !== null && status < 400) {
    const job = decodeJob(response.body, { requestId: textOf(response.request_id), pollAfterMs: null });
    return job === null ? null : { customId, outcome: { event: 'accepted', job } };
  }
  if (status !== null) {
    const reply = { status, headers: {}, body: JSON.stringify(response.body ?? {}) };
    const error = failureFromReply(reply, { baseUrl: 'http://batch.invalid/v1', hasKey: true, atMs });
    return { customId, outcome: { event: provesNothingMade(status) ? 'rejected' : 'unknown', error } };
  }
  if (!isJsonObject(value.error)) return null;
  const code = textOf(value.error.code);
  const causedBy = textOf(value.error.message) ?? code ?? 'no reason given';
  const error = new SoraError('server_error', { title: 'the batch ended before this row', causedBy });
  return { customId, outcome: { event: NOT_EXECUTED.has(code) ? 'rejected' : 'unknown', error } };
}
