import { DIALECTS, type Dialect, type DialectRules } from '../domain/dialect.ts';
import { SoraError } from '../domain/errors.ts';
import { firstFormat, type RequestFormat } from '../domain/request-format.ts';
import type { ContentLocation, Variant, VideoJob, VideoRequest } from '../domain/video.ts';
import { writeCreate } from '../wire/create.ts';
import { decodePollingUrl } from '../wire/json-dialects.ts';
import { jobPath, ROUTES } from '../wire/routes.ts';
import { openContent, openFromJob } from './content.ts';
import type {
  CallOptions,
  ContentOptions,
  ContentReply,
  ContentSource,
  CreateOptions,
  CreateOutcome,
  VideoPage,
  VideosClient,
} from './port.ts';
import {
  type ClientOptions,
  contextFor,
  exchange,
  outcomeBehind,
  type Reply,
  readJob,
  removeJob,
  unansweredOutcome,
} from './reply.ts';

export interface JsonVideosClientOptions extends ClientOptions {
  readonly dialect: Exclude<Dialect, 'videos'>;
  readonly format: RequestFormat;
}

/** The dialects without an SDK, as JSON on the transport. Calls that a dialect does not have throw `not_supported`. */
export class JsonVideosClient implements VideosClient {
  readonly #options: JsonVideosClientOptions;
  readonly #rules: DialectRules;
  /** The polling address of each job, if the server gave one. */
  readonly #pollingUrls = new Map<string, string>();

  constructor(options: JsonVideosClientOptions) {
    this.#options = options;
    this.#rules = DIALECTS[options.dialect];
  }

  /** Ignores the signal: aborting a create that was sent would only hide its outcome. */
  async create(request: VideoRequest, { idempotencyKey }: CreateOptions): Promise<CreateOutcome> {
    const { transport, dialect, format } = this.#options;
    if (request.source) return { kind: 'rejected', error: this.#lacks(`no ${request.source.operation}`) };
    const context = contextFor(this.#options, { model: request.model, size: request.size });
    const { route, body: written } = writeCreate(dialect, request, firstFormat(request, format));
    const body = JSON.stringify(written);
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    try {
      const reply = await exchange(transport, { method: 'POST', url: transport.urlOf(route), headers, body });
      const outcome = await outcomeBehind(reply, context, transport);
      if (outcome.kind === 'accepted') this.#rememberPollingUrl(outcome.job.id, reply);
      return outcome;
    } catch (error) {
      return unansweredOutcome(error, context);
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<VideoJob> {
    const url = this.#pollingUrls.get(id) ?? this.#urlOf(id);
    const { job, reply } = await readJob(this.#options, id, url, options);
    this.#rememberPollingUrl(id, reply);
    return job;
  }

  async list(): Promise<VideoPage> {
    throw this.#lacks('no list of videos');
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    if (this.#rules.lacks.includes('delete')) throw this.#lacks('no call to cancel or delete a video');
    return removeJob(this.#options, id, this.#urlOf(id), options);
  }

  async content(source: ContentSource, variant: Variant, options: ContentOptions = {}): Promise<ContentReply> {
    const { transport, dialect } = this.#options;
    if (variant !== 'video' && this.#rules.lacks.includes(variant)) throw this.#lacks(`no ${variant}`);
    const context = contextFor(this.#options, { id: source.id });
    const look = (): Promise<VideoJob> => this.get(source.id, options);
    const call = { transport, source, variant, options, context, look };
    if (dialect === 'openrouter') return openContent(call);
    return openFromJob(call, source.content ?? (await this.#locate(source.id, options)));
  }

  /** Dialect `generations` needs no route for content: the job contains the address, perhaps some time after it ended. */
  async #locate(id: string, options: CallOptions): Promise<ContentLocation> {
    const { content } = await this.get(id, options);
    if (content !== null) return content;
    throw new SoraError('content_not_ready', { causedBy: 'the job has no address of its video', facts: { id } });
  }

  #urlOf(id: string): string {
    const { transport, dialect } = this.#options;
    return transport.urlOf(jobPath(ROUTES[dialect], id));
  }

  /** A polling address on another origin would be called without the key, and is not trusted. */
  #rememberPollingUrl(id: string, { value }: Reply): void {
    const { transport } = this.#options;
    const given = decodePollingUrl(value);
    if (given === null || !URL.canParse(given, transport.baseUrl)) return;
    const { href } = new URL(given, transport.baseUrl);
    if (transport.isHome(href)) this.#pollingUrls.set(id, transport.withQuery(href));
  }

  #lacks(what: string): SoraError {
    return new SoraError('not_supported', { title: `${this.#rules.label} has ${what}` });
  }
}
