import type { ErrorCode } from '../../../src/domain/catalogue.ts';
import {
  type ReceivedRequest,
  type ScriptedReply,
  type ScriptedServer,
  startScriptedServer,
} from '../scripted-server.ts';
import { type PlayedJob, PlayedJobs, type Stage } from './played-jobs.ts';

/** The key that every server here accepts. */
export const KEY = 'sk-lab-0123456789abcdef';

/** Prompts that get special replies. */
export const REFUSED_PROMPT = 'something that is refused';
export const FAILING_PROMPT = 'something that fails';
export const ENDLESS_PROMPT = 'something without an end';

/** What a server can do, or the error with which `sora` reports that it cannot. */
export interface Abilities {
  readonly image: 'yes' | ErrorCode;
  /** Where `sora list` finds its jobs. */
  readonly list: 'server' | 'ledger';
  /** The outcome of `sora cancel` for a running job. */
  readonly cancel: 'aborted' | 'deleted' | ErrorCode;
  readonly remove: 'yes' | ErrorCode;
  /** Whether a job can be looked up by its id later. */
  readonly look: 'yes' | ErrorCode;
  readonly thumbnail: 'yes' | ErrorCode;
}

/** Everything that OpenAI’s own server can do. */
export const ALL: Abilities = {
  image: 'yes',
  list: 'server',
  cancel: 'deleted',
  remove: 'yes',
  look: 'yes',
  thumbnail: 'yes',
};

/** A server as observed, and how `sora` must handle it. */
export interface PlayedServer {
  readonly name: string;
  /** Its section in docs/servers.md. */
  readonly section: string | null;
  /** What a user sets in its profile, besides URL and key. */
  readonly settings: Readonly<Record<string, string>>;
  /** What a user passes to `create`. */
  readonly options: readonly string[];
  readonly abilities: Abilities;
  /** The extension of its videos. */
  readonly extension: 'mp4' | 'avi';
  /** The number of creates for one video: two if the encoding has to be detected. */
  readonly posts: number;
  /** The error and the server’s message for a refused create, a failed job, and an unknown id. */
  readonly refusal: readonly [ErrorCode, words: string];
  readonly failure: readonly [ErrorCode, words: string];
  readonly unknownId: readonly [ErrorCode, words: string];
  start(): Promise<RunningServer>;
}

export interface RunningServer {
  readonly baseUrl: string;
  /** The requests so far, in order. */
  readonly requests: readonly Pick<ReceivedRequest, 'method' | 'path' | 'headers'>[];
}

interface Part extends Omit<PlayedServer, 'start'> {
  /** The path below the origin. */
  readonly basePath: string;
  /** Handles calls; created again for every start. */
  readonly play: (origin: () => string) => (request: ReceivedRequest) => ScriptedReply;
}

/** A simulated server on loopback. */
export function played<P extends Part>(part: P): P & PlayedServer {
  return {
    ...part,
    async start() {
      const answer = part.play(() => server.origin);
      const server: ScriptedServer = await startScriptedServer(answer);
      return { baseUrl: `${server.origin}${part.basePath}`, requests: server.requests };
    },
  };
}

export interface Call {
  readonly name: 'create' | 'list' | 'look' | 'content' | 'remove' | 'other';
  readonly id: string;
  readonly query: URLSearchParams;
  readonly isForm: boolean;
  /** The fields of a create in any encoding, without files. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly hasFile: boolean;
  readonly request: ReceivedRequest;
}

/** Parses a request as a call below a route, such as `/v1/videos`. */
export function readCall(request: ReceivedRequest, route: string): Call {
  const { pathname, searchParams } = new URL(request.path, 'http://localhost');
  const isBelow = pathname === route || pathname.startsWith(`${route}/`);
  const [id, content, ...rest] = pathname
    .slice(route.length + 1)
    .split('/')
    .map(decodeURIComponent);
  const isForm = request.headers['content-type']?.startsWith('multipart/form-data') ?? false;
  return {
    name: isBelow && rest.length === 0 ? nameOf(request.method, id ?? '', content) : 'other',
    id: id ?? '',
    query: searchParams,
    isForm,
    fields: request.method === 'POST' ? readFields(request, isForm) : {},
    hasFile: isForm && request.body.includes('filename="'),
    request,
  };
}

function nameOf(method: string, id: string, content: string | undefined): Call['name'] {
  if (content !== undefined) return method === 'GET' && content === 'content' ? 'content' : 'other';
  if (id === '') return method === 'POST' ? 'create' : method === 'GET' ? 'list' : 'other';
  return method === 'GET' ? 'look' : method === 'DELETE' ? 'remove' : 'other';
}

function readFields({ body }: ReceivedRequest, isForm: boolean): Record<string, unknown> {
  if (!isForm) return JSON.parse(body.toString());
  const parts = body.toString().matchAll(/name="([^"]+)"\r\n\r\n([\s\S]*?)\r\n--/g);
  return Object.fromEntries(Array.from(parts, ([, name, value]) => [name, value]));
}

/** The replies of a server to each call; a missing one has no route. */
export interface Manners {
  create(call: Call, jobs: PlayedJobs): ScriptedReply;
  list?(jobs: PlayedJobs, call: Call): ScriptedReply;
  look?(job: PlayedJob, stage: Stage): ScriptedReply;
  content?(job: PlayedJob, call: Call): ScriptedReply;
  remove?(job: PlayedJob): ScriptedReply;
  /** The reply for an unknown id. */
  unknown(call: Call): ScriptedReply;
  noRoute(call: Call): ScriptedReply;
}

/** Handles calls below a route with jobs that advance one stage with every status call. */
export function playing(route: string, manners: Manners): (request: ReceivedRequest) => ScriptedReply {
  const { create, list, look, content, remove, unknown, noRoute } = manners;
  const jobs = new PlayedJobs();
  return (request) => {
    const call = readCall(request, route);
    const withJob = (answer: ((job: PlayedJob) => ScriptedReply) | undefined): ScriptedReply => {
      const job = jobs.find(call.id);
      if (answer === undefined) return noRoute(call);
      return job === undefined ? unknown(call) : answer(job);
    };
    switch (call.name) {
      case 'create':
        return create(call, jobs);
      case 'list':
        return list?.(jobs, call) ?? noRoute(call);
      case 'look':
        return withJob(look && ((job) => look(job, jobs.look(job))));
      case 'content':
        return withJob(content && ((job) => content(job, call)));
      case 'remove':
        return withJob(remove && ((job) => remove(jobs.take(job))));
      case 'other':
        return noRoute(call);
    }
  };
}
