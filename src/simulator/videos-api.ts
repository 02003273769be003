import { join } from 'node:path';
import type { SHAPES } from '../domain/dialect.ts';
import { KNOWN_MODELS } from '../domain/models.ts';
import { VARIANTS } from '../domain/video.ts';
import { jsonReply, type ServerCall, type ServerReply } from '../http-server/handler.ts';
import type { Clock } from '../platform/clock.ts';
import { type JournalEntry, JournalFold } from '../platform/journal-fold.ts';
import { ApiError, ConnectionDropped, invalidField, modelNotFound, unsupportedValue } from './api-error.ts';
import { AssetCache, type Renderer } from './asset-cache.ts';
import { BatchStore } from './batch-store.ts';
import type { Conditions } from './conditions.ts';
import { assetReply, jsonAsVideoReply } from './content-reply.ts';
import type { CreateRequest } from './create-request.ts';
import { parseCharacterRequest, parseEditRequest, parseExtendRequest, parseRemixRequest } from './derived-request.ts';
import type { FaultName } from './faults.ts';
import { FileStore } from './file-store.ts';
import {
  describeJob,
  endsAtMs,
  type JobOutlook,
  pollAfterMs,
  type SimulatedJob,
  toSeconds,
  type Video,
} from './job.ts';
import { JobStore } from './job-store.ts';
import { listReply, parseListQuery } from './list-reply.ts';
import { fingerprintBody, type RequestBody, readRequestBody } from './request-body.ts';
import { methodNotAllowed, type VideoRouteName } from './routes.ts';
import type { SimulatedDialect } from './simulated-dialects.ts';

const MAX_IDEMPOTENCY_KEY_LENGTH = 255;
/** The release of sora-2 (2025-10-06), in seconds since the epoch. */
const MODELS_CREATED_AT = 1_759_708_800;

/** Answers one call, under a fault if there is one. Throws an `ApiError` or `ConnectionDropped`. */
export type Route = (call: ServerCall, id: string, fault: FaultName | null) => Promise<ServerReply> | ServerReply;

export interface SimulatorOptions {
  /** The simulator's own folder; its jobs are in `jobs.jsonl`, shared by all processes that use the folder. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How many times faster than usual jobs are rendered; stored with each job when it is created. */
  readonly speed?: number;
  /** A fault for every call; a job fault is stored with each job that is created. */
  readonly fault?: FaultName | null;
  /** The shape of dialect `generations`; default `guide`. */
  readonly shape?: (typeof SHAPES)[number];
  /** Faults for some of the calls; replaces `fault`. */
  readonly conditions?: Conditions;
  /** Renders the jobs' files; default: in the calling thread. */
  readonly render?: Renderer;
  /** Ends all latency: waiting calls are answered immediately. */
  readonly signal?: AbortSignal;
  /** Whether notifications are sent to the address that a create names; without it, such a create is refused. */
  readonly takesCallbacks?: boolean;
  /** Called with the id of each new job. */
  readonly onCreate?: (id: string) => void;
}

interface NewVideo extends CreateRequest {
  readonly remixedFrom?: string;
}

/** Shared by all dialects. */
export interface Stores {
  readonly jobs: JobStore;
  /** By id. */
  readonly characters: JournalFold<Map<string, Character>>;
  readonly assets: AssetCache;
  readonly files: FileStore;
  readonly batches: BatchStore;
}

export function openStores({ stateDir, render }: SimulatorOptions): Stores {
  return {
    jobs: new JobStore(join(stateDir, 'jobs.jsonl')),
    characters: new JournalFold(join(stateDir, 'characters.jsonl'), () => new Map(), addCharacter),
    assets: new AssetCache(render),
    files: new FileStore(stateDir),
    batches: new BatchStore(join(stateDir, 'batches.jsonl')),
  };
}

/** A character, in the form of the API's reply and of the journal. */
interface Character {
  readonly id: string;
  readonly name: string;
  /** Seconds since the epoch. */
  readonly created_at: number;
}

function addCharacter(characters: Map<string, Character>, line: JournalEntry): void {
  if (typeof line.id === 'string') characters.set(line.id, line as unknown as Character); // written by this program
}

/** One method for each route, in one dialect. */
export class VideosApi implements Record<VideoRouteName, Route> {
  readonly #options: SimulatorOptions;
  readonly #stores: Stores;
  readonly #jobs: JobStore;
  readonly #dialect: SimulatedDialect;

  constructor(options: SimulatorOptions, stores: Stores, dialect: SimulatedDialect) {
    this.#options = options;
    this.#stores = stores;
    this.#jobs = stores.jobs;
    this.#dialect = dialect;
  }

  create(call: ServerCall, _id: string, fault: FaultName | null): Promise<ServerReply> {
    return this.#create(call, fault, this.#dialect.parseCreate);
  }

  remix(call: ServerCall, id: string, fault: FaultName | null): Promise<ServerReply> {
    return this.#create(call, fault, (body) => ({ ...parseRemixRequest(body, this.#video(id)), remixedFrom: id }));
  }

  edit(call: ServerCall, _id: string, fault: FaultName | null): Promise<ServerReply> {
    return this.#create(call, fault, (body) => parseEditRequest(body, (id) => this.#video(id)));
  }

  extend(call: ServerCall, _id: string, fault: FaultName | null): Promise<ServerReply> {
    return this.#create(call, fault, (body) => parseExtendRequest(body, (id) => this.#video(id)));
  }

  async #create(
    call: ServerCall,
    fault: FaultName | null,
    parse: (body: RequestBody) => NewVideo,
  ): Promise<ServerReply> {
    if (fault === 'reset-before-accept') throw new ConnectionDropped();
    const body = readRequestBody(call);
    const { remixedFrom = null, ...wanted } = parse(body);
    refuseCallback(wanted, this.#options);
    const idempotencyKey = readIdempotencyKey(call);
    const fingerprint = fingerprintBody(body);
    const id = this.#newId();
    const job = await this.#jobs.add({
      id,
      createdAtMs: this.#options.clock.now(),
      ...wanted,
      speed: this.#options.speed ?? 1,
      fault,
      remixedFrom,
      idempotencyKey,
      fingerprint,
    });
    if (job.fingerprint !== fingerprint) {
      throw new ApiError({
        status: 422,
        code: 'idempotency_key_reused',
        message: `The idempotency key '${job.idempotencyKey}' was used before with another request body`,
      });
    }
    if (job.id === id) this.#options.onCreate?.(id);
    if (fault === 'create-dropped-after-accept') throw new ConnectionDropped();
    const video = this.#describe(job);
    return jobReply(job, video, this.#dialect.createReply(video));
  }

  retrieve(call: ServerCall, id: string, fault: FaultName | null): ServerReply {
    const job = this.#find(id);
    if (fault === 'poll-drop') throw new ConnectionDropped();
    const video = this.#describe(job);
    return jobReply(job, video, this.#dialect.jobReply(video, contentUrlOf(call, id)));
  }

  list(call: ServerCall): ServerReply {
    const query = parseListQuery(call.url.searchParams);
    const page = this.#jobs.list(query);
    if (!page) throw this.#dialect.unknownJob(query.after ?? '');
    const items = page.items.map((job) => this.#describe(job));
    return listReply({ ...page, items });
  }

  /** Deleting an unfinished job also aborts it. */
  async remove({ method, url }: ServerCall, id: string): Promise<ServerReply> {
    const { deleteReply } = this.#dialect;
    if (deleteReply === null) throw methodNotAllowed(method, url.pathname, ['GET']);
    this.#find(id);
    await this.#jobs.remove(id);
    return jsonReply(deleteReply(id));
  }

  async content(call: ServerCall, id: string, fault: FaultName | null): Promise<ServerReply> {
    const name = call.url.searchParams.get('variant') ?? 'video';
    const variant = VARIANTS.find((known) => known === name);
    if (!variant) throw unsupportedValue('variant', name, VARIANTS);
    const job = this.#find(id);
    refuseWithoutContent(this.#describe(job), this.#options.clock.now());
    if (fault === 'json-as-mp4') return jsonAsVideoReply();
    return assetReply(call, await this.#stores.assets.get(job, variant), fault === 'cut-download');
  }

  async createCharacter(call: ServerCall): Promise<ServerReply> {
    const name = parseCharacterRequest(readRequestBody(call));
    const createdAt = toSeconds(this.#options.clock.now());
    const character: Character = { id: newId('char', this.#options), name, created_at: createdAt };
    await this.#stores.characters.append(character);
    return jsonReply(character);
  }

  character(_call: ServerCall, id: string): ServerReply {
    const character = this.#stores.characters.state.get(id);
    if (character) return jsonReply(character);
    throw new ApiError({ status: 404, code: 'not_found', message: `Character with id '${id}' not found` });
  }

  models(): ServerReply {
    return jsonReply({ object: 'list', data: modelNames().map(describeModel) });
  }

  model(_call: ServerCall, id: string): ServerReply {
    if (!modelNames().includes(id)) throw modelNotFound(id);
    return jsonReply(describeModel(id));
  }

  look(id: string): JobOutlook | undefined {
    const job = this.#jobs.find(id);
    return job && { video: this.#describe(job), endsAtMs: endsAtMs(job), callbackUrl: job.callbackUrl ?? null };
  }

  unfinished(): string[] {
    const nowMs = this.#options.clock.now();
    return this.#jobs.all().flatMap((job) => ((endsAtMs(job) ?? nowMs) > nowMs ? job.id : []));
  }

  #find(id: string): SimulatedJob {
    const job = this.#jobs.find(id);
    if (!job) throw this.#dialect.unknownJob(id);
    return job;
  }

  #video(id: string): Video {
    return this.#describe(this.#find(id));
  }

  #describe(job: SimulatedJob): Video {
    return describeJob(job, this.#options.clock.now());
  }

  /** Retries when an id exists: with seeded randomness every process draws the same ones. */
  #newId(): string {
    const { known } = this.#jobs;
    for (;;) {
      const id = newId('video', this.#options);
      if (!known.has(id)) return id;
    }
  }
}

export function newId(kind: string, { randomBytes }: SimulatorOptions): string {
  return `${kind}_${Buffer.from(randomBytes(24)).toString('hex')}`;
}

/** A process that ends with its command, or has no secret, cannot send notifications. */
export function refuseCallback({ callbackUrl }: CreateRequest, { takesCallbacks }: SimulatorOptions): void {
  if (callbackUrl === undefined || takesCallbacks) return;
  const message = 'This server sends no notifications: start `sora serve` with `--webhook-secret-env NAME`.';
  throw invalidField('callback_url', 'webhooks_not_enabled', message);
}

export function readIdempotencyKey({ headers }: ServerCall): string | null {
  const key = headers['idempotency-key'] ?? '';
  if (key.length <= MAX_IDEMPOTENCY_KEY_LENGTH) return key || null;
  const message = `The idempotency key has more than ${MAX_IDEMPOTENCY_KEY_LENGTH} characters`;
  throw invalidField('idempotency-key', 'string_above_max_length', message);
}

function jobReply(job: SimulatedJob, { status }: Video, body: object): ServerReply {
  const isFinished = status === 'completed' || status === 'failed';
  return jsonReply(body, isFinished ? {} : { 'openai-poll-after-ms': String(pollAfterMs(job)) });
}

/** Clips are below the videos route in all dialects. */
function contentUrlOf(call: ServerCall, id: string): string {
  const { origin, pathname } = call.url;
  const base = pathname.replace(/\/(videos|video\/generations)\/.*$/, '');
  return `${origin}${base}/videos/${encodeURIComponent(id)}/content`;
}

/** Servers answer 400, 404 or 409 for an unfinished video. Only 409 cannot be mistaken for a wrong request or id. */
function refuseWithoutContent({ id, status, expires_at: expiresAt }: Video, nowMs: number): void {
  if (status === 'failed') {
    const message = `Video with id '${id}' has no content because its generation failed`;
    throw new ApiError({ status: 404, code: 'video_failed', message });
  }
  if (status !== 'completed') {
    throw new ApiError({ status: 409, code: 'video_not_ready', message: `Video with id '${id}' is not ready yet` });
  }
  if (expiresAt !== null && nowMs >= expiresAt * 1000) {
    const message = `The content of the video with id '${id}' has expired`;
    throw new ApiError({ status: 410, code: 'content_expired', message });
  }
}

function modelNames(): string[] {
  return KNOWN_MODELS.flatMap(({ name, snapshots }) => [name, ...snapshots]);
}

function describeModel(id: string): object {
  return { id, object: 'model', created: MODELS_CREATED_AT, owned_by: 'openai' };
}
