import { findModel } from './models.ts';

/** One price of one model at one size, valid from a day on. */
export interface PriceRow {
  readonly model: string;
  /** The name the price list gives the tier. */
  readonly resolution: string;
  readonly sizes: readonly string[];
  readonly microsPerSecond: number;
  /** First day of validity, `YYYY-MM-DD`. */
  readonly since: string;
  readonly priceList: string;
  readonly source: string;
}

const SOURCE = 'https://openai.com/api/pricing/';
const LAUNCH = { since: '2025-10-06', priceList: 'openai-2025-10-06', source: SOURCE };
const MARCH = { since: '2026-03-12', priceList: 'openai-2026-03-12', source: SOURCE };
const HD = ['1280x720', '720x1280'];

/**
 * OpenAI's list prices. The first list called the top tier "1080p"; since March
 * 2026 that tier is named by its pixels, 1024p, and a true 1080p stands above it.
 * Rows stay in use after the service's end: they are the best estimate there is
 * for a server that sells the model under its name.
 */
const PRICES: readonly PriceRow[] = [
  { model: 'sora-2', resolution: '720p', sizes: HD, microsPerSecond: 100_000, ...LAUNCH },
  { model: 'sora-2-pro', resolution: '720p', sizes: HD, microsPerSecond: 300_000, ...LAUNCH },
  {
    model: 'sora-2-pro',
    resolution: '1080p',
    sizes: ['1792x1024', '1024x1792', '1920x1080', '1080x1920'],
    microsPerSecond: 500_000,
    ...LAUNCH,
  },
  { model: 'sora-2', resolution: '720p', sizes: HD, microsPerSecond: 100_000, ...MARCH },
  { model: 'sora-2-pro', resolution: '720p', sizes: HD, microsPerSecond: 300_000, ...MARCH },
  { model: 'sora-2-pro', resolution: '1024p', sizes: ['1792x1024', '1024x1792'], microsPerSecond: 500_000, ...MARCH },
  { model: 'sora-2-pro', resolution: '1080p', sizes: ['1920x1080', '1080x1920'], microsPerSecond: 700_000, ...MARCH },
];

export interface Estimate {
  readonly micros: number;
  readonly priceList: string;
}

/** The price of one video on a day, or null where the model, its size or its length is not priced. Never zero for unknown. */
export function estimate(
  request: { readonly model: string | null; readonly size: string | null; readonly seconds: number | null },
  atMs: number,
): Estimate | null {
  const { model, size, seconds } = request;
  if (model === null || size === null || seconds === null) return null;
  const name = findModel(model)?.name;
  const day = new Date(atMs).toISOString().slice(0, 10);
  const row = PRICES.filter((price) => price.model === name && price.sizes.includes(size) && price.since <= day).at(-1);
  if (!row) return null;
  return { micros: Math.round(row.microsPerSecond * seconds), priceList: row.priceList };
}
