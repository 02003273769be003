import { join } from 'node:path';
import { knownModels } from '../domain/models.ts';
import { VARIANTS } from '../domain/video.ts';
import { ApiError } from '../http-server/api-error.ts';
import type { Call, Reply } from '../http-server/call.ts';
import { jsonReply } from '../http-server/replies.ts';
import { AssetCache } from './asset-cache.ts';
import { type Character, CharacterStore } from './character-store.ts';
import { ConnectionDropped } from './connection-dropped.ts';
import type { CreateRequest } from './create-request.ts';
import { parseCharacterRequest, parseEditRequest, parseExtendRequest, parseRemixRequest } from './derived-request.ts';
import type { SimulatedDialect } from './dialect.ts';
import { type FaultName, findJobFault } from './faults.ts';
import type { JobOutlook } from './job.ts';
import { describeJob, endsAtMs, pollAfterMs, type SimulatedJob, type Video } from './job.ts';
import { JobStore, type ListQuery } from './job-store.ts';
import { invalidField, modelNotFound, unsupportedValue } from './refusals.ts';
import { assetReply, jsonAsVideoReply } from './replies.ts';
import { fingerprintBody, type RequestBody, readRequestBody } from './request-body.ts';
import { methodNotAllowed, type RouteName } from './routes.ts';
import type { SimulatorOptions } from './simulator-options.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const ORDERS = ['asc', 'desc'] as const;
/** When sora-2 came out (2025-10-06), in seconds since the epoch. */
const MODELS_CREATED_AT = 1_759_708_800;

/** Answers one call under a fault, if any; throws an `ApiError`, or drops the connection. */
type Route = (call: Call, id: string, fault: FaultName | null) => Promise<Reply> | Reply;

/** What a new job is to be, and from what it is made. */
interface Wanted extends CreateRequest {
  readonly remixedFrom?: string;
}

/** What all dialects share. */
export interface Stores {
  readonly jobs: JobStore;
  readonly characters: CharacterStore;
  readonly assets: AssetCache;
}

export function openStores({ stateDir, render }: SimulatorOptions): Stores {
  return {
    jobs: new JobStore(join(stateDir, 'jobs.jsonl')),
    characters: new CharacterStore(join(stateDir, 'characters.jsonl')),
    assets: new AssetCache(render),
  };
}

/** One method a route, in whichever dialect. */
export class VideosApi implements Record<RouteName, Route> {
  readonly #options: SimulatorOptions;
  readonly #dialect: SimulatedDialect;
  readonly #jobs: JobStore;
  readonly #characters: CharacterStore;
  readonly #assets: AssetCache;

  constructor(options: SimulatorOptions, { jobs, characters, assets }: Stores, dialect: SimulatedDialect) {
    this.#options = options;
    this.#dialect = dialect;
    this.#jobs = jobs;
    this.#characters = characters;
    this.#assets = assets;
  }

  create(call: Call, _id: string, fault: FaultName | null): Promise<Reply> {
    return this.#make(call, fault, this.#dialect.parseCreate);
  }

  remix(call: Call, id: string, fault: FaultName | null): Promise<Reply> {
    return this.#make(call, fault, (body) => ({
      ...parseRemixRequest(body, this.#describe(this.#find(id))),
      remixedFrom: id,
    }));
  }

  edit(call: Call, _id: string, fault: FaultName | null): Promise<Reply> {
    return this.#make(call, fault, (body) => parseEditRequest(body, (id) => this.#describe(this.#find(id))));
  }

  extend(call: Call, _id: string, fault: FaultName | null): Promise<Reply> {
    return this.#make(call, fault, (body) => parseExtendRequest(body, (id) => this.#describe(this.#find(id))));
  }

  async #make(call: Call, fault: FaultName | null, parse: (body: RequestBody) => Wanted): Promise<Reply> {
    if (fault === 'reset-before-accept') throw new ConnectionDropped();
    const body = await readRequestBody(call);
    const { remixedFrom = null, ...wanted } = parse(body);
    this.#jobs.refresh();
    const fingerprint = fingerprintBody(body);
    const id = this.#newId();
    const job = await this.#jobs.add({
      id,
      createdAtMs: this.#options.clock.now(),
      ...wanted,
      speed: this.#options.speed ?? 1,
      fault: findJobFault(fault)?.name ?? null,
      remixedFrom,
      idempotencyKey: call.headers['idempotency-key'] || null,
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
    return jobReply(job, video, this.#dialect.announce(video));
  }

  retrieve(call: Call, id: string, fault: FaultName | null): Reply {
    const job = this.#find(id);
    if (fault === 'poll-drop') throw new ConnectionDropped();
    const video = this.#describe(job);
    return jobReply(job, video, this.#dialect.describe(video, contentUrlOf(call, id)));
  }

  list(call: Call): Reply {
    const query = parseListQuery(call.url.searchParams);
    this.#jobs.refresh();
    const page = this.#jobs.list(query);
    if (!page) throw this.#dialect.unknownJob(query.after ?? '');
    const data = page.jobs.map((job) => this.#describe(job));
    return jsonReply({
      object: 'list',
      data,
      first_id: data.at(0)?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: page.hasMore,
    });
  }

  /** Deleting an unfinished job aborts it: there is nothing left that could finish. */
  async remove({ method, url }: Call, id: string): Promise<Reply> {
    const { farewell } = this.#dialect;
    if (farewell === null) throw methodNotAllowed(method, url.pathname, ['GET']);
    this.#find(id);
    await this.#jobs.remove(id);
    return jsonReply(farewell(id));
  }

  async content(call: Call, id: string, fault: FaultName | null): Promise<Reply> {
    const name = call.url.searchParams.get('variant') ?? 'video';
    const variant = VARIANTS.find((known) => known === name);
    if (!variant) throw unsupportedValue('variant', name, VARIANTS);
    const job = this.#find(id);
    refuseWithoutContent(this.#describe(job), this.#options.clock.now());
    if (fault === 'json-as-mp4') return jsonAsVideoReply();
    return assetReply(call, await this.#assets.get(job, variant), fault === 'cut-download');
  }

  async createCharacter(call: Call): Promise<Reply> {
    const { name } = parseCharacterRequest(await readRequestBody(call));
    const character: Character = {
      id: `char_${this.#randomHex()}`,
      name,
      created_at: Math.floor(this.#options.clock.now() / 1000),
    };
    await this.#characters.add(character);
    return jsonReply(character);
  }

  character(_call: Call, id: string): Reply {
    const character = this.#characters.find(id);
    if (character) return jsonReply(character);
    throw new ApiError({ status: 404, code: 'not_found', message: `Character with id '${id}' not found` });
  }

  models(): Reply {
    return jsonReply({ object: 'list', data: modelNames().map(describeModel) });
  }

  model(_call: Call, id: string): Reply {
    if (!modelNames().includes(id)) throw modelNotFound(id);
    return jsonReply(describeModel(id));
  }

  look(id: string): JobOutlook | undefined {
    this.#jobs.refresh();
    const job = this.#jobs.find(id);
    return job && { video: this.#describe(job), endsAtMs: endsAtMs(job) };
  }

  unfinished(): string[] {
    this.#jobs.refresh();
    const nowMs = this.#options.clock.now();
    return Array.from(this.#jobs.all()).flatMap((job) => ((endsAtMs(job) ?? nowMs) > nowMs ? job.id : []));
  }

  #find(id: string): SimulatedJob {
    this.#jobs.refresh();
    const job = this.#jobs.find(id);
    if (!job) throw this.#dialect.unknownJob(id);
    return job;
  }

  #describe(job: SimulatedJob): Video {
    return describeJob(job, this.#options.clock.now());
  }

  /** Draws again when an id exists: a seeded source of chance gives every process the same ones. */
  #newId(): string {
    for (;;) {
      const id = `video_${this.#randomHex()}`;
      if (!this.#jobs.isTaken(id)) return id;
    }
  }

  #randomHex(): string {
    return Buffer.from(this.#options.randomBytes(24)).toString('hex');
  }
}

function jobReply(job: SimulatedJob, { status }: Video, body: object): Reply {
  const isFinished = status === 'completed' || status === 'failed';
  return jsonReply(body, isFinished ? {} : { 'openai-poll-after-ms': String(pollAfterMs(job)) });
}

/** Clips lie below the videos route, whichever route their jobs came by. */
function contentUrlOf(call: Call, id: string): string {
  const { origin, pathname } = call.url;
  const base = pathname.replace(/\/(videos|video\/generations)\/.*$/, '');
  return `${origin}${base}/videos/${encodeURIComponent(id)}/content`;
}

/**
 * Servers answer 400, 404 or 409 while a video is in the making. Here it is 409:
 * the only one of them that says "later" and cannot be taken for a wrong request
 * or a wrong id.
 */
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

function parseListQuery(parameters: URLSearchParams): ListQuery {
  const limit = parameters.get('limit') ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,9}$/.test(limit) || Number(limit) > MAX_LIMIT) {
    const message = `Invalid 'limit': '${limit}'. Expected an integer from 0 to ${MAX_LIMIT}.`;
    throw invalidField('limit', 'invalid_value', message);
  }
  const order = parameters.get('order') ?? 'desc';
  const known = ORDERS.find((name) => name === order);
  if (!known) throw unsupportedValue('order', order, ORDERS);
  return { limit: Number(limit), order: known, after: parameters.get('after') };
}

function modelNames(): string[] {
  return knownModels().flatMap(({ name, snapshots }) => [name, ...snapshots]);
}

function describeModel(id: string): object {
  return { id, object: 'model', created: MODELS_CREATED_AT, owned_by: 'openai' };
}
