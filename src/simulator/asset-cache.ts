import { createHash } from 'node:crypto';
import type { Variant } from '../domain/video.ts';
import { renderClip, renderSpritesheet, renderThumbnail } from './clip/clip.ts';
import type { SimulatedJob } from './job.ts';

/** A finished file of a job. */
export interface Asset {
  readonly mimeType: string;
  readonly bytes: Uint8Array;
  /** A strong entity tag, quotes included. */
  readonly etag: string;
}

const CAPACITY = 4;

const RENDERERS = {
  video: { mimeType: 'video/mp4', render: renderClip },
  thumbnail: { mimeType: 'image/webp', render: renderThumbnail },
  spritesheet: { mimeType: 'image/jpeg', render: renderSpritesheet },
} as const satisfies Record<Variant, object>;

/** Renders files when they are asked for and keeps the last few, so that a resumed download does not render again. */
export class AssetCache {
  readonly #assets = new Map<string, Asset>();

  get(job: SimulatedJob, variant: Variant): Asset {
    const key = `${variant}:${job.id}`;
    const asset = this.#assets.get(key) ?? renderAsset(job, variant);
    // A Map keeps the order of insertion: what was used last goes to the end, and the first one is the oldest.
    this.#assets.delete(key);
    this.#assets.set(key, asset);
    const [oldest] = this.#assets.keys();
    if (this.#assets.size > CAPACITY && oldest !== undefined) this.#assets.delete(oldest);
    return asset;
  }
}

function renderAsset({ id, prompt, model, seconds, size }: SimulatedJob, variant: Variant): Asset {
  const { mimeType, render } = RENDERERS[variant];
  const [width = 0, height = 0] = size.split('x').map(Number);
  const bytes = render({ id, prompt, model, seconds: Number(seconds), width, height });
  return { mimeType, bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"` };
}
