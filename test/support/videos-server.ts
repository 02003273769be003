import {
  type ReceivedRequest,
  type ScriptedReply,
  type ScriptedServer,
  startScriptedServer,
} from './scripted-server.ts';

export interface ServedJob extends Record<string, unknown> {
  readonly id: string;
  status: string;
}

/** Overrides the default replies; null uses the default. */
export interface VideosScript {
  /** `accept` creates the job and returns the reply; if it is not called, nothing is created. */
  /** The ids of its models. */
  readonly models?: readonly string[];
  readonly create?: (accept: () => ScriptedReply, request: ReceivedRequest) => ScriptedReply | null;
  readonly list?: () => ScriptedReply | null;
  readonly retrieve?: (job: ServedJob) => ScriptedReply | null;
  readonly content?: (request: ReceivedRequest) => ScriptedReply | null;
  readonly remove?: (job: ServedJob) => ScriptedReply | null;
}

export interface VideosServer extends ScriptedServer {
  readonly jobs: ServedJob[];
  /** How many creates have arrived. */
  readonly posts: number;
}

/** A minimal MP4: only boxes. */
export const CLIP = Buffer.concat([
  Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2', 'latin1'),
  Buffer.from('\0\0\0\x0cmoov0000', 'latin1'),
  Buffer.from('\0\0\x13\x88mdat'.padEnd(5_000, 'x'), 'latin1'),
]);

/** A server of the Videos API on loopback, whose jobs are finished at the first status call. */
export async function startVideosServer(script: VideosScript = {}): Promise<VideosServer> {
  const jobs: ServedJob[] = [];
  const answer = (request: ReceivedRequest): ScriptedReply => {
    const { pathname } = new URL(request.path, 'http://localhost');
    const [, , route, id, isContent] = pathname.split('/').map(decodeURIComponent);
    if (route === 'models' && id === undefined)
      return { body: { object: 'list', data: (script.models ?? []).map((id) => ({ id })) } };
    if (request.method === 'POST' && !hasPrompt(request))
      return { status: 400, body: { error: { message: "'prompt' is required" } } };
    if (request.method === 'POST')
      return script.create?.(() => accept(jobs, request), request) ?? accept(jobs, request);
    if (id === undefined)
      return script.list?.() ?? { body: { object: 'list', data: jobs.toReversed(), has_more: false } };
    const job = jobs.find((candidate) => candidate.id === id);
    if (job === undefined) return { status: 404, body: { error: { message: `Video with id '${id}' not found` } } };
    if (isContent) return script.content?.(request) ?? clipReply(request);
    if (request.method === 'DELETE') return script.remove?.(job) ?? remove(jobs, job);
    job.status = 'completed';
    return script.retrieve?.(job) ?? { body: job };
  };
  const server = await startScriptedServer(answer);
  return {
    ...server,
    jobs,
    get posts() {
      return server.requests.filter((request) => request.method === 'POST' && hasPrompt(request)).length;
    },
  };
}

function hasPrompt({ body }: ReceivedRequest): boolean {
  return /"prompt":|name="prompt"/.test(body.toString());
}

function accept(jobs: ServedJob[], { body, headers }: ReceivedRequest): ScriptedReply {
  const fields = headers['content-type'] === 'application/json' ? JSON.parse(body.toString()) : {};
  const createdAt = Math.floor(Date.now() / 1000); // matches its `Date` header
  const job = { ...fields, id: `video_${jobs.length + 1}`, object: 'video', status: 'queued', created_at: createdAt };
  jobs.push(job);
  return { body: job };
}

function remove(jobs: ServedJob[], job: ServedJob): ScriptedReply {
  jobs.splice(jobs.indexOf(job), 1);
  return { body: { id: job.id, object: 'video.deleted', deleted: true } };
}

/** The clip, or the requested range of it. */
export function clipReply({ headers }: ReceivedRequest, clip: Buffer = CLIP): ScriptedReply {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  const range = start > 0 ? { 'content-range': `bytes ${start}-${clip.length - 1}/${clip.length}` } : {};
  const rest = clip.subarray(start);
  return {
    status: start > 0 ? 206 : 200,
    headers: { etag: '"clip-1"', 'content-length': String(rest.length), 'content-type': 'video/mp4', ...range },
    body: rest,
  };
}

/** A server that accepts every create, but replies only when the test releases it. */
export async function startMuteServer(): Promise<VideosServer & { speak(): void }> {
  let isMute = true;
  const server = await startVideosServer({
    create(accept) {
      const answer = accept();
      return isMute ? 'hang' : answer;
    },
  });
  return Object.assign(server, {
    speak() {
      isMute = false;
    },
  });
}
