import type { ShownVideo } from './shown-video.ts';

const WORDS = { pending: 'Pending', processing: 'Processing', completed: 'Completed', failed: 'Failed' } as const;
const AGES: readonly (readonly [unitMs: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
];

const MAX_NAME_CHARACTERS = 80;
const ages = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** One video of the list. Updates touch only what has changed, so that a playing video continues. */
export class VideoCard {
  readonly element: HTMLElement;
  #video: ShownVideo | null = null;

  constructor(remove: (video: ShownVideo) => Promise<void>) {
    const template = document.getElementById('card');
    const card = template instanceof HTMLTemplateElement ? template.content.firstElementChild?.cloneNode(true) : null;
    if (!(card instanceof HTMLElement)) throw new Error('the page has no card template');
    this.element = card;
    this.#part('.remove').addEventListener('click', () => {
      if (this.#video !== null) void remove(this.#video);
    });
  }

  /** Updates the card. Returns a message when the video has just finished. */
  update(video: ShownVideo): string | null {
    const before = this.#video;
    this.#video = video;
    this.#part('time').textContent = ageOf(video.createdAtMs);
    if (JSON.stringify(before) === JSON.stringify(video)) return null;
    const isUnfinished = video.status === 'pending' || video.status === 'processing';
    this.element.dataset.status = video.status;
    this.#part('.prompt').textContent = video.prompt;
    this.#part('.prompt').title = video.prompt; // the card shows two lines of it
    this.#part('.facts').textContent = [video.facts, ...video.notes].join(' · ');
    this.#part('time').setAttribute('datetime', new Date(video.createdAtMs).toISOString());
    this.#part('.badge').textContent =
      isUnfinished && video.progress > 0 ? `${WORDS[video.status]} ${video.progress} %` : WORDS[video.status];
    this.#showProgress(video, isUnfinished);
    this.#showFailure(video);
    this.#showStage(video, before);
    const download = this.#part('.download');
    download.hidden = video.videoUrl === null;
    if (video.videoUrl !== null) download.setAttribute('href', video.videoUrl);
    download.setAttribute('download', `${video.id}.mp4`);
    const name = shorten(video.prompt);
    download.setAttribute('aria-label', `Download: ${name}`);
    const remove = this.#part('.remove');
    remove.textContent = isUnfinished ? 'Cancel' : 'Delete';
    remove.setAttribute('aria-label', `${remove.textContent}: ${name}`);
    const hasEnded = before !== null && before.status !== video.status && !isUnfinished;
    return hasEnded ? `${WORDS[video.status]}: ${name}` : null;
  }

  #showProgress({ status, progress, prompt }: ShownVideo, isUnfinished: boolean): void {
    const bar = this.#part('.progress');
    bar.hidden = !isUnfinished;
    bar.setAttribute('aria-label', `Progress: ${shorten(prompt)}`);
    // Without a value the bar is indeterminate.
    if (status === 'pending') bar.removeAttribute('value');
    else bar.setAttribute('value', String(progress));
  }

  #showFailure({ failure }: ShownVideo): void {
    const box = this.#part('.failure');
    box.hidden = failure === null;
    if (failure === null) return;
    const hints = document.createElement('ul');
    hints.append(...failure.hints.map((hint) => Object.assign(document.createElement('li'), { textContent: hint })));
    box.replaceChildren(failure.message, ...(failure.hints.length > 0 ? [hints] : []));
  }

  #showStage({ videoUrl, posterUrl, prompt, status }: ShownVideo, before: ShownVideo | null): void {
    const stage = this.#part('.stage');
    if (videoUrl !== null) {
      const player = stage.querySelector('video') ?? document.createElement('video');
      player.controls = true;
      player.playsInline = true;
      player.preload = 'metadata';
      player.setAttribute('aria-label', shorten(prompt));
      if (posterUrl !== null) player.poster = posterUrl;
      if (before?.videoUrl !== videoUrl) player.src = videoUrl;
      if (!stage.contains(player)) stage.replaceChildren(player);
      return;
    }
    const mark = document.createElement('span');
    const isUnfinished = status === 'pending' || status === 'processing';
    mark.className = isUnfinished ? 'waiting' : 'none';
    mark.textContent = isUnfinished ? '' : 'No video';
    stage.replaceChildren(mark);
  }

  #part(selector: string): HTMLElement {
    const part = this.element.querySelector(selector);
    if (part instanceof HTMLElement) return part;
    throw new Error(`the card has no element ${selector}`);
  }
}

/** Short enough for a screen reader. */
function shorten(prompt: string): string {
  const characters = [...prompt];
  return characters.length <= MAX_NAME_CHARACTERS ? prompt : `${characters.slice(0, MAX_NAME_CHARACTERS).join('')}…`;
}

function ageOf(createdAtMs: number): string {
  const ageMs = Date.now() - createdAtMs;
  const [unitMs, unit] = AGES.find(([size]) => ageMs >= size) ?? [];
  return unitMs === undefined || unit === undefined ? 'just now' : ages.format(-Math.floor(ageMs / unitMs), unit);
}
