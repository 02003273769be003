import { make, showProblem, within } from './element.ts';
import { isUnfinished, type ShownVideo } from './shown-video.ts';

const WORDS = { pending: 'Pending', processing: 'Processing', completed: 'Completed', failed: 'Failed' } as const;
const AGES: readonly (readonly [unitMs: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
];
const MAX_NAME_CHARACTERS = 80;
const ages = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** What can be done with a video of the list. */
export interface CardActions {
  watch(video: ShownVideo): void;
  /** Shows all videos of the same request. */
  compare(video: ShownVideo): void;
  reuse(video: ShownVideo): void;
  remove(video: ShownVideo): Promise<void>;
}

/** One video of the list. Updates touch only what has changed, so that the focus stays. */
export class VideoCard {
  readonly element: HTMLElement;
  #video: ShownVideo | null = null;
  #variations = 0;

  constructor(actions: CardActions) {
    const template = document.getElementById('card');
    const card = template instanceof HTMLTemplateElement ? template.content.firstElementChild?.cloneNode(true) : null;
    if (!(card instanceof HTMLElement)) throw new Error('the page has no card template');
    this.element = card;
    const onClick = (selector: string, action: (video: ShownVideo) => unknown): void =>
      this.#part(selector).addEventListener('click', () => {
        if (this.#video !== null) void action(this.#video);
      });
    onClick('.stage', (video) => {
      if (video.videoUrl !== null) actions.watch(video);
    });
    onClick('.compare', (video) => actions.compare(video));
    onClick('.reuse', (video) => actions.reuse(video));
    onClick('.remove', (video) => actions.remove(video));
  }

  /** `variations` counts the finished videos of its request. Returns a message when the video has just finished. */
  update(video: ShownVideo, variations: number): string | null {
    const before = this.#video;
    this.#part('time').textContent = ageOf(video.createdAtMs);
    if (this.#variations === variations && JSON.stringify(before) === JSON.stringify(video)) return null;
    this.#video = video;
    this.#variations = variations;
    this.element.dataset.status = video.status;
    this.#part('.prompt').textContent = video.prompt || 'No prompt';
    this.#part('.prompt').title = video.prompt; // the card shows two lines of it
    this.#part('.facts').textContent = [video.facts, ...video.notes].join(' · ');
    this.#part('time').setAttribute('datetime', new Date(video.createdAtMs).toISOString());
    this.#part('.badge').textContent =
      isUnfinished(video) && video.progress > 0 ? `${WORDS[video.status]} ${video.progress}%` : WORDS[video.status];
    this.#showProgress(video);
    this.#showFailure(video);
    if (before?.posterUrl !== video.posterUrl || before?.videoUrl !== video.videoUrl || before.status !== video.status)
      this.#showStage(video);
    this.#showActions(video, variations);
    const hasEnded = before !== null && before.status !== video.status && !isUnfinished(video);
    return hasEnded ? `${WORDS[video.status]}: ${shorten(video.prompt)}` : null;
  }

  #showProgress(video: ShownVideo): void {
    const bar = this.#part('.progress');
    bar.hidden = !isUnfinished(video);
    bar.setAttribute('aria-label', `Progress: ${shorten(video.prompt)}`);
    // Without a value the bar is indeterminate.
    if (video.status === 'pending') bar.removeAttribute('value');
    else bar.setAttribute('value', String(video.progress));
  }

  #showFailure({ failure }: ShownVideo): void {
    const box = this.#part('.failure');
    box.hidden = failure === null;
    if (failure !== null) showProblem(box, failure.message, failure.hints);
  }

  #showStage(video: ShownVideo): void {
    const stage = this.#part('.stage');
    const { videoUrl, posterUrl, prompt, seconds } = video;
    if (videoUrl === null) {
      const mark = isUnfinished(video)
        ? make('span', { className: 'waiting' })
        : make('span', { className: 'none', textContent: 'No video' });
      stage.replaceChildren(mark);
      return;
    }
    const watch = make('button', { type: 'button', className: 'watch', ariaLabel: `Watch: ${shorten(prompt)}` });
    watch.append(
      posterUrl === null ? firstPicture(videoUrl) : make('img', { src: posterUrl, alt: '', loading: 'lazy' }),
    );
    const length = make('span', { className: 'seconds', textContent: `${seconds} s` });
    stage.replaceChildren(watch, ...(seconds === null ? [] : [length]));
  }

  #showActions(video: ShownVideo, variations: number): void {
    const name = shorten(video.prompt);
    const download = within(this.element, '.download', HTMLAnchorElement);
    download.hidden = video.videoUrl === null;
    if (video.videoUrl !== null) download.href = video.videoUrl;
    download.download = `${video.id}.mp4`;
    download.ariaLabel = `Download: ${name}`;
    const compare = this.#part('.compare');
    compare.hidden = variations < 2 || video.videoUrl === null;
    compare.textContent = `Compare ${variations}`;
    compare.ariaLabel = `Compare ${variations} variations: ${name}`;
    const reuse = this.#part('.reuse');
    reuse.hidden = video.order === null || isUnfinished(video);
    reuse.ariaLabel = `Reuse: ${name}`;
    const remove = this.#part('.remove');
    remove.textContent = isUnfinished(video) ? 'Cancel' : 'Delete';
    remove.ariaLabel = `${remove.textContent}: ${name}`;
  }

  #part(selector: string): HTMLElement {
    return within(this.element, selector, HTMLElement);
  }
}

/** The start of a video, where its server has no thumbnails. */
function firstPicture(videoUrl: string): HTMLVideoElement {
  return make('video', {
    src: `${videoUrl}#t=0.1`,
    muted: true,
    preload: 'metadata',
    tabIndex: -1,
    ariaHidden: 'true',
  });
}

/** Short enough for a screen reader. */
export function shorten(prompt: string): string {
  const characters = [...(prompt || 'no prompt')];
  return characters.length <= MAX_NAME_CHARACTERS
    ? characters.join('')
    : `${characters.slice(0, MAX_NAME_CHARACTERS).join('')}…`;
}

export function ageOf(createdAtMs: number): string {
  const ageMs = Date.now() - createdAtMs;
  const [unitMs, unit] = AGES.find(([size]) => ageMs >= size) ?? [];
  return unitMs === undefined || unit === undefined ? 'just now' : ages.format(-Math.floor(ageMs / unitMs), unit);
}
