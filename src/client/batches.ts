import { NO_JOB_FACTS, type VideoJob } from '../domain/video.ts';
import { decodeBatch, type ServedBatch } from '../wire/batches.ts';
import { firstText, objectOf, textOf } from '../wire/fields.ts';
import { BATCHES_ROUTE, FILES_ROUTE, jobPath } from '../wire/routes.ts';
import { failureFromReply, failureFromThrown, unreadableReply } from './failure.ts';
import type { CallOptions, ListQuery, VideoPage } from './port.ts';
import { type ClientOptions, clockOf, contextFor, isSuccess, readReply } from './reply.ts';
import { postThroughSdk } from './sdk.ts';

/** The prompt of a batch in the ledger and in lists; its uploaded file makes it unique. */
export function batchPrompt(inputFileId: string): string {
  return `batch of ${inputFileId}`;
}

/** Uploads a file of requests, which costs nothing, and returns its id. Throws a `SoraError`. */
export async function uploadRequests(client: ClientOptions, name: string, text: string): Promise<string> {
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new File([text], name, { type: 'application/jsonl' }));
  const context = contextFor(client, {});
  const reply = await postThroughSdk(client.transport, FILES_ROUTE, form, null).catch((error: unknown) => {
    throw failureFromThrown(error, context);
  });
  if (!isSuccess(reply)) throw failureFromReply(reply, context);
  const id = firstText(objectOf(reply.value).id);
  if (id === null) throw unreadableReply(reply, context);
  return id;
}

/** Throws a `SoraError`. */
export async function readBatch(client: ClientOptions, id: string, options: CallOptions = {}): Promise<ServedBatch> {
  const url = client.transport.urlOf(jobPath(BATCHES_ROUTE, id));
  const { reply, context } = await readReply(client, { method: 'GET', url, ...options }, { id });
  const batch = decodeBatch(reply.value);
  if (batch === null) throw unreadableReply(reply, context);
  return batch;
}

/** Cancels a batch; its finished videos remain. Throws a `SoraError`. */
export async function cancelBatch(client: ClientOptions, id: string, options: CallOptions = {}): Promise<void> {
  const url = client.transport.urlOf(`${jobPath(BATCHES_ROUTE, id)}/cancel`);
  await readReply(client, { method: 'POST', url, ...options }, { id });
}

/** A page of batches, newest first, as jobs. */
export async function listBatches(
  client: ClientOptions,
  { limit, after }: ListQuery,
  options: CallOptions = {},
): Promise<VideoPage> {
  const url = client.transport.urlOf(BATCHES_ROUTE, { limit: String(limit), ...(after !== undefined && { after }) });
  const { reply, context } = await readReply(client, { method: 'GET', url, ...options });
  const { data, has_more: hasMore, last_id: lastId } = objectOf(reply.value);
  if (!Array.isArray(data)) throw unreadableReply(reply, context);
  const jobs = data.flatMap((item) => {
    const batch = decodeBatch(item);
    return batch === null || batch.id === after ? [] : [jobOfBatch(batch)];
  });
  const next = hasMore === true ? (textOf(lastId) ?? jobs.at(-1)?.id ?? null) : null;
  return { jobs, next: next === after ? null : next, clock: clockOf(reply) };
}

/** The text of a file of results. Throws a `SoraError`. */
export async function readResults(client: ClientOptions, fileId: string, options: CallOptions = {}): Promise<string> {
  const context = contextFor(client, {});
  const url = client.transport.urlOf(`${jobPath(FILES_ROUTE, fileId)}/content`);
  try {
    const reply = await client.transport.ask({ method: 'GET', url, ...options });
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    throw failureFromReply(reply, context);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw failureFromThrown(error, context);
  }
}

/** A batch as a job, so that it can be waited for. */
export function jobOfBatch(batch: ServedBatch): VideoJob {
  const { id, status, serverStatus, inputFileId, model, total, completed, failed, problems } = batch;
  const done = (completed ?? 0) + (failed ?? 0);
  return {
    ...NO_JOB_FACTS,
    id,
    status,
    serverStatus,
    progress: total ? Math.round((100 * done) / total) : null,
    model,
    prompt: inputFileId === null ? null : batchPrompt(inputFileId),
    createdAtMs: batch.createdAtMs,
    expiresAtMs: batch.expiresAtMs,
    error: problems.length > 0 ? { code: 'invalid_batch', message: problems.join('; ') } : null,
  };
}
