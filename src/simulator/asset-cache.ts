import type { Variant } from '../domain/video.ts';
import { crypto } from '../platform/crypto.ts';
import { type ClipSpec, renderClip, renderSpritesheet, renderThumbnail } from '../test-card/clip.ts';
import type { SimulatedJob } from './job.ts';

/** A finished file of a job. */
export interface Asset {
  readonly mimeType: string;
  readonly bytes: Uint8Array;
  /** A strong entity tag, quotes included. */
  readonly etag: string;
}

/** Renders a file; the same spec gives the same bytes. */
export type Renderer = (spec: ClipSpec, variant: Variant) => Uint8Array | Promise<Uint8Array>;

/** Limit for all cached files together; the newest one is kept even if it is larger. */
const CAPACITY_BYTES = 32 << 20;

const FILES = {
  video: { mimeType: 'video/mp4', render: renderClip },
  thumbnail: { mimeType: 'image/webp', render: renderThumbnail },
  spritesheet: { mimeType: 'image/jpeg', render: renderSpritesheet },
};

/** Renders in the calling thread. */
export function renderHere(spec: ClipSpec, variant: Variant): Uint8Array {
  return FILES[variant].render(spec);
}

/** Renders files on demand and caches the latest, so that a resumed download does not render again. */
export class AssetCache {
  readonly #render: Renderer;
  readonly #capacityBytes: number;
  /** Least recently used first. */
  readonly #kept = new Map<string, Asset>();
  readonly #pending = new Map<string, Promise<Asset>>();

  constructor(render: Renderer = renderHere, capacityBytes = CAPACITY_BYTES) {
    this.#render = render;
    this.#capacityBytes = capacityBytes;
  }

  /** The file; concurrent calls share one rendering. */
  async get(job: SimulatedJob, variant: Variant): Promise<Asset> {
    const key = `${variant}:${job.id}`;
    const asset = this.#kept.get(key) ?? (await (this.#pending.get(key) ?? this.#make(key, job, variant)));
    this.#keep(key, asset);
    return asset;
  }

  #make(key: string, job: SimulatedJob, variant: Variant): Promise<Asset> {
    const asset = this.#renderAsset(job, variant).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asset);
    return asset;
  }

  async #renderAsset({ id, prompt, model, seconds, size }: SimulatedJob, variant: Variant): Promise<Asset> {
    const [width = 0, height = 0] = size.split('x').map(Number);
    const bytes = await this.#render({ id, prompt, model, seconds: Number(seconds), width, height }, variant);
    const etag = `"${crypto().hash('sha256', bytes).slice(0, 32)}"`;
    return { mimeType: FILES[variant].mimeType, bytes, etag };
  }

  /** A Map iterates in insertion order, so the first entry is the least recently used. */
  #keep(key: string, asset: Asset): void {
    this.#kept.delete(key);
    this.#kept.set(key, asset);
    let sumBytes = 0;
    for (const { bytes } of this.#kept.values()) sumBytes += bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (sumBytes <= this.#capacityBytes || oldest === key) return;
      sumBytes -= bytes.length;
      this.#kept.delete(oldest);
    }
  }
}
