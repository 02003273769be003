import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { MICROS_PER_USD } from '../domain/money.ts';
import { type ContentLocation, isTerminal, type JobFailure, type JobStatus, type VideoJob } from '../domain/video.ts';
import { attempt } from '../platform/attempt.ts';
import { firstOf, firstText, firstWords, numberOf, objectOf, textOf, timeOf, wordsOf } from './fields.ts';
import { jobPath } from './routes.ts';

/** The words of all known servers for job statuses, in lower case. */
const STATUS_WORDS: ReadonlyMap<string, JobStatus> = new Map(
  (
    [
      ['queued', 'queued pending submitted not_start throttled in_queue waiting scheduled accepted validating'],
      ['in_progress', 'in_progress inprogress processing running generating rendering preprocessing postprocessing'],
      ['in_progress', 'starting cancelling canceling finalizing'],
      ['completed', 'completed succeeded success succeed complete done finished ready'],
      ['failed', 'failed failure fail error rejected timed_out timeout content_filtered content_filter moderated'],
      ['failed', 'content_moderated request_moderated blocked flagged nsfw'],
      ['cancelled', 'cancelled canceled deleted aborted'],
      ['expired', 'expired'],
    ] as const
  ).flatMap(([status, words]) => words.split(' ').map((word) => [word, status] as const)),
);

export function decodeStatus(word: string | null): JobStatus {
  const key = (word ?? '').trim().toLowerCase();
  return STATUS_WORDS.get(key.replace(/[\s-]+/g, '_')) ?? 'unknown';
}

/** The status in the server's own words. */
function statusWordOf({ status, state, task_status }: JsonObject): string | null {
  return firstText(status, state, task_status);
}

/** Facts of the reply outside its body. */
export interface ReplyFacts {
  readonly requestId: string | null;
  readonly pollAfterMs: number | null;
  /** The requested id, if the body may omit it. */
  readonly askedId?: string;
}

/** Decodes a job from any reply; null without an id that calls can name. Any other value that is missing or unreadable becomes null. */
export function decodeJob(value: JsonValue | undefined, facts: ReplyFacts): VideoJob | null {
  const body = unwrap(value);
  const content = decodeContent(body);
  const serverStatus = statusWordOf(body) ?? wordsOf(body.status);
  // A body without any field of a job is not taken for the requested one.
  const impliedId = statusWordOf(body) !== null || content !== null ? facts.askedId : undefined;
  const id = idOf(body) ?? firstText(body.request_id, impliedId);
  if (id === null || attempt(() => jobPath('', id)) === undefined) return null;
  // A reply that contains the video but no status is completed.
  const status = serverStatus === null && content !== null ? 'completed' : decodeStatus(serverStatus);
  const progress = numberOf(body.progress);
  const costMicros = Math.round((numberOf(objectOf(body.usage).cost) ?? Number.NaN) * MICROS_PER_USD);
  return {
    id,
    status,
    serverStatus,
    progress: progress === null ? null : Math.round(Math.min(100, Math.max(0, progress))),
    model: textOf(body.model),
    prompt: textOf(body.prompt),
    seconds: numberOf(body.seconds) ?? numberOf(body.duration),
    size: textOf(body.size),
    createdAtMs: timeOf(body.created_at) ?? timeOf(body.created),
    completedAtMs: timeOf(body.completed_at),
    expiresAtMs: timeOf(body.expires_at),
    remixedFrom: textOf(body.remixed_from_video_id),
    error: isTerminal(status) && status !== 'completed' ? decodeFailure(body) : null,
    actualMicros: Number.isSafeInteger(costMicros) && costMicros >= 0 ? costMicros : null,
    content,
    requestId: facts.requestId,
    pollAfterMs: facts.pollAfterMs,
  };
}

/** Whether a body is certainly a job, not an error with its own id and status. */
export function isJobDocument(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false;
  const { object, status, created_at, created, model, prompt, progress } = value;
  if (firstText(value.id, value.task_id) === null) return false;
  if (object === 'character') return true; // it has no status
  if (decodeStatus(wordsOf(status)) === 'unknown') return false;
  const isNamed = /^video/i.test(textOf(object) ?? '');
  return isNamed || [created_at, created, model, prompt, progress].some((field) => field !== undefined);
}

function idOf(body: JsonObject): string | null {
  return firstText(body.id, body.task_id, body.video_id, body.job_id);
}

/** Where else than in `data` gateways put the job that they wrap. */
const WRAPPERS = ['video', 'job', 'task', 'result', 'output', 'detail'];

/** Some gateways wrap the job: `{code, message, data: {…}}`, or a list of one. The wrapper’s status is the call’s. */
function unwrap(value: JsonValue | undefined): JsonObject {
  const body = objectOf(onlyItem(value));
  if (idOf(body) !== null || body.object === 'list') return body;
  const data = objectOf(onlyItem(body.data));
  if (idOf(data) !== null || statusWordOf(data) !== null) return data;
  const wrapped = WRAPPERS.map((name) => objectOf(onlyItem(body[name])));
  return wrapped.find((inner) => idOf(inner) !== null && statusWordOf(inner) !== null) ?? body;
}

function onlyItem(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}

function decodeFailure(body: JsonObject): JobFailure | null {
  const { error } = body;
  if (isJsonObject(error)) {
    const code = textOf(error.code);
    const message = firstWords(error.message, error.detail, error.type, code, error);
    return message === null ? null : { code, message };
  }
  const message = firstWords(error, body.fail_reason, body.failure_reason, body.message);
  return message === null ? null : { code: null, message };
}

/** The status in a body, wrapped or not; `unknown` if there is none. */
export function decodeJobStatus(value: JsonValue | undefined): JobStatus {
  return decodeStatus(statusWordOf(unwrap(value)));
}

/** The location of the video in a body, in any known form; null if there is none. */
export function decodeLocation(value: JsonValue | undefined): ContentLocation | null {
  return isJsonObject(value) ? (decodeContent(unwrap(value)) ?? decodeContent(objectOf(value.data))) : null;
}

/** The names of the video's address, in a job or in a part of it. */
const URL_FIELDS = ['url', 'video_url', 'output_url', 'download_url', 'result_url'];

function decodeContent(body: JsonObject): ContentLocation | null {
  const { metadata, meta_data, data, unsigned_urls, urls, video_result } = body;
  const videos = body.videos ?? objectOf(body.task_result).videos;
  const [first, video] = [objectOf(firstOf(data)), objectOf(firstOf(videos))];
  const result = objectOf(onlyItem(body.result));
  const others = [firstOf(video_result), onlyItem(body.output), result, result.video, body.content].map(objectOf);
  const parts = [body, first, objectOf(body.video), video, ...others];
  const url = firstText(
    ...parts.flatMap((part) => URL_FIELDS.map((name) => part[name])),
    objectOf(metadata).url,
    objectOf(meta_data).url,
    firstOf(unsigned_urls),
    firstOf(urls),
    ...[onlyItem(body.output), firstOf(videos), objectOf(body.assets).video].filter(isAddress),
  );
  if (url !== null) return { kind: 'url', url };
  const base64 = firstText(body.b64_json, first.b64_json, video.base64);
  return base64 === null ? null : { kind: 'base64', base64 };
}

function isAddress(value: JsonValue | undefined): boolean {
  return /^https?:\/\//i.test(textOf(value) ?? '');
}
