import type { QuoteView, VideoJobView } from '../src/service/rest-schemas.ts';
import { type ApiVideo, mergeVideos, SERVICE, type ShownVideo } from './shown-video.ts';

interface ErrorReply {
  readonly error?: {
    readonly message?: string;
    readonly violations?: readonly string[];
    readonly hints?: readonly string[];
  };
}

/** What the server refused, in its words. */
export class Refusal extends Error {
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[]) {
    super(message);
    this.details = details;
  }
}

/** The newest videos of both APIs. */
export interface VideoPage {
  readonly videos: readonly ShownVideo[];
  /** How many there are; those of OpenAI clients as far as they were read. */
  readonly total: number;
}

/** The fields of an order, without those that are left to the server. */
export type Choices = Readonly<Record<string, string>>;

const KEY_NAME = 'sora-key';
/** The most that the service lists at once. */
const MOST_LISTED = 100;

/** The server behind the page. */
export class Service {
  readonly #demoKey: string;
  #key: string;
  /** Called after a 401; `isWrong` if a key was sent. */
  onRefusedKey: (isWrong: boolean) => void = () => {};

  constructor(demoKey: string) {
    this.#demoKey = demoKey;
    this.#key = keyInAddress() || demoKey || (sessionStorage.getItem(KEY_NAME) ?? '');
  }

  get hasKey(): boolean {
    return this.#key !== '';
  }

  /** With its own key the server does not play videos of OpenAI clients, because media players cannot send it. */
  get showsClients(): boolean {
    return this.#demoKey !== '';
  }

  useKey(key: string): void {
    this.#key = key;
    sessionStorage.setItem(KEY_NAME, key);
  }

  /** The newest `count` videos whose prompt contains `search`; null while the key is unknown. Throws a `Refusal`. */
  async list(count: number, search: string): Promise<VideoPage | null> {
    const apiVideos = await this.#apiVideos(count); // first, so that the service's own videos in it are surely in the second list
    const ordered = await this.#orderedVideos(count, search);
    if (ordered === null) return null;
    const text = search.toLowerCase();
    const matching = apiVideos.filter(({ prompt }) => (prompt ?? '').toLowerCase().includes(text));
    const all = mergeVideos(ordered.videos, matching);
    return { videos: all.slice(0, count), total: all.length - ordered.videos.length + ordered.total };
  }

  /** Throws a `Refusal`. */
  async quote(choices: Choices): Promise<QuoteView> {
    return await this.#read(await this.#call(`/api/v1/quote?${new URLSearchParams(choices)}`));
  }

  /** Orders one video; the same `key` never orders two. Throws a `Refusal`. */
  async order(order: object, key: string): Promise<void> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    await this.#read(await this.#call(SERVICE, { method: 'POST', headers, body: JSON.stringify(order) }));
  }

  /** Throws a `Refusal`. */
  async remove({ path }: ShownVideo): Promise<void> {
    await this.#read(await this.#call(path, { method: 'DELETE' }));
  }

  /** The models of the simulator; none of another server. */
  async models(): Promise<readonly string[]> {
    const reply = await this.#call('/v1/models', { headers: { 'x-sora-fault': 'none' } });
    if (!reply.ok) return [];
    const { data }: { data: readonly { readonly id: string }[] } = await reply.json();
    return data.map(({ id }) => id);
  }

  async profile(): Promise<string> {
    const { profile }: { profile: string } = await (await fetch('/healthz')).json();
    return profile;
  }

  async #orderedVideos(
    count: number,
    search: string,
  ): Promise<{ readonly videos: readonly VideoJobView[]; readonly total: number } | null> {
    const videos: VideoJobView[] = [];
    let after: string | null = null;
    for (;;) {
      const limit = String(Math.min(MOST_LISTED, count - videos.length));
      const query = new URLSearchParams({ limit, search, ...(after === null ? {} : { after }) });
      const reply = await this.#call(`${SERVICE}?${query}`);
      if (reply.status === 401) return null;
      const page: { videos: VideoJobView[]; next: string | null; total: number } = await this.#read(reply);
      videos.push(...page.videos);
      after = page.next;
      if (after === null || videos.length >= count) return { videos, total: page.total };
    }
  }

  async #apiVideos(count: number): Promise<readonly ApiVideo[]> {
    if (!this.showsClients) return [];
    const limit = Math.min(MOST_LISTED, count);
    const reply = await this.#call(`/v1/videos?limit=${limit}`, { headers: { 'x-sora-fault': 'none' } });
    if (!reply.ok) return [];
    const { data }: { data: ApiVideo[] } = await reply.json();
    return data;
  }

  async #call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, ...(this.hasKey ? { 'x-api-key': this.#key } : {}) };
    const reply = await fetch(path, { ...init, headers });
    if (reply.status === 401) this.onRefusedKey(this.hasKey);
    return reply;
  }

  async #read<T>(reply: Response): Promise<T> {
    if (reply.ok) return await reply.json();
    const { error = {} }: ErrorReply = await reply.json().catch(() => ({}));
    const details = [...(error.violations ?? []), ...(error.hints ?? [])];
    throw new Refusal(error.message ?? `the server returned HTTP ${reply.status}`, details);
  }
}

/** What to show for an error of a call: `fetch` throws a TypeError if there was no reply. */
export function reasonOf(error: unknown): string {
  return error instanceof TypeError ? 'the server is not responding' : String(Object(error).message);
}

/** The key in the printed address; it is removed there, so that it is not bookmarked or shared. */
function keyInAddress(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('key') ?? '';
  if (given === '') return '';
  sessionStorage.setItem(KEY_NAME, given);
  history.replaceState(null, '', location.pathname);
  return given;
}
