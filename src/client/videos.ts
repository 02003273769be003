import type { Encoding } from '../domain/dialect.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Variant, VideoJob, VideoRequest } from '../domain/video.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { jobPath } from '../wire/job-path.ts';
import { decodePage, encodeForm, encodeJson, encodePlainJson, encodingFor } from '../wire/videos.ts';
import { openContent } from './content.ts';
import { refusesEncoding, unreadableReply } from './failure.ts';
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
  type ClientOptions,
  contextFor,
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

export interface VideosClientOptions extends ClientOptions {
  readonly encoding: Encoding | 'auto';
}

/** Refusals of two fields' types, as validation libraries word them. */
const TYPE_REFUSED =
  /\b(seconds|input_reference)\b.{0,80}(invalid type|valid (integer|number|string)|must be an? (integer|number|string))/is;

const ENCODERS: Readonly<Record<Encoding, (request: VideoRequest) => JsonObject | FormData>> = {
  json: encodeJson,
  multipart: encodeForm,
  'plain-json': encodePlainJson,
};

/**
 * Dialect `videos`; see `port.ts` for the contract of each call. Creates go through the openai SDK. Other calls use the
 * transport directly: the SDK builds a `Headers` for each call, and loading that class takes as long as starting Node.
 */
export class SdkVideosClient implements VideosClient {
  readonly #options: VideosClientOptions;
  /** The encoding that this server accepts, once known. */
  #learnt: Encoding | undefined;

  constructor(options: VideosClientOptions) {
    this.#options = options;
  }

  /** Ignores the signal: aborting a create that has left would only hide its outcome. */
  async create(request: VideoRequest, { idempotencyKey }: CreateOptions): Promise<CreateOutcome> {
    const { transport } = this.#options;
    const context = contextFor(this.#options, { model: request.model, size: request.size });
    const { postThroughSdk } = await import('./sdk.ts');
    const send = (encoding: Encoding): Promise<Reply> =>
      postThroughSdk(transport, '/videos', ENCODERS[encoding](request), { 'idempotency-key': idempotencyKey });
    try {
      const first = this.#learnt ?? encodingFor(request, this.#options.encoding);
      let reply = await send(first);
      const other = this.#options.encoding === 'auto' ? otherEncoding(first, reply) : null;
      if (other !== null) {
        reply = await send(other);
        if (isSuccess(reply)) this.#learnt = other;
      }
      return await outcomeBehind(reply, context, transport);
    } catch (error) {
      return unansweredOutcome(error, context);
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<VideoJob> {
    const context = contextFor(this.#options, { id });
    const url = this.#options.transport.urlOf(jobPath('/videos', id));
    return jobOf(
      await readReply(this.#options.transport, { method: 'GET', url: url, ...options }, context, isEndedJob(id)),
      id,
      context,
    );
  }

  async list({ limit, after, order }: ListQuery, options: CallOptions = {}): Promise<VideoPage> {
    const context = contextFor(this.#options, {});
    const query = {
      limit: String(limit),
      ...(after !== undefined && { after }),
      ...(order !== undefined && { order }),
    };
    const url = this.#options.transport.urlOf('/videos', query);
    const reply = await readReply(this.#options.transport, { method: 'GET', url: url, ...options }, context);
    const page = decodePage(reply.value, replyFacts(reply, context.atMs));
    if (page === null) throw unreadableReply(reply, context);
    // `has_more` is missing on some servers and always true on others: the same page again ends the list. A gateway that
    // shows only a user's own jobs may send an empty page before the next ones, and says where they begin.
    const isRepeated = page.lastId === after;
    const jobs = isRepeated ? [] : page.jobs.filter((job) => job.id !== after);
    const isEnd = page.hasMore === false || isRepeated || (jobs.length === 0 && page.hasMore !== true);
    const next = isEnd ? null : page.lastId;
    return { jobs, next, aheadMs: aheadOf(reply, this.#options.now()) };
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    const context = contextFor(this.#options, { id });
    const url = this.#options.transport.urlOf(jobPath('/videos', id));
    return removalOf(
      await readReply(this.#options.transport, { method: 'DELETE', url: url, ...options }, context),
      context,
    );
  }

  content(source: ContentSource, variant: Variant, options: ContentOptions = {}): Promise<ContentReply> {
    const { transport } = this.#options;
    const context = contextFor(this.#options, { id: source.id });
    return openContent({ transport, source, variant, options, context, look: () => this.get(source.id, options) });
  }
}

/** The encoding to try instead if a refusal shows that the server did not understand; null for other refusals. */
function otherEncoding(sent: Encoding, reply: Reply): Encoding | null {
  const isAboutTypes =
    (reply.status === 400 || reply.status === 422) && TYPE_REFUSED.test(decodeErrorBody(reply.body).message);
  if (sent === 'json' && isAboutTypes) return 'plain-json';
  if (!refusesEncoding(reply)) return null;
  return sent === 'multipart' ? 'json' : 'multipart';
}
