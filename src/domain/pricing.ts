import { dayOf } from './day.ts';
import { LIST_LIFETIME_MS, type ListedModel, type ModelList } from './listed-model.ts';
import { findModel } from './models.ts';
import { chargeOfParams } from './priced-params.ts';
import { listedRates, type SkuOrder, skuMicros } from './sku-price.ts';

/** The model of a price that is valid for every model, also where the server chooses one. */
export const ANY_MODEL = '*';

/** A price of one model, valid from a given day on. */
export interface PriceRow {
  readonly model: string;
  /** The price list's name for the tier; null if it has none. */
  readonly resolution: string | null;
  /** Null for all sizes. */
  readonly sizes: readonly string[] | null;
  /** Null if it depends on the request, or is unknown. */
  readonly microsPerSecond: number | null;
  /** The model whose entries in the server's own list make the price; without it, the second has one price. */
  readonly listed?: ListedModel;
  /** First day of validity, `YYYY-MM-DD`; null if there is none. */
  readonly since: string | null;
  /** Last day of validity; left out if there is none. */
  readonly until?: string;
  readonly priceList: string;
  /** The page the price comes from. */
  readonly source: string;
}

const SOURCE = 'https://openai.com/api/pricing/';
const LAUNCH = { since: '2025-10-06', priceList: 'openai-2025-10-06', source: SOURCE };
const MARCH = { since: '2026-03-12', priceList: 'openai-2026-03-12', source: SOURCE };
const HD = ['1280x720', '720x1280'];

/**
 * OpenAI's list prices. The first list called the top tier "1080p"; since March 2026 that tier is called 1024p, and
 * 1080p is a new one above it. The prices outlive the service: they are the best estimate for servers that resell it.
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

/** A price from a profile's settings. */
export interface OwnPrice {
  /** A model, `MODEL@WIDTHxHEIGHT` for one of its sizes, or `ANY_MODEL`. */
  readonly name: string;
  readonly microsPerSecond: number;
}

/** The list prices, followed by those of the server's list and the profile's own: the last match is in effect. */
export function pricesWith(
  own: readonly OwnPrice[],
  origin: Pick<PriceRow, 'priceList' | 'source'>,
  list: ModelList | null = null,
): PriceRow[] {
  const rows = own.map(({ name, microsPerSecond }): PriceRow => {
    const [, model = name, size] = /^(.+)@(\d+x\d+)$/.exec(name) ?? [];
    const sizes = size === undefined ? null : [size];
    return { model, resolution: null, sizes, microsPerSecond, since: null, ...origin };
  });
  return [...LIST_PRICES, ...rowsOfList(list), ...rows.sort((a, b) => specificityOf(a) - specificityOf(b))];
}

function rowsOfList(list: ModelList | null): PriceRow[] {
  if (list === null) return [];
  const { source, listedAtMs, models } = list;
  const since = dayOf(listedAtMs);
  const priceList = `${new URL(source).host}-${since}`;
  const until = dayOf(listedAtMs + LIST_LIFETIME_MS);
  const shared = { resolution: null, sizes: null, microsPerSecond: null, since, until, priceList, source };
  return models.map((listed) => ({ ...shared, model: listed.id, listed }));
}

/** A snapshot is more specific than its model, and one size more than all sizes. */
function specificityOf({ model, sizes }: PriceRow): number {
  if (model === ANY_MODEL) return -1;
  return (findModel(model)?.snapshots.includes(model) ? 2 : 0) + (sizes === null ? 0 : 1);
}

export interface PricedVideo {
  readonly model: string | null;
  readonly size: string | null;
}

/** The price in effect on a day for a model and size. */
export function findPrice(
  prices: readonly PriceRow[],
  { model, size }: PricedVideo,
  day: string,
): PriceRow | undefined {
  const name = model === null ? undefined : findModel(model)?.name;
  return prices.findLast(
    (row) =>
      (row.model === ANY_MODEL || row.model === model || row.model === name) &&
      (row.sizes === null || (size !== null && row.sizes.includes(size))) &&
      (row.since === null || row.since <= day) &&
      (row.until === undefined || day <= row.until),
  );
}

/** The prices in effect on a day, sorted by model; each row keeps only the sizes that no later row overrides. */
export function pricesOn(prices: readonly PriceRow[], day: string): PriceRow[] {
  const isInEffect = (row: PriceRow, size: string | null): boolean =>
    findPrice(prices, { model: row.model, size }, day) === row;
  const inEffect = prices.flatMap((row) => {
    if (row.listed !== undefined) return isInEffect(row, null) ? rowsOfListed(row, row.listed) : [];
    const sizes = row.sizes?.filter((size) => isInEffect(row, size)) ?? null;
    return (sizes === null ? isInEffect(row, null) : sizes.length > 0) ? [{ ...row, sizes }] : [];
  });
  return inEffect.sort((a, b) => a.model.localeCompare(b.model, 'en'));
}

function rowsOfListed(row: PriceRow, listed: ListedModel): PriceRow[] {
  return listedRates(listed).map(({ resolution, sizes, sound, microsPerSecond }) => ({
    ...row,
    resolution: [resolution, sound === false ? 'silent' : null].filter((part) => part !== null).join(', ') || null,
    sizes,
    microsPerSecond,
  }));
}

export interface Estimate {
  readonly micros: number;
  readonly priceList: string;
  /** Whether the price is one of the server's own list, which changes from day to day. */
  readonly isListed?: boolean;
}

/** The price in a server-side batch: half of OpenAI's list price; any other price is not known to change. */
export function batchPriceOf(price: Estimate | null): Estimate | null {
  if (price === null || !LIST_PRICES.some(({ priceList }) => priceList === price.priceList)) return price;
  return { micros: Math.ceil(price.micros / 2), priceList: `${price.priceList}, batch` };
}

/** What the price of a request depends on; missing fields count as not requested. */
export interface PricedRequest extends PricedVideo, SkuOrder {}

/** The price of one create, with all its videos; null where anything that it depends on is unknown, never zero. */
export function estimate(request: PricedRequest, atMs: number, prices: readonly PriceRow[]): Estimate | null {
  const { seconds, params = {} } = request;
  const price = findPrice(prices, request, dayOf(atMs));
  if (price === undefined) return null;
  const { microsPerSecond, priceList, sizes, listed } = price;
  const { videos, lengths, models, others } = chargeOfParams(params);
  // A model that is free at every size is free at any length.
  if (microsPerSecond === 0 && sizes === null && (models.length === 0 || price.model === ANY_MODEL)) {
    return { micros: 0, priceList };
  }
  if (seconds === null || videos === null || [models, lengths, others].some(({ length }) => length > 0)) return null;
  const single = listed === undefined ? microsPerSecond && microsPerSecond * seconds : skuMicros(listed, request);
  if (single === null) return null;
  return { micros: Math.round(single * videos), priceList, ...(listed !== undefined && { isListed: true }) };
}
