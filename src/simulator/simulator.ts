import type { Shape } from '../domain/dialect.ts';
import type { Clock } from '../platform/clock.ts';
import { ApiError, type ApiErrorDetails } from './api-error.ts';
import type { Renderer } from './asset-cache.ts';
import { type Call, callOf, type Reply, responseOf } from './call.ts';
import { Conditions } from './conditions.ts';
import { ConnectionDropped } from './connection-dropped.ts';
import { GENERATIONS, VIDEOS } from './dialect.ts';
import { type FaultName, findRefusal } from './faults.ts';
import type { Video } from './job.ts';
import { loginPageReply } from './replies.ts';
import { matchRoute } from './routes.ts';
import { openStores, VideosApi } from './videos-api.ts';

export interface SimulatorOptions {
  /** A folder for the simulator alone; its jobs live in `jobs.jsonl` there, shared by all processes that use it. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How many times faster than usual jobs are made; fixed into each job when it is created. */
  readonly speed?: number;
  /** What is to go wrong with every call; a fault of jobs is fixed into each job that is created under it. */
  readonly fault?: FaultName | null;
  /** How dialect `generations` is spoken; `guide` when left out. */
  readonly shape?: Shape;
  /** What is to go wrong with some calls, in the place of `fault`. */
  readonly conditions?: Conditions;
  /** Makes the files of jobs; in the calling thread without it. */
  readonly render?: Renderer;
  /** Ends all latency: what still waits is answered at once. */
  readonly signal?: AbortSignal;
  /** Hears of each new job, by its id. */
  readonly onCreate?: (id: string) => void;
}

export interface Simulator {
  /**
   * Answers one call of the Videos API below `/v1` or `/openai/v1`, on any host, in dialect `videos` or `generations`.
   * Rejects only with `ConnectionDropped`, which stands for a broken connection.
   */
  answer(call: Call): Promise<Reply>;
  /** The same for a `Request`. */
  handle(request: Request): Promise<Response>;
  /** How a job stands, past all faults; undefined when there is none of this id, or no longer. */
  look(id: string): JobOutlook | undefined;
  /** The ids of all jobs that will yet end. */
  unfinished(): string[];
}

export interface JobOutlook {
  readonly video: Video;
  /** When it ends, in milliseconds since the epoch; null for a job that never does. */
  readonly endsAtMs: number | null;
}

/**
 * The Videos API as a handler. It holds no timers: a job's state is worked out
 * from the journal and the clock whenever somebody asks.
 */
export function createSimulator(options: SimulatorOptions): Simulator {
  const dialects = { videos: VIDEOS, generations: GENERATIONS[options.shape ?? 'guide'] };
  const stores = openStores(options);
  const apis = {
    videos: new VideosApi(options, stores, dialects.videos),
    generations: new VideosApi(options, stores, dialects.generations),
  };
  const {
    clock,
    fault = null,
    conditions = new Conditions(() => 0, fault === null ? {} : { faults: { [fault]: 1 } }),
  } = options;

  async function replyTo(call: Call): Promise<Reply> {
    const { pathname } = call.url;
    const route = matchRoute(call.method, pathname);
    if (conditions.latencyMs > 0) await clock.sleep(conditions.latencyMs, options.signal).catch(() => {});
    const met = conditions.faultFor(route, call.headers['x-sora-fault'] ?? null);
    if (met === 'html-instead-of-json') return loginPageReply();
    const refusal = findRefusal(met, route.name);
    if (refusal) {
      const message = refusal.message.replace('{call}', `${call.method} ${pathname}`);
      throw new ApiError({ ...refusal, message });
    }
    return apis[route.dialect][route.name](call, route.id, met);
  }

  async function answer(call: Call): Promise<Reply> {
    const { refuse } = call.url.pathname.includes('/video/generations') ? dialects.generations : dialects.videos;
    const { status, headers, body } = await replyTo(call).catch((error) => refuse(refusalOf(error)));
    const requestId = `req_${Buffer.from(options.randomBytes(16)).toString('hex')}`;
    return { status, headers: { ...headers, 'x-request-id': requestId }, body: call.method === 'HEAD' ? '' : body };
  }

  return {
    answer,
    handle: async (request) => responseOf(await answer(await callOf(request))),
    look: (id) => apis.videos.look(id),
    unfinished: () => apis.videos.unfinished(),
  };
}

/** A failure of the simulator itself (a full disk, say) is told as a server would tell it. */
function refusalOf(error: unknown): ApiErrorDetails {
  if (error instanceof ApiError) return error.details;
  if (error instanceof ConnectionDropped) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  return { status: 500, type: 'server_error', message: `The simulator failed: ${reason}` };
}
