// The page at `/`: orders videos from the REST service, and lists these and the videos of OpenAI clients.
import type { QuoteView, VideoJobView } from '../src/service/rest-schemas.ts';
import { type ApiVideo, factsOf, mergeVideos, SERVICE, type ShownVideo } from './shown-video.ts';
import { VideoCard } from './video-card.ts';

interface ErrorReply {
  readonly error?: {
    readonly message?: string;
    readonly violations?: readonly string[];
    readonly hints?: readonly string[];
  };
}

const BUSY_MS = 700;
const IDLE_MS = 4_000;
const QUOTE_DELAY_MS = 200;
const KEY_NAME = 'sora-key';

const demoKey = document.querySelector<HTMLMetaElement>('meta[name="demo-key"]')?.content ?? '';
let key = keyInAddress() || demoKey || (sessionStorage.getItem(KEY_NAME) ?? '');
const cards = new Map<string, VideoCard>();
let timer = 0;
let quoteTimer = 0;

const list = find('list', HTMLUListElement);
const order = find('order', HTMLFormElement);
const orderError = find('order-error', HTMLElement);
const keyForm = find('key-form', HTMLFormElement);
const news = find('news', HTMLElement);
const quoteLine = find('quote', HTMLElement);

function find<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no element ${id}`);
}

/** The key in the printed address; it is removed there, so that it is not bookmarked or shared. */
function keyInAddress(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('key') ?? '';
  if (given === '') return '';
  sessionStorage.setItem(KEY_NAME, given);
  history.replaceState(null, '', location.pathname);
  return given;
}

/** Calls the server with the key, and asks for another key after a 401. */
async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...init.headers, ...(key === '' ? {} : { 'x-api-key': key }) };
  const reply = await fetch(path, { ...init, headers });
  if (reply.status === 401) {
    keyForm.hidden = false;
    find('key-error', HTMLElement).hidden = key === '';
  }
  return reply;
}

/** Null while the key is unknown. Throws an error with the reason when a list cannot be read. */
async function readVideos(): Promise<ShownVideo[] | null> {
  const apiVideos = await readApiVideos(); // first, so that the service's own videos in it are surely in the second list
  const ordered = await call(`${SERVICE}?limit=50`);
  if (ordered.status === 401) return null;
  if (!ordered.ok) throw new Error(await reasonOf(ordered));
  const { videos }: { videos: VideoJobView[] } = await ordered.json();
  return mergeVideos(videos, apiVideos);
}

/** Videos of other clients. With its own key the server does not play them, because media players cannot send it. */
async function readApiVideos(): Promise<ApiVideo[]> {
  if (demoKey === '') return [];
  const reply = await call('/v1/videos?limit=50', { headers: { 'x-sora-fault': 'none' } });
  if (!reply.ok) return [];
  const { data }: { data: ApiVideo[] } = await reply.json();
  return data;
}

/** Updates the list, and repeats soon while a video is unfinished. */
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
    showTrouble(error instanceof TypeError ? 'the server is not responding' : String(Object(error).message));
    isBusy = true;
  }
  window.clearTimeout(timer);
  timer = window.setTimeout(refresh, isBusy ? BUSY_MS : IDLE_MS);
}

function showTrouble(reason: string | null): void {
  const trouble = find('trouble', HTMLElement);
  const text = reason === null ? '' : `The list is out of date: ${reason}. Retrying.`;
  if (trouble.textContent !== text) trouble.textContent = text; // announced once, not with each retry
  trouble.hidden = reason === null;
}

/** Hides the form for the key and moves the focus on. */
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
    // A moved card stops playing and loses the focus, so move it only if it is out of place.
    if (list.children[at] !== card.element) list.insertBefore(card.element, list.children[at] ?? null);
  }
  find('empty', HTMLElement).hidden = videos.length > 0;
  find('count', HTMLElement).textContent = videos.length > 0 ? String(videos.length) : '';
}

async function remove(video: ShownVideo): Promise<void> {
  const isDone = video.status === 'completed' || video.status === 'failed';
  if (!window.confirm(isDone ? 'Delete this video?' : 'Cancel this video?')) return;
  const reply = await call(video.path, { method: 'DELETE' });
  news.textContent = reply.ok ? 'Video deleted' : await reasonOf(reply);
  if (!reply.ok) window.alert(news.textContent);
  else find('videos', HTMLElement).focus();
  await refresh();
}

async function reasonOf(reply: Response): Promise<string> {
  const { error }: ErrorReply = await reply.json().catch(() => ({}));
  return error?.message ?? `the server returned HTTP ${reply.status}`;
}

/** The choices of the form; fields without a choice are left out. */
function choices(): Record<string, string> {
  const fields = new FormData(order);
  const names = ['model', 'duration', 'resolution', 'aspectRatio'];
  const entries = names.map((name) => [name, String(fields.get(name) ?? '').trim()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** Throws an error with the reason when the server refuses the choices. */
async function readQuote(): Promise<QuoteView> {
  const reply = await call(`/api/v1/quote?${new URLSearchParams(choices())}`);
  if (!reply.ok) throw new Error(await reasonOf(reply));
  return await reply.json();
}

async function showQuote(): Promise<void> {
  const text = await readQuote().then(describeQuote, () => '');
  if (quoteLine.textContent !== text) quoteLine.textContent = text;
}

function describeQuote({ model, seconds, size, isFree, estimatedUsd, maxCostUsd, spentUsd, notes }: QuoteView): string {
  const price = isFree ? 'free' : estimatedUsd === null ? 'price unknown' : `about ${usd(estimatedUsd)}`;
  const left = maxCostUsd === null ? '' : `${usd(Math.max(0, maxCostUsd - spentUsd))} of ${usd(maxCostUsd)} left`;
  return [factsOf(model, seconds, size), price, left, ...notes].filter(Boolean).join(' · ');
}

function usd(amount: number): string {
  return amount.toLocaleString('en', { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });
}

/** Asks before an order costs money. Returns what the order has to say about it, or null if it was not approved. */
async function approvePrice(): Promise<{ readonly maxCostUsd?: number } | null> {
  const quote = await readQuote();
  if (quote.isFree) return {};
  if (!window.confirm(`Create this video?\n\n${describeQuote(quote)}`)) return null;
  return quote.estimatedUsd === null ? {} : { maxCostUsd: quote.estimatedUsd };
}

async function create(): Promise<void> {
  const approval = await approvePrice();
  if (approval === null) return;
  const { duration, ...others } = choices();
  const reply = await call(SERVICE, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: find('prompt', HTMLTextAreaElement).value,
      duration: Number(duration),
      ...others,
      ...approval,
    }),
  });
  if (!reply.ok) {
    const { error = {} }: ErrorReply = await reply.json().catch(() => ({}));
    showOrderError(error.message ?? `the server returned HTTP ${reply.status}`, [
      ...(error.violations ?? []),
      ...(error.hints ?? []),
    ]);
    return;
  }
  orderError.hidden = true;
  news.textContent = 'Video ordered';
  await Promise.all([refresh(), showQuote()]);
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
  // `disabled` would lose the focus.
  if (button === null || button.ariaDisabled === 'true') return;
  button.ariaDisabled = 'true';
  try {
    await create();
  } catch (error) {
    showOrderError(error instanceof TypeError ? 'the server is not responding' : String(Object(error).message), []);
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
  void showQuote();
});

order.addEventListener('input', (event) => {
  if (event.target instanceof HTMLTextAreaElement) return; // the prompt does not change the price
  window.clearTimeout(quoteTimer);
  quoteTimer = window.setTimeout(showQuote, QUOTE_DELAY_MS);
});

async function showProfile(): Promise<void> {
  const { profile }: { profile: string } = await (await fetch('/healthz')).json();
  const pill = find('profile', HTMLElement);
  pill.textContent = profile === 'simulator' ? 'simulator · free' : `${profile} · costs money`;
  pill.hidden = false;
}

if (key === '') keyForm.hidden = false;
find('clients', HTMLElement).hidden = demoKey === '';
showProfile().catch(() => {}); // the list reports that the server is not responding
void refresh();
if (key !== '') void showQuote();
