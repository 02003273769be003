import { Readable } from 'node:stream';
import type { ErrorCode } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import type { ContentLocation, Variant } from '../domain/video.ts';
import type { HttpReply } from '../platform/http.ts';
import { jobPath } from '../wire/job-path.ts';
import { type CallContext, failureFromReply, failureFromThrown } from './failure.ts';
import type { ContentOptions, ContentReply, ContentSource, ResumePoint } from './port.ts';
import type { Transport, TransportReply } from './transport.ts';

/**
 * The bytes of a video, past the SDK: it would hold the whole file in memory.
 * First below the API's own `/content`; where a server has none, from the place
 * that its job names.
 */
export async function openContent(
  transport: Transport,
  source: ContentSource,
  variant: Variant,
  options: ContentOptions,
  context: CallContext,
): Promise<ContentReply> {
  const path = `${jobPath('/videos', source.id)}/content`;
  const url = transport.urlOf(path, variant === 'video' ? {} : { variant });
  const reply = await fetchContent(transport, url, options, context);
  if (isSuccess(reply)) return toContentReply(reply, options.resume);
  const refusal = await failureFrom(transport, reply, context);
  const { content } = source;
  if (variant !== 'video' || content === null || !mayBeElsewhere(reply)) throw refusal;
  const elsewhere = await openLocation(transport, content, options, context);
  if (elsewhere === null) throw refusal;
  return elsewhere;
}

/** The bytes at the place that a job names; null for an address that cannot be fetched. */
export async function openLocation(
  transport: Transport,
  content: ContentLocation,
  options: ContentOptions,
  context: CallContext,
): Promise<ContentReply | null> {
  if (content.kind === 'base64') return fromBase64(content.base64);
  if (!URL.canParse(content.url, transport.baseUrl)) return null;
  const place = new URL(content.url, transport.baseUrl);
  if (place.protocol === 'data:') return fromBase64(content.url);
  if (place.protocol !== 'http:' && place.protocol !== 'https:') return null;
  const reply = await fetchContent(transport, place.href, options, context);
  if (isSuccess(reply)) return toContentReply(reply, options.resume);
  throw await failureFrom(transport, reply, context);
}

async function fetchContent(
  transport: Transport,
  url: string,
  { resume, signal }: ContentOptions,
  context: CallContext,
): Promise<TransportReply> {
  const range = resume && { range: `bytes=${resume.offsetBytes}-`, 'if-range': resume.validator };
  try {
    return await transport.send({
      method: 'GET',
      url,
      headers: { 'accept-encoding': 'identity', ...range },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw failureFromThrown(error, context);
  }
}

function isSuccess({ status }: HttpReply): boolean {
  return status === 200 || status === 206;
}

/** No such route, or none for this job: its own word for the place is worth more. */
function mayBeElsewhere({ status }: HttpReply): boolean {
  return status === 400 || status === 404 || status === 405 || status === 501;
}

/** Servers say "not yet" in four ways; only a caller who knows the job can tell "not yet" from "never". */
const NOT_READY: ReadonlySet<number> = new Set([400, 404, 409, 425]);

/** The file is shorter than what has arrived, so it is another one by now. */
const RANGE_NOT_SATISFIABLE = 416;

async function failureFrom(transport: Transport, reply: TransportReply, context: CallContext): Promise<SoraError> {
  const body = await transport.textOf(reply).catch(() => '');
  const failure = failureFromReply({ status: reply.status, headers: reply.headers, body }, context);
  const { causedBy, status, requestId, retryAfterMs } = failure;
  const code = codeOf(failure.code, reply.status, !transport.isHome(reply.url));
  if (code === failure.code) return failure;
  return new SoraError(code, { causedBy, status, requestId, retryAfterMs, facts: context.facts ?? {} });
}

function codeOf(code: ErrorCode, status: number, isForeign: boolean): ErrorCode {
  // A server that is sent no key refuses because the address that it was reached by is no longer good.
  if (isForeign && (status === 401 || status === 403)) return 'content_expired';
  if (status === RANGE_NOT_SATISFIABLE) return 'download_corrupt';
  const isVague = code === 'invalid_request' || code === 'endpoint_not_found' || code === 'video_not_found';
  return isVague && NOT_READY.has(status) ? 'content_not_ready' : code;
}

/** Throws `download_corrupt` for another part of the file than was asked for, or a part of another file. */
function toContentReply({ url, headers, status, body }: TransportReply, resume: ResumePoint | undefined): ContentReply {
  const validator = headers['accept-ranges'] === 'none' ? null : validatorOf(headers);
  const { origin } = new URL(url);
  if (status === 200) {
    const length = headers['content-length'];
    return { body, origin, totalBytes: length === undefined ? null : Number(length), offsetBytes: 0, validator };
  }
  const range = parseContentRange(headers['content-range']);
  const causedBy = faultOfPart(range, headers, resume);
  if (range !== null && causedBy === null) return { body, origin, ...range, validator };
  body.destroy();
  throw new SoraError('download_corrupt', { retryable: false, causedBy: `HTTP 206: ${causedBy}` });
}

/** Why a part cannot be put behind what has arrived; null where it can. */
function faultOfPart(
  range: ByteRange | null,
  headers: HttpReply['headers'],
  resume: ResumePoint | undefined,
): string | null {
  if (range === null || range.offsetBytes !== (resume?.offsetBytes ?? 0)) {
    return `another part of the file than was asked for (${headers['content-range'] ?? 'not said which'})`;
  }
  if (resume === undefined) return null;
  const validator = resume.validator.startsWith('"') ? headers.etag : headers['last-modified'];
  const isOther = validator !== undefined && validator !== resume.validator;
  const isOtherLength = typeof resume.totalBytes === 'number' && ![null, resume.totalBytes].includes(range.totalBytes);
  return isOther || isOtherLength ? 'the file has changed since the download began' : null;
}

/** A weak ETag does not promise equal bytes, so it cannot join two parts. */
function validatorOf(headers: HttpReply['headers']): string | null {
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : (headers['last-modified'] ?? null);
}

interface ByteRange {
  readonly offsetBytes: number;
  readonly totalBytes: number | null;
}

function parseContentRange(header: string | undefined): ByteRange | null {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  if (!match) return null;
  return { offsetBytes: Number(match[1]), totalBytes: match[2] === '*' ? null : Number(match[2]) };
}

function fromBase64(base64: string): ContentReply {
  const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64');
  return { body: Readable.from([bytes]), origin: 'data:', totalBytes: bytes.length, offsetBytes: 0, validator: null };
}
