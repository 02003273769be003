import { messageOf } from '../domain/errors.ts';
import { type Handler, HttpError, type ServerCall, type ServerReply } from '../http-server/handler.ts';
import { ApiError, type ApiErrorDetails, ConnectionDropped, errorReply } from './api-error.ts';
import { BatchesApi } from './batches-api.ts';
import { Conditions } from './conditions.ts';
import { loginPageReply } from './content-reply.ts';
import { FAULTS } from './faults.ts';
import type { JobOutlook } from './job.ts';
import { isBatchRoute, matchRoute } from './routes.ts';
import { GENERATIONS, VIDEOS } from './simulated-dialects.ts';
import { openStores, type SimulatorOptions, VideosApi } from './videos-api.ts';

/**
 * `answer` serves the Videos API below `/v1` or `/openai/v1`, on any host, in dialect `videos` or `generations`. It rejects
 * only with `ConnectionDropped`, which simulates a broken connection.
 */
export interface Simulator extends Handler {
  /** The state of a job, regardless of faults; undefined for an unknown or deleted one. */
  look(id: string): JobOutlook | undefined;
  /** The ids of all jobs that have not finished yet but will. */
  unfinished(): string[];
}

/** The Videos API as a handler. It has no timers: the state of a job is computed from the journal and the clock. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const dialects = { videos: VIDEOS, generations: GENERATIONS[options.shape ?? 'guide'] };
  const stores = openStores(options);
  const apis = {
    videos: new VideosApi(options, stores, dialects.videos),
    generations: new VideosApi(options, stores, dialects.generations),
  };
  const batches = new BatchesApi(options, stores);
  const {
    clock,
    fault = null,
    conditions = new Conditions(() => 0, fault === null ? {} : { faults: { [fault]: 1 } }),
  } = options;

  async function replyTo(call: ServerCall): Promise<ServerReply> {
    const { pathname } = call.url;
    const route = matchRoute(call.method, pathname);
    if (conditions.latencyMs > 0) await clock.sleep(conditions.latencyMs, options.signal).catch(() => {});
    const injected = conditions.faultFor(route, call.headers['x-sora-fault'] ?? null);
    if (injected === 'html-instead-of-json') return loginPageReply();
    const refusal = injected === null ? undefined : FAULTS[injected].refusal;
    if (refusal) {
      const message = refusal.message.replace('{call}', `${call.method} ${pathname}`);
      throw new ApiError({ ...refusal, message });
    }
    const { name, id } = route;
    return isBatchRoute(name) ? batches[name](call, id, injected) : apis[dialectOf(call)][name](call, id, injected);
  }

  async function answer(call: ServerCall): Promise<ServerReply> {
    const { refuse } = dialects[dialectOf(call)];
    const { status, headers, body } = await replyTo(call).catch((error) => refuse(refusalOf(error)));
    const requestId = `req_${Buffer.from(options.randomBytes(16)).toString('hex')}`;
    const date = new Date(clock.now()).toUTCString();
    return {
      status,
      headers: { ...headers, date, 'x-request-id': requestId },
      body: call.method === 'HEAD' ? '' : body,
    };
  }

  return {
    answer,
    refuse: errorReply,
    look: (id) => apis.videos.look(id),
    unfinished: () => apis.videos.unfinished(),
  };
}

function dialectOf({ url }: ServerCall): 'videos' | 'generations' {
  return url.pathname.includes('/video/generations') ? 'generations' : 'videos';
}

/** An internal error of the simulator (a full disk, for example) is reported as a server would. */
function refusalOf(error: unknown): ApiErrorDetails {
  if (error instanceof HttpError) return error.details;
  if (error instanceof ConnectionDropped) throw error;
  const reason = messageOf(error);
  return { status: 500, type: 'server_error', message: `The simulator failed: ${reason}` };
}
