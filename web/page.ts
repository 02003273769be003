// The page at `/`: orders videos from the REST service and shows what becomes of them, and what OpenAI clients make.
import type { VideoJobView } from '../src/service/rest-schemas.ts';
import { type ApiVideo, mergeVideos, SERVICE, type ShownVideo } from './shown-video.ts';
import { VideoCard } from './video-card.ts';

interface Refusal {
  readonly error?: {
    readonly message?: string;
    readonly violations?: readonly string[];
    readonly hints?: readonly string[];
  };
}

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
  const made = await readMade(); // first: what it holds of the service's own is then in the second list for certain
  const ordered = await call(`${SERVICE}?limit=50`);
  if (ordered.status === 401) return null;
  if (!ordered.ok) throw new Error(await reasonOf(ordered));
  const { videos }: { videos: VideoJobView[] } = await ordered.json();
  return mergeVideos(videos, made);
}

/** What clients of the Videos API made; with a key of its own, the server plays them to nobody who cannot send it. */
async function readMade(): Promise<ApiVideo[]> {
  if (demoKey === '') return [];
  const reply = await call('/v1/videos?limit=50', { headers: { 'x-sora-fault': 'none' } });
  if (!reply.ok) return [];
  const { data }: { data: ApiVideo[] } = await reply.json();
  return data;
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
