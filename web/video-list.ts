import { find } from './element.ts';
import type { VideoPage } from './service.ts';
import { isUnfinished, requestOf, type ShownVideo } from './shown-video.ts';
import { type CardActions, VideoCard } from './video-card.ts';

const PAGE = 24;
const SEARCH_DELAY_MS = 200;
const VIEW_NAME = 'sora-view';

/** The list of videos, with its search, its pages and its two views. */
export class VideoList {
  readonly #actions: CardActions;
  readonly #cards = new Map<string, VideoCard>();
  readonly #list = find('list', HTMLUListElement);
  readonly #search = find('search', HTMLInputElement);
  readonly #view = find('view', HTMLButtonElement);
  #videos: readonly ShownVideo[] = [];
  #searchTimer = 0;
  /** How many videos to show. */
  count = PAGE;

  /** `onAsked` is called when other videos are to be shown. */
  constructor(actions: CardActions, onAsked: () => Promise<void>) {
    this.#actions = actions;
    find('more', HTMLElement).addEventListener('click', async () => {
      const last = this.#list.lastElementChild;
      this.count += PAGE;
      await onAsked();
      if (find('more', HTMLElement).hidden) last?.nextElementSibling?.querySelector('button')?.focus();
    });
    this.#search.addEventListener('input', () => {
      window.clearTimeout(this.#searchTimer);
      this.#searchTimer = window.setTimeout(() => {
        this.count = PAGE;
        void onAsked();
      }, SEARCH_DELAY_MS);
    });
    this.#view.addEventListener('click', () => this.toggleView());
    this.#list.addEventListener('keydown', (event) => this.#moveFocus(event));
    this.#setView(localStorage.getItem(VIEW_NAME) === 'gallery');
  }

  get search(): string {
    return this.#search.value.trim();
  }

  get isBusy(): boolean {
    return this.#videos.some(isUnfinished);
  }

  focusSearch(): void {
    if (this.#search.checkVisibility?.() ?? true) this.#search.select();
  }

  toggleView(): void {
    this.#setView(this.#view.ariaPressed !== 'true');
  }

  /** The finished videos of the same request, oldest first. */
  variationsOf(video: ShownVideo): readonly ShownVideo[] {
    const request = requestOf(video);
    return this.#videos.filter((other) => other.videoUrl !== null && requestOf(other) === request).reverse();
  }

  /** The finished video this many places further down the list. */
  neighbourOf(video: ShownVideo, step: 1 | -1): ShownVideo | undefined {
    const playable = this.#videos.filter(({ videoUrl }) => videoUrl !== null);
    return playable[playable.findIndex(({ id }) => id === video.id) + step];
  }

  /** Returns what to announce: the last video that has just finished. */
  show({ videos, total }: VideoPage): string | null {
    this.#videos = videos;
    const ids = new Set(videos.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    let news: string | null = null;
    const variations = countVariations(videos);
    for (const [at, video] of videos.entries()) {
      const card = this.#cards.get(video.id) ?? new VideoCard(this.#actions);
      this.#cards.set(video.id, card);
      news = card.update(video, variations.get(requestOf(video)) ?? 0) ?? news;
      // A moved card loses the focus, so move it only if it is out of place.
      if (this.#list.children[at] !== card.element)
        this.#list.insertBefore(card.element, this.#list.children[at] ?? null);
    }
    const isSearching = this.search !== '';
    find('tools', HTMLElement).hidden = videos.length === 0 && !isSearching;
    find('empty', HTMLElement).hidden = videos.length > 0 || isSearching;
    find('no-match', HTMLElement).hidden = videos.length > 0 || !isSearching;
    find('count', HTMLElement).textContent = countInWords(videos.length, total);
    find('more', HTMLElement).hidden = videos.length >= total;
    return news;
  }

  #setView(isGallery: boolean): void {
    this.#view.ariaPressed = String(isGallery);
    this.#list.classList.toggle('gallery', isGallery);
    localStorage.setItem(VIEW_NAME, isGallery ? 'gallery' : 'details');
  }

  /** Arrow keys go from one video to another; up and down to the nearest one of the next row. */
  #moveFocus(event: KeyboardEvent): void {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || !target.matches('.watch')) return;
    const all = [...this.#list.querySelectorAll<HTMLElement>('.watch')];
    const next =
      { ArrowLeft: all[all.indexOf(target) - 1], ArrowRight: all[all.indexOf(target) + 1] }[key] ??
      rowNeighbour(all, target, key);
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }
}

function rowNeighbour(all: readonly HTMLElement[], from: HTMLElement, key: string): HTMLElement | undefined {
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return undefined;
  const { left, top } = from.getBoundingClientRect();
  const candidates = all
    .map((element) => ({ element, box: element.getBoundingClientRect() }))
    .filter(({ box }) => (key === 'ArrowDown' ? box.top > top + 1 : box.top < top - 1))
    .sort(
      (a, b) =>
        Math.abs(a.box.top - top) - Math.abs(b.box.top - top) ||
        Math.abs(a.box.left - left) - Math.abs(b.box.left - left),
    );
  return candidates[0]?.element;
}

function countVariations(videos: readonly ShownVideo[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const video of videos) {
    if (video.videoUrl !== null) counts.set(requestOf(video), (counts.get(requestOf(video)) ?? 0) + 1);
  }
  return counts;
}

function countInWords(shown: number, total: number): string {
  if (total === 0) return '';
  return shown < total ? `${shown} of ${total}` : String(total);
}
