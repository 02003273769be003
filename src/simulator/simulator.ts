import { ApiError, type ApiErrorDetails } from '../http-server/api-error.ts';
import { type Call, callOf, type Reply, responseOf } from '../http-server/call.ts';
import { Conditions } from './conditions.ts';
import { ConnectionDropped } from './connection-dropped.ts';
import { GENERATIONS, VIDEOS } from './dialect.ts';
import { findRefusal } from './faults.ts';
import type { JobOutlook } from './job.ts';
import { loginPageReply } from './replies.ts';
import { matchRoute } from './routes.ts';
import type { SimulatorOptions } from './simulator-options.ts';
import { openStores, VideosApi } from './videos-api.ts';

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
