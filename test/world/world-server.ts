import { Readable } from 'node:stream';
import { resultKey } from '../../src/batch/server-batch.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Http, HttpReply, HttpRequest } from '../../src/platform/http.ts';
import { timeoutError } from '../../src/platform/timeout.ts';
import type {
  BatchEnd,
  Command,
  ContentFault,
  CreateFault,
  ListFault,
  LookFault,
  Outcome,
  Replica,
  ResultsFault,
  RowFate,
  UploadFault,
  World,
} from './description.ts';
import { type Life, survive } from './processes.ts';

export const BASE_URL = 'https://lab.invalid/v1';
/** The account of jobs that others created. */
export const STRANGER = 'somebody else';
const DAY_MS = 86_400_000;
const CANCELLING_MS = 5_000;
/** Shorter than a real one: each poll of it takes a moment. */
const BATCH_WINDOW_MS = 20 * 60_000;
const ID_STARTS = { video: 'video', character: 'char', batch: 'batch' };
const FILES = 'https://files.invalid';

export interface WorldJob {
  readonly kind: 'video' | 'character' | 'batch';
  readonly id: string;
  readonly key: string;
  readonly request: Asked;
  readonly replica: number;
  readonly madeMs: number;
  endsMs: number;
  readonly outcome: Outcome;
  /** A user requested its end. */
  isRemoved: boolean;
}

/** A process of `sora`, and its purpose. */
export interface Run {
  readonly command: Command;
  readonly life: Life;
}

/** The content of a create. */
export interface Asked {
  readonly prompt: string;
  /** The operation and its source; null for a video from the prompt alone. */
  readonly source: { readonly operation: string; readonly id: string } | null;
  readonly characters?: readonly string[];
}

/** A create that arrived. */
export interface Payment {
  readonly by: Run;
  readonly key: string;
  readonly request: Asked;
  readonly fault: CreateFault;
  /** Whether the client can know that nothing was created. */
  readonly isCertain: boolean;
  /** When it was sent. */
  readonly sentMs: number;
  /** Null when nothing was created. */
  readonly job: WorldJob | null;
  /** The batch of this request, and the key of the record of its result; null for a single create. */
  readonly inBatch: { readonly batch: WorldJob | null; readonly recordKey: string } | null;
}

/** A request of a batch. */
interface BatchLine {
  readonly customId: string;
  readonly fate: RowFate;
  readonly job: WorldJob | null;
}

type Ending = 'end' | 'break' | 'silence';

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Uint8Array;
  readonly ending?: Ending;
}

type Reaction = Answer | 'refuse' | 'reset' | 'silence';

const CERTAINLY_NOT_MADE: ReadonlySet<CreateFault> = new Set(['refused connection', '429', '400']);

export function isSameRequest(a: Asked, b: Asked): boolean {
  const [characters, others] = [a.characters ?? [], b.characters ?? []];
  return (
    a.prompt === b.prompt &&
    a.source?.operation === b.source?.operation &&
    a.source?.id === b.source?.id &&
    characters.join() === others.join()
  );
}

/** The server of a world: its behaviour follows the description of the world only. */
export class WorldServer {
  readonly jobs: WorldJob[] = [];
  readonly payments: Payment[] = [];
  /** Called when a create has arrived. */
  onPayment: (payment: Payment) => void = () => {};
  readonly #world: World;
  readonly #clock: Clock;
  readonly #queues: {
    creates: CreateFault[];
    looks: LookFault[];
    lists: ListFault[];
    contents: ContentFault[];
    uploads: UploadFault[];
    batches: BatchEnd[];
    rows: RowFate[];
    results: ResultsFault[];
  };
  readonly #files: string[] = [];
  readonly #batches = new Map<WorldJob, { end: BatchEnd; lines: readonly BatchLine[]; cancelledMs?: number }>();
  #requests = 0;
  #creates = 0;

  constructor(world: World, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
    const { creates, looks, lists, contents, uploads, batches, rows, results } = world;
    this.#queues = {
      ...{ creates: [...creates], looks: [...looks], lists: [...lists], contents: [...contents] },
      ...{ uploads: [...uploads], batches: [...batches], rows: [...rows], results: [...results] },
    };
    const [madeMs, request] = [clock.now() - DAY_MS, { prompt: 'an old film', source: null }];
    for (const replica of world.replicas.keys())
      this.jobs.push({
        ...{ kind: 'video', id: `video_old_${replica}`, key: STRANGER, request, replica, madeMs, endsMs: madeMs },
        ...{ outcome: 'completed', isRemoved: false },
      });
  }

  /** Each request and each reply is a step of the process that sent it. A sent request arrives, whatever happens to the process. */
  httpOf(run: Run): Http {
    return async (request) => {
      await survive();
      request.signal?.throwIfAborted();
      const reaction = await unlessAborted(this.#travel(request, run), request.signal);
      await survive();
      return this.#deliver(reaction, request);
    };
  }

  /** Another user creates a video. */
  makeForeign(prompt: string): void {
    this.#make('video', { prompt, source: null }, STRANGER, 0, 0);
  }

  clipOf({ id }: Pick<WorldJob, 'id'>): Buffer {
    return clipOf(id, this.#world.clipBytes);
  }

  jobOf(id: string): WorldJob | undefined {
    return this.jobs.find((job) => job.id === id || otherIdOf(job) === id);
  }

  async #travel(request: HttpRequest, run: Run): Promise<Reaction> {
    if (request.method !== 'POST') return this.#react(request);
    const sentMs = this.#clock.now();
    const { travelMs } = this.#world;
    const { there, back } = travelMs[this.#creates++ % travelMs.length] ?? { there: 0, back: 0 };
    await this.#clock.sleep(there);
    const reaction = this.#react(request, { by: run, sentMs });
    await this.#clock.sleep(back);
    return reaction;
  }

  #react(request: HttpRequest, post?: Pick<Payment, 'by' | 'sentMs'>): Reaction {
    const url = new URL(request.url);
    if (url.origin === FILES) return this.#file(request, url);
    const { balancer, replicas } = this.#world;
    const replica = (balancer[this.#requests++ % balancer.length] ?? 0) % replicas.length;
    const [, , route, id = '', part] = url.pathname.split('/').map(decodeURIComponent);
    if (route === 'files') return post === undefined ? this.#results(id) : this.#upload(request);
    if (route === 'batches' && part === 'cancel') return this.#cancelBatch(id, replica);
    if (post !== undefined)
      return route === 'batches' ? this.#createBatch(request, replica, post) : this.#create(request, replica, post);
    if (id === '') return this.#list(url, replica);
    const job = this.jobOf(id);
    if (job === undefined || !this.#isAt(replica, id)) return notFound(id);
    if (part === 'content') return this.#content(request, job);
    return request.method === 'DELETE' ? this.#remove(job) : this.#look(job);
  }

  #isAt(replica: number, id: string): boolean {
    const job = this.jobOf(id);
    return job !== undefined && !job.isRemoved && job.replica === replica;
  }

  #create(request: HttpRequest, replica: number, post: Pick<Payment, 'by' | 'sentMs'>): Reaction {
    const { key, ...asked } = readCreate(request);
    if (asked.source !== null && kindOf(asked) === 'video' && !this.#isAt(replica, asked.source.id))
      return notFound(asked.source.id);
    const fault = this.#next('creates');
    if (fault === 'refused connection') return 'refuse';
    const job = isMade(fault) ? this.#make(kindOf(asked), asked, key, replica, delayOf(fault)) : null;
    this.#pay({ ...post, key, request: asked, fault, isCertain: CERTAINLY_NOT_MADE.has(fault), job, inBatch: null });
    return this.#answer(fault, job);
  }

  #pay(payment: Payment): void {
    this.onPayment(payment);
    this.payments.push(payment);
  }

  #answer(fault: CreateFault, job: WorldJob | null): Reaction {
    const [, failure = fault] = /^(?:made|lost|made late): (.*)$/.exec(fault) ?? [];
    switch (failure) {
      case '429':
        return { status: 429, headers: { 'retry-after': '2' }, body: { error: { message: 'slow down' } } };
      case '400':
        return { status: 400, body: { error: { message: 'not this prompt', code: 'invalid_value' } } };
      case 'reset':
        return 'reset';
      case 'silence':
        return 'silence';
      case 'a page':
        return { headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title>' };
    }
    if (/^3/.test(failure)) {
      const location = {
        location: `/v1/${job?.kind === 'batch' ? 'batches' : 'videos'}/${failure.includes('Location') && job ? job.id : ''}`,
      };
      return { status: Number(failure.slice(0, 3)), headers: failure.includes('Location') ? location : {} };
    }
    if (/^5/.test(failure)) return { status: Number(failure), body: { error: { message: 'upstream failed' } } };
    const body = JSON.stringify(job && this.#shown(job));
    if (failure !== 'half an answer') return { body: JSON.parse(body) };
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
    return { headers, body: body.slice(0, body.length / 2), ending: 'break' };
  }

  /** Free. */
  #upload({ body = '' }: HttpRequest): Reaction {
    const fault = this.#next('uploads');
    if (fault === 'reset' || fault === 'silence') return fault;
    if (fault === '500') return { status: 500, body: { error: { message: 'no upload now' } } };
    const lines = Buffer.from(body).toString('utf8').split('\n');
    const id = `file_${this.#files.push(lines.filter((line) => line.startsWith('{')).join('\n'))}`;
    return { body: { id, object: 'file', purpose: 'batch' } };
  }

  /** A batch pays for each of its requests at once. */
  #createBatch(request: HttpRequest, replica: number, post: Pick<Payment, 'by' | 'sentMs'>): Reaction {
    const { input_file_id: fileId } = JSON.parse(String(request.body));
    const fault = this.#next('creates');
    if (fault === 'refused connection') return 'refuse';
    const key = keyOf(request);
    const asked = { prompt: `batch of ${fileId}`, source: { operation: 'batch', id: fileId } };
    const batch = isMade(fault) ? this.#make('batch', asked, key, replica, delayOf(fault)) : null;
    const end = batch === null ? 'completed' : this.#next('batches', 'completed');
    const lines: BatchLine[] = [];
    for (const [at, line] of (this.#files[Number(fileId.slice(5)) - 1] ?? '').split('\n').entries()) {
      const { custom_id: customId, body } = JSON.parse(line);
      const isLeftOut = end === 'failed' || (end !== 'completed' && at % 2 === 1);
      const fate = isLeftOut ? 'not executed' : this.#next('rows', 'made');
      const recordKey = batch === null ? key : resultKey(key, customId);
      const wanted = { prompt: body.prompt, source: null };
      const job =
        batch !== null && fate.startsWith('made')
          ? this.#make('video', wanted, recordKey, replica, delayOf(fault))
          : null;
      const isCertain = CERTAINLY_NOT_MADE.has(fault) || fate === 'not executed' || fate === 'refused';
      this.#pay({ ...post, key, request: wanted, fault, isCertain, job, inBatch: { batch, recordKey } });
      lines.push({ customId, fate, job });
    }
    if (batch !== null) {
      const lastMs = Math.max(batch.madeMs, ...lines.map(({ job }) => job?.endsMs ?? 0));
      batch.endsMs = end === 'expired' ? batch.madeMs + BATCH_WINDOW_MS : lastMs + 1_000;
      this.#batches.set(batch, { end, lines });
    }
    return this.#answer(fault, batch);
  }

  /** Unfinished requests are not executed. */
  #cancelBatch(id: string, replica: number): Reaction {
    const fault = this.#next('uploads');
    if (fault === 'reset' || fault === 'silence') return fault;
    const batch = this.jobOf(id);
    const entry = batch && this.#batches.get(batch);
    if (batch === undefined || entry === undefined || !this.#isAt(replica, id)) return notFound(id);
    const nowMs = this.#clock.now();
    if (nowMs >= batch.endsMs || this.#world.refusesCancel)
      return { status: 409, body: { error: { message: 'Cannot cancel this batch now.' } } };
    entry.end = 'cancelled';
    entry.cancelledMs ??= nowMs;
    batch.endsMs = Math.min(batch.endsMs, entry.cancelledMs + CANCELLING_MS);
    entry.lines = entry.lines.map((line) => {
      const { job } = line;
      if (job === null || job.endsMs <= nowMs) return line;
      job.isRemoved = true;
      return { ...line, fate: 'not executed', job: null };
    });
    return fault === '500' ? { status: 500, body: {} } : { body: this.#shown(batch) };
  }

  /** The results of a batch, in two files as in the API. */
  #results(fileId: string): Reaction {
    const [, id = '', kind = ''] = /^(batch_.*)_(output|errors)$/.exec(fileId) ?? [];
    const batch = this.jobOf(id);
    const entry = batch && this.#batches.get(batch);
    const fault = this.#next('results');
    if (entry === undefined || fault === '404') return { status: 404, body: { error: { message: 'no such file' } } };
    if (fault === 'reset') return 'reset';
    if (fault === '500') return { status: 500, body: { error: { message: 'no results now' } } };
    if (fault === 'empty') return { body: '' };
    const texts = entry.lines
      .filter(({ fate }) => (fate === 'made') === (kind === 'output'))
      .flatMap((line) => this.#resultOf(line) ?? [])
      .map((result) => `${JSON.stringify(result)}\n`);
    const half = Math.ceil(texts.length / 2);
    const text = (fault === 'repeated' ? texts.map((_, at) => texts[at % half]) : texts).join('');
    if (fault === 'cut') return { body: text.slice(0, text.length / 2), ending: 'break' };
    return { body: fault === 'cut without length' ? text.slice(0, text.length * 0.6) : text };
  }

  #resultOf({ customId, fate, job }: BatchLine): object | null {
    const shared = { custom_id: customId, error: null };
    const failed = (status: number, code: string): object => ({
      ...shared,
      response: { status_code: status, body: { error: { message: 'not this one', code } } },
    });
    if (fate === 'made') return job && { ...shared, response: { status_code: 200, body: this.#shown(job) } };
    if (fate === 'refused') return failed(400, 'invalid_value');
    if (fate.endsWith('500')) return failed(500, 'server_error');
    const code = fate === 'not executed' ? 'batch_expired' : 'internal_error';
    return fate.endsWith('no line') ? null : { ...shared, response: null, error: { code, message: fate } };
  }

  #make(kind: WorldJob['kind'], request: Asked, key: string, replica: number, delayMs: number): WorldJob {
    const { renderMs, outcomes } = this.#world;
    const number = this.jobs.length - this.#world.replicas.length;
    const madeMs = this.#clock.now() + delayMs;
    const job: WorldJob = {
      kind,
      id: `${ID_STARTS[kind]}_${((number + 1) * 2_654_435_761).toString(16).padStart(12, '0')}`,
      ...{ key, request, replica, madeMs },
      endsMs: madeMs + (renderMs[number % renderMs.length] ?? 0),
      outcome: outcomes[number] ?? 'completed',
      isRemoved: false,
    };
    this.jobs.push(job);
    return job;
  }

  #look(job: WorldJob): Reaction {
    const fault = this.#next('looks');
    if (fault === 'reset' || fault === 'silence') return fault;
    if (fault !== 'none') return { status: Number(fault), body: { error: { message: `a ${fault}` } } };
    const isFailed = job.kind === 'video' && this.#statusOf(job) === 'failed';
    return { status: isFailed ? this.#world.failedStatus : 200, body: this.#shown(job) };
  }

  #list(url: URL, replica: number): Reaction {
    const fault = this.#next('lists');
    if (fault === 'reset') return fault;
    if (fault === 'empty') return { body: { object: 'list', data: [], has_more: false } };
    if (fault !== 'none') return { status: Number(fault), body: { error: { message: 'no list now' } } };
    const { lagMs, isFinishedOnly, hasOtherIds, pageSize } = this.#world.list;
    const after = url.searchParams.get('after');
    const idOf = (job: WorldJob): string => (hasOtherIds ? otherIdOf(job) : job.id);
    const kind = url.pathname.endsWith('/batches') ? 'batch' : 'video';
    const all = this.jobs
      .filter((job) => job.kind === kind && !job.isRemoved && job.replica === replica)
      .filter((job) => this.#clock.now() >= job.madeMs + lagMs)
      .filter((job) => !isFinishedOnly || this.#clock.now() >= job.endsMs)
      .toReversed();
    const from = after === null ? 0 : all.findIndex((job) => idOf(job) === after) + 1;
    const end = from + Math.min(pageSize, Number(url.searchParams.get('limit') ?? 20));
    const data = all.slice(from, end).map((job) => ({ ...this.#shown(job, this.#listedPrompt(job)), id: idOf(job) }));
    return {
      headers: { date: new Date(this.#now(replica)).toUTCString() },
      body: { object: 'list', data, has_more: end < all.length, last_id: data.at(-1)?.id ?? null },
    };
  }

  #listedPrompt({ request: { prompt } }: WorldJob): string | null {
    const { prompts } = this.#world.list;
    if (prompts === 'cut') return prompt.length > 24 ? `${prompt.slice(0, 24)}…` : prompt;
    if (prompts === 'rewritten') return `A cinematic shot of ${prompt}, highly detailed`;
    return prompts === 'none' ? null : prompts === 'trimmed' ? prompt.slice(0, 30).trim() : prompt;
  }

  #remove(job: WorldJob): Reaction {
    const isRunning = this.#clock.now() < job.endsMs;
    if (isRunning && this.#world.refusesCancel) return { status: 409, body: { error: { message: 'still running' } } };
    job.isRemoved = true;
    return { body: { id: job.id, object: 'video.deleted', deleted: true } };
  }

  #content(request: HttpRequest, job: WorldJob): Reaction {
    const status = this.#statusOf(job);
    if (status === 'expired') return { status: 410, body: { error: { message: 'expired' } } };
    if (status !== 'completed') return { status: 409, body: { error: { message: 'not ready' } } };
    return this.#clip(request, job);
  }

  /** A signed URL: it expires, and then the job has a new one. */
  #file(request: HttpRequest, url: URL): Reaction {
    const job = this.jobOf(url.pathname.slice(1));
    if (job === undefined || job.isRemoved) return { status: 404, body: 'no such file' };
    return this.#clip(request, job);
  }

  #clip({ headers }: HttpRequest, job: WorldJob): Reaction {
    const fault = this.#next('contents');
    const clip = this.clipOf(job);
    const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const rest = clip.subarray(start);
    const range = { 'content-range': `bytes ${start}-${clip.length - 1}/${clip.length}` };
    const type = { 'content-type': 'video/mp4', etag: `"${job.id}"` };
    const whole: Answer = {
      status: start > 0 ? 206 : 200,
      headers: { ...type, 'content-length': String(rest.length), ...(start > 0 ? range : {}) },
      body: rest,
    };
    switch (fault) {
      case 'none':
        return whole;
      case 'reset':
        return 'reset';
      case 'cut':
        return { ...whole, body: rest.subarray(0, rest.length / 2), ending: 'break' };
      case 'cut without length':
        return {
          status: whole.status ?? 200,
          headers: { ...type, ...(start > 0 ? range : {}) },
          body: rest.subarray(0, rest.length / 2),
        };
      case 'lapsed':
        return { status: 401, body: { error: { message: 'the signature has expired' } } };
      case 'json':
        return { body: { id: job.id, status: 'completed', message: 'the file is on its way' } };
      case 'wrong range': {
        const other = this.clipOf({ id: 'another-job-altogether' });
        const answer = {
          ...type,
          etag: '"other"',
          'content-range': `bytes ${start}-${other.length - 1}/${other.length}`,
        };
        return start > 0 ? { status: 206, headers: answer, body: other.subarray(start) } : whole;
      }
      case '404':
        return { status: 404, body: { error: { message: 'no such file' } } };
    }
  }

  #statusOf(job: WorldJob): string {
    const nowMs = this.#clock.now();
    return nowMs >= job.endsMs ? job.outcome : nowMs - job.madeMs < 500 ? 'queued' : 'in_progress';
  }

  #shown(job: WorldJob, prompt: string | null = job.request.prompt): Record<string, unknown> {
    const { source } = job.request;
    const replica = this.#world.replicas[job.replica];
    const times = timeOf(replica, job.madeMs + (replica?.skewMs ?? 0));
    const entry = this.#batches.get(job);
    if (entry !== undefined) return { ...this.#shownBatch(job, entry), ...times };
    if (job.kind === 'character') return { id: job.id, object: 'character', name: prompt, ...times };
    const status = this.#statusOf(job);
    return {
      id: job.id,
      object: 'video',
      status,
      prompt,
      model: 'sora-2',
      seconds: '4',
      size: '1280x720',
      ...(source !== null && this.#world.list.showsSources ? { remixed_from_video_id: source.id } : {}),
      ...times,
      ...(status === 'failed' ? { error: { code: 'server_error', message: 'the worker died' } } : {}),
      ...(status === 'completed' && this.#world.hasSignedFiles
        ? { url: `${FILES}/${job.id}?sig=${this.#requests}` }
        : {}),
    };
  }

  #shownBatch(
    batch: WorldJob,
    {
      end,
      lines,
      cancelledMs,
    }: { readonly end: BatchEnd; readonly lines: readonly BatchLine[]; readonly cancelledMs?: number },
  ): Record<string, unknown> {
    const hasEnded = this.#clock.now() >= batch.endsMs;
    const hasResults = hasEnded && end !== 'failed';
    const completed = lines.filter(({ fate }) => fate === 'made').length;
    const counts = { total: lines.length, completed, failed: lines.length - completed };
    return {
      id: batch.id,
      object: 'batch',
      status: hasEnded ? end : cancelledMs !== undefined ? 'cancelling' : this.#statusOf(batch),
      input_file_id: batch.request.source?.id,
      output_file_id: hasResults && completed > 0 ? `${batch.id}_output` : null,
      error_file_id: hasResults && completed < lines.length ? `${batch.id}_errors` : null,
      ...(hasEnded && end === 'failed' ? { errors: { data: [{ line: 1, message: 'not this file' }] } } : {}),
      ...(this.#world.countsRequests ? { request_counts: counts } : {}),
    };
  }

  #now(replica: number): number {
    return this.#clock.now() + (this.#world.replicas[replica]?.skewMs ?? 0);
  }

  #next<K extends 'creates' | 'looks' | 'lists' | 'contents' | 'uploads' | 'results'>(
    name: K,
  ): World[K][number] | 'none';
  #next<K extends 'batches' | 'rows', T extends World[K][number]>(name: K, usual: T): World[K][number];
  #next(
    name: 'creates' | 'looks' | 'lists' | 'contents' | 'uploads' | 'batches' | 'rows' | 'results',
    usual = 'none',
  ): string {
    return this.#queues[name].shift() ?? usual;
  }

  async #deliver(reaction: Reaction, { signal, idleTimeoutMs = 600_000 }: HttpRequest): Promise<HttpReply> {
    if (reaction === 'refuse') throw networkError('ECONNREFUSED', 'connect');
    if (reaction === 'reset') throw networkError('ECONNRESET', 'read');
    if (reaction === 'silence') {
      await this.#clock.sleep(idleTimeoutMs, signal);
      throw timeoutError(idleTimeoutMs);
    }
    const { status = 200, headers = {}, body = '', ending = 'end' } = reaction;
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const bytes = Buffer.from(isRaw ? body : JSON.stringify(body));
    const type: Record<string, string> = isRaw ? {} : { 'content-type': 'application/json' };
    return { status, headers: { ...type, ...headers }, body: Readable.from(partsOf(bytes, ending)) };
  }
}

async function* partsOf(bytes: Buffer, ending: Ending): AsyncGenerator<Buffer> {
  const size = Math.max(2_000, bytes.length / 4);
  for (let at = 0; at < bytes.length; at += size) {
    await survive();
    yield bytes.subarray(at, at + size);
  }
  if (ending === 'break') throw networkError('ECONNRESET', 'read');
}

/** A complete MP4 whose bytes name its job. */
function clipOf(id: string, bytes: number): Buffer {
  const box = (type: string, body: string): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(8 + body.length);
    return Buffer.concat([head, Buffer.from(type + body, 'latin1')]);
  };
  return Buffer.concat([
    box('ftyp', 'isom\0\0\x02\0isomiso2'),
    box('free', `[job ${id}]`),
    box('moov', '0000'),
    box('mdat', id.padEnd(bytes, id)),
  ]);
}

/** The id under which a gateway lists a job: wrapped together with its provider. */
export function otherIdOf({ id }: Pick<WorldJob, 'id'>): string {
  return `video_${Buffer.from(`litellm:custom_llm_provider:openai;model_id:sora;video_id:${id}`).toString('base64')}`;
}

function timeOf(replica: Replica | undefined, ms: number): Record<string, unknown> {
  const iso = new Date(ms).toISOString();
  if (replica?.times === 'none') return {};
  if (replica?.times === 'unix') return { created_at: Math.floor(ms / 1000) };
  return { created_at: replica?.times === 'iso' ? iso : iso.slice(0, 19) };
}

function notFound(id: string): Answer {
  return { status: 404, body: { error: { message: `Video with id '${id}' not found` } } };
}

function readCreate(request: HttpRequest): Asked & { readonly key: string } {
  const { url, headers, body = '' } = request;
  const text = Buffer.from(body).toString('utf8');
  const fields = headers['content-type'] === 'application/json' ? JSON.parse(text) : null;
  const field = (name: string): string | undefined => text.split(`name="${name}"\r\n\r\n`)[1]?.split('\r\n')[0];
  const [, , , path = '', remix] = new URL(url).pathname.split('/').map(decodeURIComponent);
  const key = keyOf(request);
  if (path === 'characters') return { prompt: String(field('name')), source: { operation: 'character', id: '' }, key };
  const prompt: string = fields?.prompt ?? field('prompt');
  const id = remix === undefined ? (fields?.video?.id ?? field('video[id]')) : path;
  const source = path === '' ? null : { operation: remix ?? path, id };
  const character = fields?.characters?.[0]?.id ?? field('characters[][id]');
  return { prompt, source, key, ...(character === undefined ? {} : { characters: [character] }) };
}

function keyOf({ headers }: HttpRequest): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === 'idempotency-key')?.[1] ?? '';
}

function kindOf({ source }: Asked): WorldJob['kind'] {
  return source?.operation === 'character' ? 'character' : 'video';
}

function isMade(fault: CreateFault): boolean {
  return !CERTAINLY_NOT_MADE.has(fault) && !fault.startsWith('lost');
}

function delayOf(fault: CreateFault): number {
  return fault === 'made late: 504' ? 20_000 : 0;
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function networkError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
