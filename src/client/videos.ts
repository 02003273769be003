import { SoraError } from '../domain/errors.ts';
import { type JsonValue, parseJson } from '../domain/json.ts';
import type { Variant, VideoJob, VideoRequest } from '../domain/video.ts';
import type { ReplyFacts } from '../wire/job.ts';
import { decodeJob } from '../wire/job.ts';
import { decodeDeleted, decodePage, encodeForm, encodeJson, encodingOf } from '../wire/videos.ts';
import { openContent } from './content.ts';
import {
  type CallContext,
  failureFromReply,
  failureFromThrown,
  type RefusedReply,
  requestIdOf,
  retryAfterOf,
  sentNothing,
  unreadableReply,
} from './failure.ts';
import type {
  CallOptions,
  ContentReply,
  ContentSource,
  CreateOutcome,
  ListQuery,
  ResumePoint,
  VideoPage,
  VideosClient,
} from './port.ts';
import { Sdk, StatusError, unwrapSdkError } from './sdk.ts';
import type { Transport } from './transport.ts';

export type BodyEncoding = 'auto' | 'json' | 'multipart';

export interface VideosClientOptions {
  readonly transport: Transport;
  readonly encoding: BodyEncoding;
  readonly profile: string;
  readonly now: () => number;
}

type Reply = RefusedReply & { readonly value: JsonValue | undefined };
type Call = (sdk: Sdk, options: CallOptions) => { asResponse(): Promise<Response> };

/** Refusals by which a server shows that it did not understand the body's encoding, so that it made nothing of it. */
const ENCODING_REFUSED =
  /content[- _]?type|multipart|form[- _]?data|media type|json body|prompt\b.{0,40}(required|missing)|(required|missing).{0,40}\bprompt/is;

/** Dialect `videos` on the openai SDK; see `port.ts` for what each call promises. */
export class SdkVideosClient implements VideosClient {
  readonly #options: VideosClientOptions;
  readonly #sdk: Sdk;
  /** The encoding that this server turned out to want. */
  #learnt: 'json' | 'multipart' | undefined;

  constructor(options: VideosClientOptions) {
    this.#options = options;
    this.#sdk = new Sdk(options.transport);
  }

  /** Hears no signal: to break off a create that has left would only hide what became of it. */
  async create(request: VideoRequest, { idempotencyKey }: { idempotencyKey: string }): Promise<CreateOutcome> {
    const context = this.#context({ model: request.model, size: request.size });
    const send = (encoding: 'json' | 'multipart'): Promise<Reply> =>
      this.#call((sdk) =>
        sdk.post('/videos', {
          body: encoding === 'json' ? encodeJson(request) : encodeForm(request),
          headers: { 'Idempotency-Key': idempotencyKey },
        }),
      );
    try {
      const first = this.#encodingFor(request);
      let reply = await send(first);
      if (this.#options.encoding === 'auto' && refusesEncoding(reply)) {
        const other = first === 'json' ? 'multipart' : 'json';
        reply = await send(other);
        if (isSuccess(reply)) this.#learnt = other;
      }
      return this.#createOutcome(reply, context);
    } catch (error) {
      const failure = failureFromThrown(error, context);
      return sentNothing(error) ? { kind: 'rejected', error: failure } : { kind: 'unknown', error: inDoubt(failure) };
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<VideoJob> {
    const context = this.#context({ id });
    const reply = await this.#read((sdk, own) => sdk.get(`/videos/${encodeURIComponent(id)}`, own), context, options);
    const job = decodeJob(reply.value, { ...this.#replyFacts(reply), askedId: id });
    if (job === null) throw unreadableReply(reply, context);
    return job;
  }

  async list({ limit, after, order }: ListQuery, options: CallOptions = {}): Promise<VideoPage> {
    const context = this.#context({});
    const query = { limit, ...(after === undefined ? {} : { after }), ...(order === undefined ? {} : { order }) };
    const reply = await this.#read((sdk, own) => sdk.get('/videos', { query, ...own }), context, options);
    const page = decodePage(reply.value, this.#replyFacts(reply));
    if (page === null) throw unreadableReply(reply, context);
    // `has_more` is missing on some servers and always true on others: an empty page or a standing cursor ends the list.
    const ended = page.hasMore === false || page.jobs.length === 0 || page.lastId === after;
    return { jobs: page.jobs, next: ended ? null : page.lastId };
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    const context = this.#context({ id });
    const path = `/videos/${encodeURIComponent(id)}`;
    const reply = await this.#read((sdk, own) => sdk.delete(path, own), context, options);
    if (reply.value === undefined && reply.body.trim() !== '') throw unreadableReply(reply, context);
    return decodeDeleted(reply.value);
  }

  content(
    source: ContentSource,
    variant: Variant,
    options: CallOptions & { readonly resume?: ResumePoint } = {},
  ): Promise<ContentReply> {
    return openContent(this.#options.transport, source, variant, options, this.#context({ id: source.id }));
  }

  #encodingFor(request: VideoRequest): 'json' | 'multipart' {
    const { encoding } = this.#options;
    if (encoding !== 'auto') return encoding;
    return this.#learnt ?? encodingOf(request);
  }

  #createOutcome(reply: Reply, context: CallContext): CreateOutcome {
    if (isSuccess(reply)) {
      const job = decodeJob(reply.value, this.#replyFacts(reply));
      return job === null ? { kind: 'unknown', error: unreadableReply(reply, context) } : { kind: 'accepted', job };
    }
    const error = failureFromReply(reply, context);
    return provesNothingMade(reply) ? { kind: 'rejected', error } : { kind: 'unknown', error: inDoubt(error) };
  }

  /** A call that changes nothing when it is lost: every reply but a 2xx is an error. */
  async #read(call: Call, context: CallContext, { signal }: CallOptions): Promise<Reply> {
    let reply: Reply;
    try {
      reply = await this.#call(call, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw failureFromThrown(error, context);
    }
    if (!isSuccess(reply)) throw failureFromReply(reply, context);
    return reply;
  }

  async #call(call: Call, signal?: AbortSignal): Promise<Reply> {
    // The SDK leaves a listener on the signal that it is given: over a long wait they would pile up.
    const own = new AbortController();
    const abort = (): void => own.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    const { transport } = this.#options;
    try {
      const response = await call(this.#sdk, { signal: own.signal }).asResponse();
      const body = transport.withoutKey(await response.text());
      return { status: response.status, headers: Object.fromEntries(response.headers), body, value: parseJson(body) };
    } catch (error) {
      if (!(error instanceof StatusError)) throw unwrapSdkError(error);
      const body = transport.withoutKey(error.body);
      return { status: error.status ?? 0, headers: Object.fromEntries(error.headers ?? []), body, value: undefined };
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #context(facts: NonNullable<CallContext['facts']>): CallContext {
    const { transport, profile, now } = this.#options;
    return { baseUrl: transport.baseUrl, hasKey: transport.hasKey, atMs: now(), facts: { profile, ...facts } };
  }

  #replyFacts({ headers }: Reply): ReplyFacts {
    const pollAfterMs = Number.parseFloat(headers['openai-poll-after-ms'] ?? '');
    return {
      requestId: requestIdOf(headers),
      pollAfterMs: pollAfterMs > 0 ? pollAfterMs : retryAfterOf(headers, this.#options.now()),
    };
  }
}

function isSuccess({ status }: Reply): boolean {
  return status >= 200 && status < 300;
}

function refusesEncoding({ status, body }: Reply): boolean {
  return (status === 400 || status === 415 || status === 422) && (status === 415 || ENCODING_REFUSED.test(body));
}

/** A refusal of the request itself. Time-outs (408, 499) and conflicts (409) may come after the work was taken on. */
function provesNothingMade({ status }: Reply): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 409 && status !== 499;
}

function inDoubt(failure: SoraError): SoraError {
  const { causedBy, status, requestId } = failure;
  return new SoraError('outcome_unknown', { causedBy: causedBy ?? failure.message, status, requestId, cause: failure });
}
