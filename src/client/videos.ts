import type { Encoding } from '../domain/dialect.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Variant, VideoJob, VideoRequest } from '../domain/video.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { jobPath } from '../wire/job-path.ts';
import { parseReplyJson } from '../wire/reply-json.ts';
import { decodePage, encodeForm, encodeJson, encodePlainJson, encodingFor } from '../wire/videos.ts';
import { openContent } from './content.ts';
import { type CallContext, refusesEncoding, unreadableReply } from './failure.ts';
import type {
  CallOptions,
  ContentOptions,
  ContentReply,
  ContentSource,
  CreateOptions,
  CreateOutcome,
  ListQuery,
  VideoPage,
  VideosClient,
} from './port.ts';
import {
  aheadOf,
  isEndedJob,
  isSuccess,
  jobOf,
  outcomeBehind,
  type Reply,
  readReply,
  removalOf,
  replyFacts,
  unansweredOutcome,
} from './reply.ts';
import { Sdk, StatusError, unwrapSdkError } from './sdk.ts';
import type { Transport } from './transport.ts';

export interface VideosClientOptions {
  readonly transport: Transport;
  readonly encoding: Encoding | 'auto';
  readonly profile: string;
  readonly now: () => number;
}

type Call = (sdk: Sdk, options: CallOptions) => { asResponse(): Promise<Response> };

/** Refusals of the types of two fields, in the words of the libraries that read them. */
const TYPE_REFUSED =
  /\b(seconds|input_reference)\b.{0,80}(invalid type|valid (integer|number|string)|must be an? (integer|number|string))/is;

const ENCODERS: Readonly<Record<Encoding, (request: VideoRequest) => JsonObject | FormData>> = {
  json: encodeJson,
  multipart: encodeForm,
  'plain-json': encodePlainJson,
};

/** Dialect `videos` on the openai SDK; see `port.ts` for what each call promises. */
export class SdkVideosClient implements VideosClient {
  readonly #options: VideosClientOptions;
  readonly #sdk: Sdk;
  /** The encoding that this server turned out to want. */
  #learnt: Encoding | undefined;

  constructor(options: VideosClientOptions) {
    this.#options = options;
    this.#sdk = new Sdk(options.transport);
  }

  /** Ignores the signal: to abort a create that has left would only hide what became of it. */
  async create(request: VideoRequest, { idempotencyKey }: CreateOptions): Promise<CreateOutcome> {
    const context = this.#context({ model: request.model, size: request.size });
    const headers = { 'Idempotency-Key': idempotencyKey };
    const send = (encoding: Encoding): Promise<Reply> =>
      this.#call((sdk) => sdk.post('/videos', { body: ENCODERS[encoding](request), headers }));
    try {
      const first = this.#learnt ?? encodingFor(request, this.#options.encoding);
      let reply = await send(first);
      const other = this.#options.encoding === 'auto' ? otherEncoding(first, reply) : null;
      if (other !== null) {
        reply = await send(other);
        if (isSuccess(reply)) this.#learnt = other;
      }
      return await outcomeBehind(reply, context, (url) => this.#readAddress(url));
    } catch (error) {
      return unansweredOutcome(error, context);
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<VideoJob> {
    const context = this.#context({ id });
    const path = jobPath('/videos', id);
    const reply = await this.#read((sdk, own) => sdk.get(path, own), context, options, isEndedJob(id));
    return jobOf(reply, id, context);
  }

  async list({ limit, after, order }: ListQuery, options: CallOptions = {}): Promise<VideoPage> {
    const context = this.#context({});
    const query = { limit, ...(after === undefined ? {} : { after }), ...(order === undefined ? {} : { order }) };
    const reply = await this.#read((sdk, own) => sdk.get('/videos', { query, ...own }), context, options);
    const page = decodePage(reply.value, replyFacts(reply, context.atMs));
    if (page === null) throw unreadableReply(reply, context);
    // `has_more` is missing on some servers and always true on others: an empty page, or the same one again, ends the list.
    const jobs = page.lastId === after ? [] : page.jobs.filter((job) => job.id !== after);
    const next = page.hasMore === false || jobs.length === 0 ? null : page.lastId;
    return { jobs, next, aheadMs: aheadOf(reply, this.#options.now()) };
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    const context = this.#context({ id });
    const path = jobPath('/videos', id);
    const reply = await this.#read((sdk, own) => sdk.delete(path, own), context, options);
    return removalOf(reply, context);
  }

  content(source: ContentSource, variant: Variant, options: ContentOptions = {}): Promise<ContentReply> {
    const { transport } = this.#options;
    const context = this.#context({ id: source.id });
    return openContent({ transport, source, variant, options, context, look: () => this.get(source.id, options) });
  }

  async #readAddress(address: string): Promise<Reply> {
    const { transport } = this.#options;
    const headers = { accept: 'application/json' };
    const reply = await transport.send({ method: 'GET', url: transport.withQuery(address), headers });
    const body = await transport.answerOf(reply);
    return { status: reply.status, headers: reply.headers, body, value: parseReplyJson(body) };
  }

  #read(
    call: Call,
    context: CallContext,
    { signal }: CallOptions,
    isAnswer?: (reply: Reply) => boolean,
  ): Promise<Reply> {
    return readReply(this.#call(call, signal), context, signal, isAnswer);
  }

  async #call(call: Call, signal?: AbortSignal): Promise<Reply> {
    // The SDK leaves a listener on the signal that it is given: over a long wait they would pile up.
    const own = new AbortController();
    const abort = (): void => own.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    try {
      const response = await call(this.#sdk, { signal: own.signal }).asResponse();
      const body = await response.text();
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body,
        value: parseReplyJson(body),
      };
    } catch (error) {
      if (!(error instanceof StatusError)) throw unwrapSdkError(error);
      const { status, headers, body } = error;
      return { status: status ?? 0, headers: Object.fromEntries(headers ?? []), body, value: parseReplyJson(body) };
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #context(facts: NonNullable<CallContext['facts']>): CallContext {
    const { transport, profile, now } = this.#options;
    return { baseUrl: transport.baseUrl, hasKey: transport.hasKey, atMs: now(), facts: { profile, ...facts } };
  }
}

/** What to send in the place of an encoding that the server shows not to have understood; null when it refused for another reason. */
function otherEncoding(sent: Encoding, reply: Reply): Encoding | null {
  const isAboutTypes =
    (reply.status === 400 || reply.status === 422) && TYPE_REFUSED.test(decodeErrorBody(reply.body).message);
  if (sent === 'json' && isAboutTypes) return 'plain-json';
  if (!refusesEncoding(reply)) return null;
  return sent === 'multipart' ? 'json' : 'multipart';
}
