import { find, make, within } from './element.ts';
import type { ShownVideo } from './shown-video.ts';
import { ageOf, shorten } from './video-card.ts';

/** The state of the history's entry while the dialog is open. */
const OPEN = 'viewer';

/** The dialog that plays one video, or several of one request side by side. */
export class Viewer {
  readonly #dialog = find('viewer', HTMLDialogElement);
  readonly #screens = within(this.#dialog, '.screens', HTMLElement);
  readonly #playAll = within(this.#dialog, '.play-all', HTMLButtonElement);
  readonly #position = within(this.#dialog, '.position', HTMLInputElement);
  readonly #neighbourOf: (video: ShownVideo, step: 1 | -1) => ShownVideo | undefined;
  #shown: ShownVideo | null = null;

  /** `neighbourOf` gives the video this many places further down the list. */
  constructor(neighbourOf: (video: ShownVideo, step: 1 | -1) => ShownVideo | undefined) {
    this.#neighbourOf = neighbourOf;
    this.#part('.close').addEventListener('click', () => this.#dialog.close());
    this.#part('.previous').addEventListener('click', () => this.#browse(-1));
    this.#part('.next').addEventListener('click', () => this.#browse(1));
    this.#dialog.addEventListener('close', () => {
      this.#screens.replaceChildren(); // stops them
      if (history.state === OPEN) history.back();
    });
    addEventListener('popstate', () => this.#dialog.close()); // Back closes the dialog, as it does in apps
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.#dialog.close(); // the backdrop
    });
    this.#dialog.addEventListener('keydown', (event) => {
      if (event.target instanceof HTMLMediaElement || event.target instanceof HTMLInputElement) return; // they use arrows
      if (event.key === 'ArrowLeft') this.#browse(-1);
      if (event.key === 'ArrowRight') this.#browse(1);
    });
    this.#playAll.addEventListener('click', () => this.#toggleAll());
    this.#position.addEventListener('input', () => this.#seekAll(Number(this.#position.value)));
  }

  watch(video: ShownVideo): void {
    this.#shown = video;
    this.#show([video]);
    this.#part('.previous').ariaDisabled = String(this.#neighbourOf(video, -1) === undefined);
    this.#part('.next').ariaDisabled = String(this.#neighbourOf(video, 1) === undefined);
    void this.#players[0]?.play().catch(() => {}); // the browser may want a click
  }

  compare(videos: readonly ShownVideo[]): void {
    this.#shown = null;
    this.#show(videos);
    for (const player of this.#players) {
      player.muted = true;
      player.loop = true;
    }
    const [first] = this.#players;
    first?.addEventListener('timeupdate', () => {
      if (first.duration > 0) this.#position.value = String(first.currentTime / first.duration);
    });
    for (const name of ['play', 'pause']) first?.addEventListener(name, () => this.#showState());
    this.#position.value = '0';
    this.#showState();
  }

  get #players(): HTMLVideoElement[] {
    return [...this.#screens.querySelectorAll('video')];
  }

  #show(videos: readonly ShownVideo[]): void {
    const [video] = videos;
    if (video === undefined) return;
    const title = find('viewer-title', HTMLElement);
    title.textContent = video.prompt || 'No prompt';
    this.#screens.dataset.count = String(videos.length);
    this.#screens.dataset.shape = isTall(video) ? 'tall' : 'wide';
    this.#screens.replaceChildren(...videos.map((each, at) => screenOf(each, videos.length > 1 ? at + 1 : null)));
    // The heading shows two lines of it.
    if (video.prompt !== shorten(video.prompt))
      this.#screens.firstElementChild?.append(make('p', { className: 'whole', textContent: video.prompt }));
    this.#part('.together').hidden = videos.length === 1;
    this.#part('.browse').hidden = videos.length > 1;
    if (this.#dialog.open) return;
    this.#dialog.showModal();
    history.pushState(OPEN, '');
  }

  #browse(step: 1 | -1): void {
    const next = this.#shown === null ? undefined : this.#neighbourOf(this.#shown, step);
    if (next !== undefined) this.watch(next);
  }

  #toggleAll(): void {
    const players = this.#players;
    const [first] = players;
    const isPlaying = first?.paused === false;
    for (const player of players) {
      if (isPlaying) player.pause();
      else {
        player.currentTime = first?.currentTime ?? 0;
        void player.play();
      }
    }
  }

  #seekAll(share: number): void {
    for (const player of this.#players) {
      if (player.duration > 0) player.currentTime = share * player.duration;
    }
  }

  #part(selector: string): HTMLElement {
    return within(this.#dialog, selector, HTMLElement);
  }

  #showState(): void {
    this.#playAll.textContent = this.#players[0]?.paused === false ? 'Pause all' : 'Play all';
  }
}

function screenOf(video: ShownVideo, number: number | null): HTMLElement {
  const { videoUrl, posterUrl, prompt, facts, createdAtMs, id } = video;
  const name = number === null ? shorten(prompt) : `variation ${number}`;
  const player = make('video', {
    controls: true,
    playsInline: true,
    preload: 'auto',
    src: videoUrl ?? '',
    ariaLabel: name,
  });
  if (posterUrl !== null) player.poster = posterUrl;
  const about = [number, facts, ageOf(createdAtMs)].filter(Boolean).join(' · ');
  const download = make('a', {
    href: videoUrl ?? '',
    download: `${id}.mp4`,
    textContent: 'Download',
    ariaLabel: `Download: ${name}`,
  });
  const caption = make('figcaption');
  caption.append(make('span', { textContent: about }), download);
  const screen = make('figure');
  screen.append(player, caption);
  return screen;
}

function isTall({ size }: ShownVideo): boolean {
  const [width = 1, height = 1] = (size ?? '').split('x').map(Number);
  return height > width;
}
