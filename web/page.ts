// The page at `/`: orders videos from the REST service, and lists these and the videos of OpenAI clients.
import { find, make } from './element.ts';
import { OrderForm } from './order-form.ts';
import { reasonOf, Service } from './service.ts';
import { addShortcuts } from './shortcuts.ts';
import { isUnfinished, type ShownVideo } from './shown-video.ts';
import { VideoList } from './video-list.ts';
import { Viewer } from './viewer.ts';

const BUSY_MS = 700;
const IDLE_MS = 4_000;

const service = new Service(document.querySelector<HTMLMetaElement>('meta[name="demo-key"]')?.content ?? '');
const keyForm = find('key-form', HTMLFormElement);
const news = find('news', HTMLElement);
let timer = 0;
let reads = 0;

const form = new OrderForm(service, async (message) => {
  news.textContent = message;
  await refresh();
});
const list: VideoList = new VideoList(
  {
    watch: (video) => viewer.watch(video),
    compare: (video) => viewer.compare(list.variationsOf(video)),
    reuse: ({ prompt, order }) => form.fill(prompt, order ?? {}),
    remove,
  },
  refresh,
);
const viewer = new Viewer((video, step) => list.neighbourOf(video, step));

/** Updates the list, and repeats soon while a video is unfinished. */
async function refresh(): Promise<void> {
  window.clearTimeout(timer);
  const read = ++reads;
  let isBusy = false;
  try {
    const page = await service.list(list.count, list.search);
    if (read !== reads) return; // a later search has started
    showTrouble(null);
    if (page !== null) {
      acceptKey();
      const ended = list.show(page);
      if (ended !== null) news.textContent = ended;
      isBusy = list.isBusy;
    }
  } catch (error) {
    if (read !== reads) return;
    showTrouble(reasonOf(error));
    isBusy = true;
  }
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
  if (hadFocus) form.focus();
}

async function remove(video: ShownVideo): Promise<void> {
  if (!window.confirm(isUnfinished(video) ? 'Cancel this video?' : 'Delete this video?')) return;
  try {
    await service.remove(video);
    news.textContent = 'Video deleted';
    find('videos', HTMLElement).focus();
  } catch (error) {
    window.alert(reasonOf(error));
  }
  await refresh();
}

/** Everything that needs the key. */
function start(): void {
  void refresh();
  void form.showQuote();
  service.models().then(
    (models) =>
      find('models', HTMLDataListElement).replaceChildren(...models.map((value) => make('option', { value }))),
    () => {},
  );
}

service.onRefusedKey = (isWrong) => {
  keyForm.hidden = false;
  find('key-error', HTMLElement).hidden = !isWrong;
};
keyForm.addEventListener('submit', (event) => {
  event.preventDefault();
  service.useKey(find('key', HTMLInputElement).value);
  start();
});
addShortcuts({
  n: () => form.focus(),
  '/': () => list.focusSearch(),
  g: () => list.toggleView(),
});
find('clients', HTMLElement).hidden = !service.showsClients;
service.profile().then(
  (profile) => {
    const pill = find('profile', HTMLElement);
    pill.textContent = profile === 'simulator' ? 'simulator · free' : `${profile} · costs money`;
    pill.hidden = false;
  },
  () => {}, // the list reports that the server is not responding
);
if (service.hasKey) start();
else {
  keyForm.hidden = false;
  void refresh();
}
