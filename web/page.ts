// The page at `/`: orders videos from the REST service and shows what becomes of them, and what OpenAI clients make.
import type { VideoJobView } from '../src/service/rest-schemas.ts';
import { VideoCard } from './video-card.ts';

/** A video for showing, of whichever API. */
export interface ShownVideo {
  readonly id: string;
  readonly prompt: string;
  readonly status: 'pending' | 'processing' | 'completed' | 'failed';
  readonly progress: number;
  /** Model, length and size. */
  readonly facts: string;
  readonly createdAtMs: number;
  readonly videoUrl: string | null;
  readonly posterUrl: string | null;
  readonly failure: { readonly message: string; readonly hints: readonly string[] } | null;
  readonly notes: readonly string[];
  /** Where it is removed. */
  readonly path: string;
}

/** A job of `/v1/videos`, as far as it is shown. */
interface ApiVideo {
  readonly id: string;
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed';
  readonly prompt: string | null;
  readonly progress: number;
  readonly model: string;
  readonly seconds: string;
  readonly size: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly error: { readonly message: string } | null;
}

interface Refusal {
  readonly error?: {
    readonly message?: string;
    readonly violations?: readonly string[];
    readonly hints?: readonly string[];
  };
}

const SERVICE = '/api/v1/videos';
const BUSY_MS = 700;
const IDLE_MS = 4_000;
const KEY_NAME = 'sora-key';

const demoKey = document.querySelector<HTMLMetaElement>('meta[name="demo-key"]')?.content ?? '';
let key = demoKey || (sessionStorage.getItem(KEY_NAME) ?? '');
const cards = new Map<string, VideoCard>();
let timer = 0;

const list = find('list', HTMLUListElement);
const order = find('order', HTMLFormElement);
const orderError = find('order-error', HTMLElement);
const keyForm = find('key-form', HTMLFormElement);
const news = find('news', HTMLElement);

function find<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${id}`);
}

/** Calls the server with the key; asks for another one when it is refused. */
async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...init.headers, ...(key === '' ? {} : { 'x-api-key': key }) };
  const reply = await fetch(path, { ...init, headers });
  if (reply.status === 401) {
    keyForm.hidden = false;
    find('key-error', HTMLElement).hidden = key === '';
  }
  return reply;
}

/** Null when the key is not known yet; throws an error that says why where there is no answer. */
async function readVideos(): Promise<ShownVideo[] | null> {
  const [ordered, made] = await Promise.all([call(`${SERVICE}?limit=50`), readMade()]);
  if (ordered.status === 401) return null;
  if (!ordered.ok) throw new Error(await reasonOf(ordered));
  const { videos }: { videos: VideoJobView[] } = await ordered.json();
  const known = new Set(videos.map(({ videoId }) => videoId));
  const others = made.filter(({ id }) => !known.has(id));
  return [...videos.map(fromService), ...others.map(fromApi)].sort((a, b) => b.createdAtMs - a.createdAtMs);
}

/** What clients of the Videos API made; with a key of its own, the server plays them to nobody who cannot send it. */
async function readMade(): Promise<ApiVideo[]> {
  if (demoKey === '') return [];
  const reply = await call('/v1/videos?limit=50', { headers: { 'x-sora-fault': 'none' } });
  if (!reply.ok) return [];
  const { data }: { data: ApiVideo[] } = await reply.json();
  return data;
}

function fromService(job: VideoJobView): ShownVideo {
  const { error } = job;
  return {
    id: job.id,
    prompt: job.prompt,
    status: job.status,
    progress: job.progress,
    facts: factsOf(job.model, job.seconds, job.size),
    createdAtMs: Date.parse(job.createdAt),
    videoUrl: job.videoUrl,
    posterUrl: job.thumbnailUrl,
    failure: error && { message: [error.message, error.causedBy].filter(Boolean).join(': '), hints: error.hints },
    notes: job.notes,
    path: `${SERVICE}/${job.id}`,
  };
}

const STATUSES = { queued: 'pending', in_progress: 'processing', completed: 'completed', failed: 'failed' } as const;

function fromApi(video: ApiVideo): ShownVideo {
  const { id, status, error } = video;
  const path = `/v1/videos/${id}`;
  const isExpired = video.expires_at !== null && video.expires_at * 1000 < Date.now();
  const isDone = status === 'completed' && !isExpired;
  return {
    id,
    prompt: video.prompt ?? '',
    status: STATUSES[status],
    progress: video.progress,
    facts: `${factsOf(video.model, video.seconds, video.size)} · through /v1`,
    createdAtMs: video.created_at * 1000,
    videoUrl: isDone ? `${path}/content` : null,
    posterUrl: isDone ? `${path}/content?variant=thumbnail` : null,
    failure: error && { message: error.message, hints: [] },
    notes: isExpired ? ['the file has expired'] : [],
    path,
  };
}

function factsOf(model: string | null, seconds: string | number | null, size: string | null): string {
  return [model, seconds === null ? null : `${seconds} s`, size?.replace('x', ' × ')].filter(Boolean).join(' · ');
}

/** Reads and shows all, and comes back soon while something is being made. */
async function refresh(): Promise<void> {
  window.clearTimeout(timer);
  let isBusy = false;
  try {
    const videos = await readVideos();
    showTrouble(null);
    if (videos !== null) {
      acceptKey();
      show(videos);
      isBusy = videos.some(({ status }) => status === 'pending' || status === 'processing');
    }
  } catch (error) {
    showTrouble(error instanceof TypeError ? 'the server does not answer' : String(Object(error).message));
    isBusy = true; // it is asked again soon
  }
  window.clearTimeout(timer);
  timer = window.setTimeout(refresh, isBusy ? BUSY_MS : IDLE_MS);
}

function showTrouble(reason: string | null): void {
  const trouble = find('trouble', HTMLElement);
  const text = reason === null ? '' : `The list is not up to date: ${reason}. Trying again.`;
  if (trouble.textContent !== text) trouble.textContent = text; // said once, not with each attempt
  trouble.hidden = reason === null;
}

/** The key is good: the form for it goes, and the focus with it to what comes next. */
function acceptKey(): void {
  if (keyForm.hidden) return;
  const hadFocus = keyForm.contains(document.activeElement);
  keyForm.hidden = true;
  if (hadFocus) find('prompt', HTMLTextAreaElement).focus();
}

function show(videos: readonly ShownVideo[]): void {
  const ids = new Set(videos.map(({ id }) => id));
  for (const [id, card] of cards) {
    if (ids.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  for (const [at, video] of videos.entries()) {
    const card = cards.get(video.id) ?? new VideoCard(remove);
    cards.set(video.id, card);
    const ended = card.update(video);
    if (ended !== null) news.textContent = ended;
    // Moved only when it is out of place: what is moved stops playing and loses the focus.
    if (list.children[at] !== card.element) list.insertBefore(card.element, list.children[at] ?? null);
  }
  find('empty', HTMLElement).hidden = videos.length > 0;
  find('count', HTMLElement).textContent = videos.length > 0 ? String(videos.length) : '';
}

async function remove(video: ShownVideo): Promise<void> {
  const isDone = video.status === 'completed' || video.status === 'failed';
  if (!window.confirm(isDone ? 'Delete this video?' : 'Cancel this video?')) return;
  const reply = await call(video.path, { method: 'DELETE' });
  news.textContent = reply.ok ? 'The video is gone' : await reasonOf(reply);
  if (!reply.ok) window.alert(news.textContent);
  else find('videos', HTMLElement).focus();
  await refresh();
}

async function reasonOf(reply: Response): Promise<string> {
  const { error }: Refusal = await reply.json().catch(() => ({}));
  return error?.message ?? `the server answered ${reply.status}`;
}

async function create(): Promise<void> {
  const fields = new FormData(order);
  const text = (name: string): string => String(fields.get(name) ?? '');
  const reply = await call(SERVICE, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: text('prompt'),
      duration: Number(text('duration')),
      resolution: text('resolution'),
      aspectRatio: text('aspectRatio'),
    }),
  });
  if (!reply.ok) {
    const { error = {} }: Refusal = await reply.json().catch(() => ({}));
    showOrderError(error.message ?? `the server answered ${reply.status}`, [
      ...(error.violations ?? []),
      ...(error.hints ?? []),
    ]);
    return;
  }
  orderError.hidden = true;
  news.textContent = 'The video is being made';
  await refresh();
}

function showOrderError(message: string, details: readonly string[]): void {
  const items = details.map((detail) => Object.assign(document.createElement('li'), { textContent: detail }));
  const parts: (Node | string)[] = [message];
  if (items.length > 0) {
    const all = document.createElement('ul');
    all.append(...items);
    parts.push(all);
  }
  orderError.replaceChildren(...parts);
  orderError.hidden = false;
}

order.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = order.querySelector('button');
  // Not `disabled`, which takes the focus away.
  if (button === null || button.ariaDisabled === 'true') return;
  button.ariaDisabled = 'true';
  try {
    await create();
  } catch {
    showOrderError('the server does not answer', []);
  } finally {
    button.ariaDisabled = null;
  }
});

find('prompt', HTMLTextAreaElement).addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) order.requestSubmit();
});

keyForm.addEventListener('submit', (event) => {
  event.preventDefault();
  key = find('key', HTMLInputElement).value;
  sessionStorage.setItem(KEY_NAME, key);
  void refresh();
});

async function showProfile(): Promise<void> {
  const { profile }: { profile: string } = await (await fetch('/healthz')).json();
  const pill = find('profile', HTMLElement);
  pill.textContent = profile === 'simulator' ? 'simulator · free' : `${profile} · paid`;
  pill.hidden = false;
}

if (key === '') keyForm.hidden = false;
find('clients', HTMLElement).hidden = demoKey === '';
showProfile().catch(() => {}); // the list says that the server does not answer
void refresh();
