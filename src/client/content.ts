import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SoraError } from '../domain/errors.ts';
import type { Variant } from '../domain/video.ts';
import type { HttpReply } from '../platform/http.ts';
import { type CallContext, failureFromReply, failureFromThrown } from './failure.ts';
import type { CallOptions, ContentReply, ContentSource, ResumePoint } from './port.ts';
import type { Transport } from './transport.ts';

type ContentOptions = CallOptions & { readonly resume?: ResumePoint };

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
  const path = `/videos/${encodeURIComponent(source.id)}/content`;
  const url = transport.urlOf(path, variant === 'video' ? {} : { variant });
  const reply = await fetchContent(transport, url, options, context);
  if (isSuccess(reply)) return toContentReply(reply, options.resume);
  const refusal = await failureFrom(reply, context);
  if (variant !== 'video' || source.content === null || !hasNoSuchRoute(reply)) throw refusal;

  if (source.content.kind === 'base64') return fromBase64(source.content.base64);
  const elsewhere = await fetchContent(
    transport,
    new URL(source.content.url, transport.baseUrl).href,
    options,
    context,
  );
  if (isSuccess(elsewhere)) return toContentReply(elsewhere, options.resume);
  throw await failureFrom(elsewhere, context);
}

async function fetchContent(
  transport: Transport,
  url: string,
  { resume, signal }: ContentOptions,
  context: CallContext,
): Promise<HttpReply> {
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

function hasNoSuchRoute({ status }: HttpReply): boolean {
  return status === 404 || status === 405 || status === 501;
}

/** Servers say "not yet" in four ways; only a caller who knows the job can tell "not yet" from "never". */
const NOT_READY: ReadonlySet<number> = new Set([400, 404, 409, 425]);

async function failureFrom(reply: HttpReply, context: CallContext): Promise<SoraError> {
  const body = await text(reply.body).catch(() => '');
  const failure = failureFromReply({ status: reply.status, headers: reply.headers, body }, context);
  const vague = ['invalid_request', 'endpoint_not_found', 'video_not_found'].includes(failure.code);
  if (!vague || !NOT_READY.has(reply.status)) return failure;
  const { causedBy, status, requestId, retryAfterMs } = failure;
  return new SoraError('content_not_ready', { causedBy, status, requestId, retryAfterMs, facts: context.facts ?? {} });
}

function toContentReply(reply: HttpReply, resume: ResumePoint | undefined): ContentReply {
  const { headers, status, body } = reply;
  const validator = headers['accept-ranges'] === 'none' ? null : validatorOf(headers);
  const range = status === 206 ? parseContentRange(headers['content-range']) : null;
  if (range !== null && range.offsetBytes === resume?.offsetBytes) {
    return { body, totalBytes: range.totalBytes, offsetBytes: range.offsetBytes, validator };
  }
  const length = headers['content-length'];
  return { body, totalBytes: length === undefined ? null : Number(length), offsetBytes: 0, validator };
}

/** A weak ETag does not promise equal bytes, so it cannot join two parts. */
function validatorOf(headers: HttpReply['headers']): string | null {
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : (headers['last-modified'] ?? null);
}

function parseContentRange(header: string | undefined): { offsetBytes: number; totalBytes: number | null } | null {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  if (!match) return null;
  return { offsetBytes: Number(match[1]), totalBytes: match[2] === '*' ? null : Number(match[2]) };
}

function fromBase64(base64: string): ContentReply {
  const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64');
  return { body: Readable.from([bytes]), totalBytes: bytes.length, offsetBytes: 0, validator: null };
}
