import { CAPABILITIES, type Capability } from '../domain/capabilities.ts';
import { DIALECTS, type Dialect } from '../domain/dialect.ts';
import { SoraError } from '../domain/errors.ts';
import { firstFormat, type RequestFormat, type WrittenFormat } from '../domain/request-format.ts';
import { CAPABILITY_OF } from '../domain/request-gate.ts';
import { isTerminal, type Variant, type VideoJob, type VideoRequest } from '../domain/video.ts';
import { writeCreate } from '../wire/create.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { isJobDocument } from '../wire/job.ts';
import { decodePollingUrl } from '../wire/json-dialects.ts';
import { jobPath, ROUTES } from '../wire/routes.ts';
import { decodePage } from '../wire/videos.ts';
import { openContent, openFromJob } from './content.ts';
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
  type ClientOptions,
  clockOf,
  contextFor,
  isSuccess,
  outcomeBehind,
  type Reply,
  readJob,
  readReply,
  removeJob,
  replyFacts,
  unansweredOutcome,
} from './reply.ts';

export interface DialectClientOptions extends ClientOptions {
  readonly dialect: Dialect;
  readonly format: RequestFormat;
  /** Called with what a corrected create showed about the server. */
  readonly onLearnt?: ((facts: Partial<RequestFormat>) => Promise<void>) | undefined;
}

/**
 * A server in its dialect; see `port.ts` for the contract of each call. Calls that a dialect does not have throw
 * `not_supported`. Creates go through the openai SDK. Other calls use the transport directly: the SDK builds a `Headers`
 * for each call, and loading that class takes as long as starting Node.
 */
export class DialectClient implements VideosClient {
  readonly #options: DialectClientOptions;
  /** The format that this server turned out to accept. */
  #learnt: Partial<RequestFormat> = {};
  /** The polling address of each job, if the server gave one. */
  readonly #pollingUrls = new Map<string, string>();

  constructor(options: DialectClientOptions) {
    this.#options = options;
  }

  /** Ignores the signal: aborting a create that was sent would only hide its outcome. */
  async create(request: VideoRequest, { idempotencyKey }: CreateOptions): Promise<CreateOutcome> {
    const { transport, dialect, format } = this.#options;
    const { source } = request;
    const operation = source && CAPABILITY_OF[source.operation];
    if (operation && this.#isMissing(operation))
      return { kind: 'rejected', error: this.#without(`no ${source.operation}`) };
    const sourceId = source?.video.kind === 'id' ? source.video.id : null;
    const context = contextFor(this.#options, { model: request.model, size: request.size, id: sourceId });
    const { postThroughSdk } = await import('./sdk.ts');
    const send = (written: WrittenFormat): Promise<Reply> => {
      const { route, body } = writeCreate(dialect, request, written);
      return postThroughSdk(transport, route, body, idempotencyKey);
    };
    try {
      const first = firstFormat(request, { ...format, ...this.#learnt });
      let reply = await send(first);
      const facts = dialect === 'videos' ? correctionAfter(reply, first, request, format) : null;
      if (facts !== null) {
        reply = await send({ ...first, ...facts });
        if (isSuccess(reply)) await this.#learn(facts);
      }
      const outcome = await outcomeBehind(reply, context, transport);
      if (outcome.kind === 'accepted') this.#rememberPollingUrl(outcome.job.id, reply);
      return ofOperation(outcome, request);
    } catch (error) {
      return unansweredOutcome(error, context);
    }
  }

  async #learn(facts: Partial<RequestFormat>): Promise<void> {
    this.#learnt = { ...this.#learnt, ...facts };
    await this.#options.onLearnt?.(facts);
  }

  async get(id: string, options: CallOptions = {}): Promise<VideoJob> {
    const url = this.#pollingUrls.get(id) ?? this.#urlOf(id);
    const { job, reply } = await readJob(this.#options, id, url, options);
    this.#rememberPollingUrl(id, reply);
    return job;
  }

  async list({ limit, after, order }: ListQuery, options: CallOptions = {}): Promise<VideoPage> {
    if (this.#isMissing('list')) throw this.#without('no list of videos');
    const query = {
      limit: String(limit),
      ...(after !== undefined && { after }),
      ...(order !== undefined && { order }),
    };
    const url = this.#options.transport.urlOf(ROUTES[this.#options.dialect], query);
    const { reply, context } = await readReply(this.#options, { method: 'GET', url, ...options });
    const page = decodePage(reply.value, replyFacts(reply, context.atMs));
    if (page === null) throw unreadableReply(reply, context);
    // `has_more` is missing on some servers and always true on others: a repeated page ends the list. A gateway that shows
    // only a user's own jobs may send an empty page that says where the next one begins.
    const isRepeated = page.lastId === after;
    const jobs = isRepeated ? [] : page.jobs.filter((job) => job.id !== after);
    const isEnd = page.hasMore === false || isRepeated || (jobs.length === 0 && page.hasMore !== true);
    const next = isEnd ? null : page.lastId;
    return { jobs, next, clock: clockOf(reply) };
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    if (this.#isMissing('delete')) throw this.#without('no call to cancel or delete a video');
    return removeJob(this.#options, id, this.#urlOf(id), options);
  }

  async content(source: ContentSource, variant: Variant, options: ContentOptions = {}): Promise<ContentReply> {
    const { transport, dialect } = this.#options;
    if (variant !== 'video' && this.#isMissing(variant)) throw this.#without(`no ${variant}`);
    const context = contextFor(this.#options, { id: source.id });
    const look = (): Promise<VideoJob> => this.get(source.id, options);
    const call = { transport, source, variant, options, context, look };
    if (DIALECTS[dialect].name !== 'generations') return openContent(call);
    // This dialect needs no route for content: the job contains the address, perhaps some time after it ended.
    const content = source.content ?? (await look()).content;
    if (content !== null) return openFromJob(call, content);
    const causedBy = 'the job has no URL of its video';
    throw new SoraError('content_not_ready', { causedBy, facts: { id: source.id } });
  }

  #urlOf(id: string): string {
    const { transport, dialect } = this.#options;
    return transport.urlOf(jobPath(ROUTES[dialect], id));
  }

  /** A polling address on another origin would be called without the key, and is not trusted. Dialect `videos` has none. */
  #rememberPollingUrl(id: string, { value }: Reply): void {
    const { transport, dialect } = this.#options;
    const given = dialect === 'videos' ? null : decodePollingUrl(value);
    if (given === null || !URL.canParse(given, transport.baseUrl)) return;
    const { href } = new URL(given, transport.baseUrl);
    if (transport.isHome(href)) this.#pollingUrls.set(id, transport.withQuery(href));
  }

  #isMissing(capability: Capability): boolean {
    return DIALECTS[this.#options.dialect].missing.includes(capability);
  }

  #without(what: string): SoraError {
    return new SoraError('not_supported', { title: `${DIALECTS[this.#options.dialect].label} has ${what}` });
  }
}

/**
 * A derived video starts from one that this server has, so a missing route means that it has no such operation. A
 * character exists as soon as its create is answered, unless the reply says that it failed.
 */
function ofOperation(outcome: CreateOutcome, { source }: VideoRequest): CreateOutcome {
  if (source === undefined || outcome.kind === 'unknown') return outcome;
  if (outcome.kind === 'accepted') {
    const exists = source.operation === 'character' && !isTerminal(outcome.job.status);
    return exists ? { ...outcome, job: { ...outcome.job, status: 'completed' } } : outcome;
  }
  const { error } = outcome;
  if (error.code !== 'endpoint_not_found' && error.code !== 'not_supported') return outcome;
  const title = `the server cannot ${CAPABILITIES[CAPABILITY_OF[source.operation]]}`;
  return { kind: 'rejected', error: error.as('not_supported', { title }) };
}

/** A refusal of the type of a field, in the words of the libraries that read it. */
function refusesType(field: string, words: string): boolean {
  const refusal = 'invalid type|valid (integer|number|string)|must be an? (integer|number|string)';
  return new RegExp(`\\b${field}\\b.{0,80}(${refusal})`, 'is').test(words);
}

/** The format to try next if the server could not parse the request, so it created nothing; else null. */
function correctionAfter(
  reply: Reply,
  sent: WrittenFormat,
  request: VideoRequest,
  format: RequestFormat,
): Partial<WrittenFormat> | null {
  const isMisread = reply.status === 400 || reply.status === 415 || reply.status === 422;
  if (!isMisread || isJobDocument(reply.value) || request.source?.operation === 'batch') return null;
  const words = decodeErrorBody(reply.body).message;
  if (sent.body === 'json') {
    const image = { image: sent.image === 'object' ? 'text' : 'object' } as const;
    const canChangeImage = request.image !== null && format.image === 'auto';
    if (format.seconds === 'auto' && refusesType('seconds', words)) {
      // Such a server checks types, and reports only the first field with a wrong one.
      return { seconds: sent.seconds === 'text' ? 'number' : 'text', ...(canChangeImage ? image : {}) };
    }
    if (canChangeImage && refusesType(sent.imageField, words)) return image;
  }
  if (format.body !== 'auto' || request.source?.video.kind === 'file' || !refusesEncoding(reply)) return null;
  return { body: sent.body === 'multipart' ? 'json' : 'multipart' };
}
