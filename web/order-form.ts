import type { QuoteView } from '../src/service/rest-schemas.ts';
import { find, showProblem, within } from './element.ts';
import { FirstFrame } from './first-frame.ts';
import { type Choices, Refusal, reasonOf, type Service } from './service.ts';
import { factsOf, sizeInWords } from './shown-video.ts';

const QUOTE_DELAY_MS = 200;
const CHOICES = ['model', 'duration', 'resolution', 'aspectRatio'];

/** The form that orders videos: shows the price while it is filled in, and asks before an order costs money. */
export class OrderForm {
  readonly #service: Service;
  readonly #onOrdered: (message: string) => Promise<void>;
  readonly #form = find('order', HTMLFormElement);
  readonly #prompt = find('prompt', HTMLTextAreaElement);
  readonly #button = within(this.#form, 'button[type="submit"]', HTMLButtonElement);
  readonly #copies = find('copies', HTMLSelectElement);
  readonly #imageInput = find('image', HTMLInputElement);
  readonly #quoteLine = find('quote', HTMLElement);
  readonly #error = find('order-error', HTMLElement);
  #quote: QuoteView | null = null;
  #quoteTimer = 0;
  #quotes = 0;
  #frame: FirstFrame | null = null;
  /** Starts the keys of the orders, so that sending the same form twice orders once. */
  #orderKey = newKey();

  constructor(service: Service, onOrdered: (message: string) => Promise<void>) {
    this.#service = service;
    this.#onOrdered = onOrdered;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#form.addEventListener('input', ({ target }) => {
      this.#orderKey = newKey();
      if (target === this.#prompt || target === this.#imageInput) return; // they do not change the price
      window.clearTimeout(this.#quoteTimer);
      this.#quoteTimer = window.setTimeout(() => void this.showQuote(), QUOTE_DELAY_MS);
    });
    this.#prompt.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.repeat) this.#form.requestSubmit();
    });
    // The second click of a double click, and a key that is held, would order again.
    this.#button.addEventListener('click', (event) => {
      if (event.detail > 1) event.preventDefault();
    });
    this.#form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.repeat && event.target !== this.#prompt) event.preventDefault();
    });
    this.#imageInput.addEventListener('change', () => void this.#choose(this.#imageInput.files?.[0]));
    find('image-remove', HTMLElement).addEventListener('click', () => {
      void this.#choose(undefined);
      this.#imageInput.focus();
    });
    this.#form.addEventListener('dragover', (event) => event.preventDefault());
    this.#form.addEventListener('drop', (event) => {
      if (event.dataTransfer?.files.length === 0) return; // dragged text
      event.preventDefault();
      void this.#choose(event.dataTransfer?.files[0]);
    });
  }

  focus(): void {
    this.#prompt.focus();
  }

  /** Fills the form in with an earlier order. */
  fill(prompt: string, choices: Choices): void {
    this.#prompt.value = prompt;
    for (const name of CHOICES) {
      const field = this.#form.elements.namedItem(name);
      if (field instanceof HTMLSelectElement || field instanceof HTMLInputElement) field.value = choices[name] ?? '';
    }
    this.#orderKey = newKey();
    this.focus();
    this.#form.scrollIntoView({ block: 'center' });
    void this.showQuote();
  }

  /** Shows what the choices would create and cost; nothing if the server refuses them. */
  async showQuote(): Promise<void> {
    const asked = ++this.#quotes;
    const quote = await this.#service.quote(this.#choices()).catch(() => null);
    if (asked !== this.#quotes) return; // for earlier choices, and late
    this.#quote = quote;
    const parts = quote === null ? [] : describeQuote(quote, this.#count);
    const text = parts.join(' · ');
    if (this.#quoteLine.textContent !== text) this.#quoteLine.textContent = text;
    this.#quoteLine.classList.toggle('over', quote !== null && isOverCap(quote, this.#count));
    if (quote?.model) find('model', HTMLInputElement).placeholder = quote.model;
    this.#showImage();
  }

  get #count(): number {
    return Number(this.#copies.value);
  }

  /** The choices of the form; fields without a choice are left out. */
  #choices(): Choices {
    const fields = new FormData(this.#form);
    const entries = CHOICES.map((name) => [name, String(fields.get(name) ?? '').trim()] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== ''));
  }

  async #choose(file: File | undefined): Promise<void> {
    this.#orderKey = newKey();
    this.#error.hidden = true;
    this.#frame = null;
    try {
      if (file !== undefined) this.#frame = await FirstFrame.read(file);
    } catch {
      showProblem(this.#error, `${file?.name} is not a picture that this browser can read`, []);
    }
    if (this.#frame === null) this.#imageInput.value = '';
    const preview = find('image-preview', HTMLImageElement);
    if (preview.src !== '') URL.revokeObjectURL(preview.src);
    preview.hidden = this.#frame === null;
    if (this.#frame !== null) preview.src = URL.createObjectURL(this.#frame.file);
    this.#showImage();
  }

  #showImage(): void {
    const frame = this.#frame;
    const size = this.#quote?.size ?? null;
    const cropped = size === null ? 'scaled down' : `cropped to ${sizeInWords(size)}`;
    find('image-note', HTMLElement).textContent =
      frame === null ? '' : [frame.file.name, frame.fits(size) ? '' : cropped].filter(Boolean).join(', ');
    find('image-remove', HTMLElement).hidden = frame === null;
    within(this.#form, 'label[for="image"]', HTMLElement).textContent =
      frame === null ? 'Add a first frame' : 'Change the first frame';
  }

  async #submit(): Promise<void> {
    const button = this.#button;
    if (button.ariaDisabled === 'true') return; // `disabled` would lose the focus
    button.ariaDisabled = 'true';
    try {
      await this.#order();
    } catch (error) {
      showProblem(this.#error, reasonOf(error), error instanceof Refusal ? error.details : []);
      this.#error.scrollIntoView({ block: 'nearest' });
    } finally {
      button.ariaDisabled = null;
    }
  }

  async #order(): Promise<void> {
    const count = this.#count;
    const choices = this.#choices();
    const quote = await this.#service.quote(choices);
    if (isOverCap(quote, count)) throw new Refusal(`not ordered: ${leftOf(quote)}`, ['order fewer or shorter videos']);
    if (!quote.isFree && !window.confirm(`${question(count)}\n\n${describeQuote(quote, count).join(' · ')}`)) return;
    const { duration, ...others } = choices;
    const order = {
      prompt: this.#prompt.value,
      ...(duration === undefined ? {} : { duration: Number(duration) }),
      ...others,
      ...(this.#frame === null ? {} : { image: await this.#frame.toDataUrl(quote.size) }),
      ...(quote.isFree || quote.estimatedUsd === null ? {} : { maxCostUsd: quote.estimatedUsd }),
    };
    for (let copy = 1; copy <= count; copy++) {
      await this.#service.order(order, `${this.#orderKey}-${copy}`).catch((error: unknown) => {
        if (copy === 1 || !(error instanceof Refusal)) throw error;
        throw new Refusal(`only ${copy - 1} of ${count} videos were ordered: ${error.message}`, error.details);
      });
    }
    this.#orderKey = newKey();
    this.#error.hidden = true;
    await Promise.all([this.#onOrdered(count === 1 ? 'Video ordered' : `${count} videos ordered`), this.showQuote()]);
  }
}

function question(count: number): string {
  return count === 1 ? 'Create this video?' : `Create ${count} videos?`;
}

function describeQuote(quote: QuoteView, count: number): string[] {
  const { model, seconds, size, notes } = quote;
  const left = isOverCap(quote, count) ? `more than the cap: ${leftOf(quote)}` : leftOf(quote);
  return [factsOf(model, seconds, size), priceOf(quote, count), left, ...notes].filter(Boolean);
}

/** What is left of the cap; empty without one. */
function leftOf({ maxCostUsd, spentUsd }: QuoteView): string {
  return maxCostUsd === null ? '' : `${usd(Math.max(0, maxCostUsd - spentUsd))} of ${usd(maxCostUsd)} left`;
}

function priceOf({ isFree, estimatedUsd }: QuoteView, count: number): string {
  if (isFree) return 'free';
  if (estimatedUsd === null) return 'price unknown';
  const each = usd(estimatedUsd);
  return count === 1 ? `about ${each}` : `about ${count} × ${each} = ${usd(count * estimatedUsd)}`;
}

function isOverCap({ isFree, estimatedUsd, maxCostUsd, spentUsd }: QuoteView, count: number): boolean {
  return !isFree && maxCostUsd !== null && spentUsd + count * (estimatedUsd ?? 0) > maxCostUsd;
}

function usd(amount: number): string {
  return amount.toLocaleString('en', { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });
}

/** `crypto.randomUUID` exists on secure origins only. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
