import { dayOf } from './day.ts';
import { findModel } from './models.ts';
import { chargeOfParams } from './priced-params.ts';
import type { VideoRequest } from './video.ts';

/** One price of one model, valid from a day on. */
export interface PriceRow {
  readonly model: string;
  /** The name the price list gives the tier; null where it has none. */
  readonly resolution: string | null;
  /** Null for every size. */
  readonly sizes: readonly string[] | null;
  readonly microsPerSecond: number;
  /** First day of validity, `YYYY-MM-DD`; null where it has always been valid. */
  readonly since: string | null;
  readonly priceList: string;
  /** Where the price was read. */
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
const LIST_PRICES: readonly PriceRow[] = [
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

/** A price that somebody set for a server of their own. */
export interface OwnPrice {
  /** A model, or `MODEL@WIDTHxHEIGHT` for one of its sizes. */
  readonly name: string;
  readonly microsPerSecond: number;
}

/** All prices: those of the list, and behind them, as the last that fits is in force, one's own. */
export function pricesWith(own: readonly OwnPrice[], origin: Pick<PriceRow, 'priceList' | 'source'>): PriceRow[] {
  const rows = own.map(({ name, microsPerSecond }): PriceRow => {
    const [, model = name, size] = /^(.+)@(\d+x\d+)$/.exec(name) ?? [];
    const sizes = size === undefined ? null : [size];
    return { model, resolution: null, sizes, microsPerSecond, since: null, ...origin };
  });
  return [...LIST_PRICES, ...rows.sort((a, b) => exactnessOf(a) - exactnessOf(b))];
}

/** A snapshot is more exact than its model, and one size than all. */
function exactnessOf({ model, sizes }: PriceRow): number {
  return (findModel(model)?.snapshots.includes(model) ? 2 : 0) + (sizes === null ? 0 : 1);
}

export interface PricedVideo {
  readonly model: string | null;
  readonly size: string | null;
}

/** The price in force on a day for a model at a size. */
export function findPrice(
  prices: readonly PriceRow[],
  { model, size }: PricedVideo,
  day: string,
): PriceRow | undefined {
  if (model === null) return undefined;
  const name = findModel(model)?.name;
  return prices.findLast(
    (row) =>
      (row.model === model || row.model === name) &&
      (row.sizes === null || (size !== null && row.sizes.includes(size))) &&
      (row.since === null || row.since <= day),
  );
}

/** The prices in force on a day, by model, each with the sizes that no later row prices anew. */
export function pricesOn(prices: readonly PriceRow[], day: string): PriceRow[] {
  const isInForce = (row: PriceRow, size: string | null): boolean =>
    findPrice(prices, { model: row.model, size }, day) === row;
  const inForce = prices.flatMap((row) => {
    const sizes = row.sizes?.filter((size) => isInForce(row, size)) ?? null;
    return (sizes === null ? isInForce(row, null) : sizes.length > 0) ? [{ ...row, sizes }] : [];
  });
  return inForce.sort((a, b) => a.model.localeCompare(b.model, 'en'));
}

export interface Estimate {
  readonly micros: number;
  readonly priceList: string;
}

export interface PricedRequest extends PricedVideo {
  readonly seconds: number | null;
  /** Fields beyond the standard; none when left out. */
  readonly params?: VideoRequest['params'];
}

/**
 * The price of one create on a day, with all the videos that its parameters ask for; null where the model, its size or
 * its length has no known price, or a parameter changes one of these. Never zero for unknown.
 */
export function estimate(request: PricedRequest, atMs: number, prices: readonly PriceRow[]): Estimate | null {
  const { seconds, params = {} } = request;
  if (seconds === null) return null;
  const price = findPrice(prices, request, dayOf(atMs));
  if (price === undefined) return null;
  const { microsPerSecond, priceList, sizes } = price;
  const { videos, lengths, models } = chargeOfParams(params);
  // A model that is free at every size is free at any length.
  const isFree = microsPerSecond === 0 && sizes === null;
  if (models.length > 0 || (!isFree && (videos === null || lengths.length > 0))) return null;
  return { micros: isFree ? 0 : Math.round(microsPerSecond * seconds * (videos ?? 1)), priceList };
}
