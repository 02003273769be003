import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { PRIVATE_FILES } from '../domain/capabilities.ts';
import type { ErrorCode } from '../domain/catalogue.ts';
import { SoraError, soraErrorOf } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { SNIFF_BYTES, sniffMedia } from '../domain/media.ts';
import type { ContentLocation, Variant, VideoJob } from '../domain/video.ts';
import { hasCode } from '../platform/files.ts';
import type { HttpReply } from '../platform/http.ts';
import { PRIVATE_ADDRESS } from '../platform/public-address.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { decodeJobStatus, decodeLocation } from '../wire/job.ts';
import { jobPath } from '../wire/routes.ts';
import { type CallContext, failureFromReply, failureFromThrown, quoteReply } from './failure.ts';
import type { ContentOptions, ContentReply, ContentSource, ResumePoint, Validator } from './port.ts';
import type { OpenedReply, Transport } from './transport.ts';

export interface ContentCall {
  readonly transport: Transport;
  readonly source: ContentSource;
  readonly variant: Variant;
  readonly options: ContentOptions;
  readonly context: CallContext;
  /** Reads the job again, which may have a newer address of the file. */
  readonly look: () => Promise<VideoJob>;
}

/**
 * The bytes of a video, from the API's `/content`, else from the address in the job. Throws `content_expired` only if the
 * server reports that for the video: a refusal by a file's address says nothing about a paid video.
 */
export async function openContent(call: ContentCall): Promise<ContentReply> {
  const { transport, source, variant, options } = call;
  const refusal = await openRoute(call).catch(soraErrorOf);
  if (!(refusal instanceof SoraError)) return refusal;
  const location = isRoute(call, source.content) ? null : source.content;
  const isFinal = refusal.status === null ? !isRefusal(refusal) : PASSING.has(refusal.status);
  if (
    isFinal ||
    isOtherFile(refusal, options) ||
    variant !== 'video' ||
    location === null ||
    !canFetch(transport, location)
  )
    throw refusal;
  const outcome = await openNamed(call, location).catch(soraErrorOf);
  if (!(outcome instanceof SoraError)) return outcome;
  throw isOtherFile(outcome, options) || ROUTELESS.has(refusal.code) ? outcome : refusal;
}

/** The same for servers whose jobs contain the address and which may have no `/content`. */
export async function openFromJob(call: ContentCall, location: ContentLocation): Promise<ContentReply> {
  const { transport } = call;
  if (isRoute(call, location)) return openRoute(call);
  if (!canFetch(transport, location)) {
    throw new SoraError('not_supported', { title: 'the URL of the video cannot be fetched' });
  }
  const refusal = await openNamed(call, location).catch(soraErrorOf);
  if (!(refusal instanceof SoraError)) return refusal;
  if (!isRefusal(refusal)) throw refusal;
  const outcome = await openRoute(call).catch(soraErrorOf);
  if (!(outcome instanceof SoraError)) return outcome;
  throw outcome.code === 'content_expired' ? outcome : refusal;
}

/** The code for a file address that refuses. Unlike `content_expired` it says nothing about the job. */
const REFUSED: ErrorCode = 'content_refused';

/** Whether the address of a file refuses, so that another one may work. */
function isRefusal({ code }: SoraError): boolean {
  return code === REFUSED || code === 'content_not_ready';
}

/** Statuses of `/content` that mean "later": the file may be incomplete at other addresses too. */
const PASSING: ReadonlySet<number> = new Set([409, 425, 429]);

/** The replies of servers without `/content`; the file's own address is more reliable. */
const ROUTELESS: ReadonlySet<ErrorCode> = new Set(['content_not_ready', 'not_supported', 'endpoint_not_found']);

/** Whether a resume found a different file, so the caller must start over. */
function isOtherFile({ code }: SoraError, { resume }: ContentOptions): boolean {
  return resume !== undefined && code === 'download_corrupt';
}

/** `/content`, with the key: the bytes, or JSON with their address. */
async function openRoute(call: ContentCall): Promise<ContentReply> {
  const { transport, source, variant, options, context } = call;
  const url = transport.urlOf(routeOf(source.id), variant === 'video' ? {} : { variant });
  const reply = await fetchContent(call, url);
  if (isSuccess(reply) && !isDocument(reply)) return toContentReply(reply, options.resume);
  if (reply.status >= 300) throw await failureFrom(call, reply);
  const text = await transport.textOf(reply, options.signal).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    throw failureFromThrown(error, context);
  });
  const location = decodeLocation(parseJson(text));
  if (location === null || isRoute(call, location) || !canFetch(transport, location)) {
    throw noBytes(reply, text, context);
  }
  return openLocation(call, location);
}

/** The file at the job's address; if that refuses, at the address that the job has now. */
async function openNamed(call: ContentCall, location: ContentLocation): Promise<ContentReply> {
  const { transport, options, look } = call;
  const refusal = await openLocation(call, location).catch(soraErrorOf);
  if (!(refusal instanceof SoraError)) return refusal;
  if (!isRefusal(refusal)) throw refusal;
  const job = await look().catch(soraErrorOf);
  options.signal?.throwIfAborted();
  if (job instanceof SoraError) throw job.code === 'content_expired' ? job : refusal;
  const expired = job.status === 'expired' ? failureOf(job) : null;
  if (expired !== null) throw expired;
  const isFresh = job.content !== null && !isDeepStrictEqual(job.content, location);
  if (!isFresh || isRoute(call, job.content) || !canFetch(transport, job.content)) throw refusal;
  return openLocation(call, job.content);
}

async function openLocation(call: ContentCall, content: ContentLocation): Promise<ContentReply> {
  if (content.kind === 'base64') return fromBase64(content.base64);
  const place = new URL(content.url, call.transport.baseUrl);
  if (place.protocol === 'data:') return fromBase64(content.url);
  const reply = await fetchContent(call, place.href);
  if (isSuccess(reply)) return toContentReply(reply, call.options.resume);
  throw await failureFrom(call, reply, true);
}

function canFetch({ baseUrl }: Transport, content: ContentLocation): boolean {
  if (content.kind === 'base64') return true;
  if (!URL.canParse(content.url, baseUrl)) return false;
  return ['http:', 'https:', 'data:'].includes(new URL(content.url, baseUrl).protocol);
}

function routeOf(id: string): string {
  return `${jobPath('/videos', id)}/content`;
}

/** Whether an address is the API's own `/content`, perhaps under an internal host name such as `localhost`. */
function isRoute({ transport, source }: ContentCall, content: ContentLocation | null): boolean {
  if (content?.kind !== 'url' || !URL.canParse(content.url, transport.baseUrl)) return false;
  return new URL(content.url, transport.baseUrl).pathname.endsWith(routeOf(source.id));
}

async function fetchContent({ transport, options, context }: ContentCall, url: string): Promise<OpenedReply> {
  const { resume, signal } = options;
  const range = resume && { range: `bytes=${resume.offsetBytes}-`, 'if-range': resume.validator.ifRange };
  try {
    return await transport.open({ method: 'GET', url, headers: { ...range }, signal }, SNIFF_BYTES);
  } catch (error) {
    signal?.throwIfAborted();
    const failure = failureFromThrown(error, context);
    throw hasCode(error, PRIVATE_ADDRESS) ? privateAddressRefusal(failure, context) : failure;
  }
}

/** The error for an address that only this machine or its network can reach. */
function privateAddressRefusal({ causedBy }: SoraError, { facts = {} }: CallContext): SoraError {
  return new SoraError(REFUSED, {
    title: 'the server names a private address for the video’s file',
    causedBy,
    facts,
    hints: [
      `run \`sora config set profiles.${facts.profile ?? 'NAME'}.capabilities.${PRIVATE_FILES} yes\` if you trust the server and its files are there`,
    ],
  });
}

function isSuccess({ status }: HttpReply): boolean {
  return status >= 200 && status < 300;
}

/** A reply instead of the bytes: JSON, a page or an empty body, whatever its declared type. */
function isDocument({ status, headers, head }: OpenedReply): boolean {
  if (head.length === 0 || /\bjson\b|^text\/html/i.test(headers['content-type'] ?? '')) return true;
  return status !== 206 && sniffMedia(head) === null && /^[\ufeff\s]*[{[<"]/.test(head.toString('utf8', 0, 64));
}

const NOT_YET = /not[ _]yet|not[ _](ready|complete|finished)|in.?progress|processing|pending|queued|generating/i;

/** The meaning of a 2xx without bytes: "not yet", "expired", an error passed on, or not a reply of this API. */
function noBytes({ status, headers }: HttpReply, text: string, context: CallContext): SoraError {
  const { code, message } = decodeErrorBody(text);
  const word = decodeJobStatus(parseJson(text));
  const facts = context.facts ?? {};
  const causedBy = quoteReply(status, message.slice(0, MAX_QUOTED_CHARACTERS));
  const isUnfinished = word === 'queued' || word === 'in_progress' || NOT_YET.test(`${code} ${message}`);
  if (word === 'expired') return new SoraError('content_expired', { causedBy, status, facts });
  if (status !== 200 || text.trim() === '' || isUnfinished) {
    return new SoraError('content_not_ready', { causedBy, status, facts });
  }
  const failure = failureFromReply({ status: embeddedStatusOf(parseJson(text)) ?? 500, headers, body: text }, context);
  if (codeOf(failure.code, failure.status ?? 0, false) === 'content_not_ready')
    return new SoraError('content_not_ready', { causedBy, status, facts });
  if (failure.code !== 'server_error' || failure.status !== 500) return failure.with({ status });
  const title = 'the download is not a media file';
  return new SoraError('download_corrupt', { title, causedBy, status, retryable: false, facts });
}

const MAX_QUOTED_CHARACTERS = 300;

/** The status of an upstream error that a gateway wraps in a 200. */
function embeddedStatusOf(value: JsonValue | undefined): number | null {
  if (!isJsonObject(value)) return null;
  const { error } = value;
  const places = isJsonObject(error) ? [error.code, error.status, value.status] : [value.code, value.status];
  return places.map(Number).find((status) => status >= 400 && status < 600) ?? null;
}

/** Servers say "not yet" in four ways; only a caller that knows the job can distinguish it from "never". */
const NOT_READY: ReadonlySet<number> = new Set([400, 404, 409, 425]);

/** The file is shorter than the part already received, so it has changed. */
const RANGE_NOT_SATISFIABLE = 416;

/** `isNamed`: of the address in a job. `/content` may redirect to a file, too. */
async function failureFrom(
  { transport, context }: ContentCall,
  reply: OpenedReply,
  isNamed = false,
): Promise<SoraError> {
  const body = await transport.textOf(reply).catch(() => '');
  const failure = failureFromReply({ ...reply, body }, context);
  const isOfFile = isNamed || !transport.isHome(reply.url);
  const code = codeOf(failure.code, reply.status, isOfFile);
  if (code === failure.code && !isOfFile) return failure;
  const title = `the URL of the video’s file refuses the download: ${new URL(reply.url).origin}`;
  const { retryAfterMs } = failure;
  return failure.as(code, { retryAfterMs, facts: context.facts ?? {}, ...(code === REFUSED && { title }) });
}

function codeOf(code: ErrorCode, status: number, isOfFile: boolean): ErrorCode {
  if (status === RANGE_NOT_SATISFIABLE) return 'download_corrupt';
  // An address that has expired, requires a key or is blocked does not mean that the video is gone.
  if (isOfFile && status >= 400 && status < 500) return FILE_PASSING.get(status) ?? REFUSED;
  const isVague = code === 'invalid_request' || code === 'endpoint_not_found' || code === 'video_not_found';
  return isVague && NOT_READY.has(status) ? 'content_not_ready' : code;
}

/** Statuses of a file's address that may be temporary. */
const FILE_PASSING: ReadonlyMap<number, ErrorCode> = new Map([
  [404, 'content_not_ready'],
  [407, 'proxy_failure'],
  [408, 'request_timeout'],
  [409, 'content_not_ready'],
  [425, 'content_not_ready'],
  [429, 'rate_limit_exceeded'],
]);

/** Throws `download_corrupt` for the wrong range, or a range of a different file. */
function toContentReply(
  { url, headers, status, head, body }: OpenedReply,
  resume: ResumePoint | undefined,
): ContentReply {
  const validator = headers['accept-ranges'] === 'none' ? null : validatorOf(headers);
  const { origin } = new URL(url);
  if (status !== 206) {
    const length = headers['content-length'];
    return { head, body, origin, totalBytes: length === undefined ? null : Number(length), offsetBytes: 0, validator };
  }
  const range = rangeOf(headers);
  const causedBy = faultOfPart(range, headers, resume);
  if (range !== null && causedBy === null) {
    const totalBytes = range.totalBytes ?? resume?.totalBytes ?? null;
    return { head, body, origin, totalBytes, offsetBytes: range.offsetBytes, validator };
  }
  body.destroy();
  throw new SoraError('download_corrupt', { retryable: false, causedBy: `HTTP 206: ${causedBy}` });
}

/** Why a part cannot be appended to the part received; null if it can. */
function faultOfPart(
  range: ByteRange | null,
  headers: HttpReply['headers'],
  resume: ResumePoint | undefined,
): string | null {
  if (range === null || range.offsetBytes !== (resume?.offsetBytes ?? 0)) {
    return `the server returned the wrong range (${headers['content-range'] ?? 'no Content-Range'})`;
  }
  if (resume === undefined) return null;
  const isOther = !isDeepStrictEqual(validatorOf(headers), resume.validator);
  const isOtherLength = typeof resume.totalBytes === 'number' && ![null, resume.totalBytes].includes(range.totalBytes);
  return isOther || isOtherLength ? 'the file has changed since the download began' : null;
}

/** The forms of an ETag that promises equal bytes: a weak, empty or unquoted one does not (RFC 9110 §8.8.3). */
const STRONG_ETAG = /^"[^"]+"$/;

function validatorOf(headers: HttpReply['headers']): Validator | null {
  const { etag = null, 'last-modified': modified } = headers;
  const ifRange = etag !== null && STRONG_ETAG.test(etag) ? etag : modified;
  return ifRange ? { ifRange, etag } : null;
}

interface ByteRange {
  readonly offsetBytes: number;
  readonly totalBytes: number | null;
}

/** The part of the file that the body of a 206 is; null if its headers do not say so, or contradict each other. */
function rangeOf(headers: HttpReply['headers']): ByteRange | null {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (!match || /^multipart\//i.test(headers['content-type'] ?? '')) return null;
  const [offsetBytes, last] = [Number(match[1]), Number(match[2])];
  const totalBytes = match[3] === '*' ? null : Number(match[3]);
  const partBytes = last - offsetBytes + 1;
  const isConsistent =
    partBytes > 0 &&
    last < (totalBytes ?? Number.POSITIVE_INFINITY) &&
    Number(headers['content-length'] ?? partBytes) === partBytes;
  return isConsistent ? { offsetBytes, totalBytes } : null;
}

function fromBase64(base64: string): ContentReply {
  const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64');
  const [head, rest] = [bytes.subarray(0, SNIFF_BYTES), bytes.subarray(SNIFF_BYTES)];
  return {
    head,
    body: Readable.from([rest]),
    origin: 'data:',
    totalBytes: bytes.length,
    offsetBytes: 0,
    validator: null,
  };
}
