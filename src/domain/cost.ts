import { dayOf } from './day.ts';
import { findModel, KNOWN_MODELS } from './models.ts';
import { NOTHING_SPENT, plus, type Tally, tallyOf, wholeOf } from './money.ts';
import { ANY_MODEL, estimate, findPrice, type PricedVideo, type PriceRow } from './pricing.ts';
import { nearestOf, type ResolvedRequest } from './request.ts';
import type { VideoRequest } from './video.ts';

/** A number of videos of one request. */
export interface CostOrder extends Pick<ResolvedRequest, 'request' | 'askedSeconds'> {
  readonly count: number;
}

export interface CostEstimate {
  readonly videos: number;
  /** For the requested seconds. */
  readonly asked: Tally;
  /** For the seconds that would be rendered, which are billed. */
  readonly rendered: Tally;
}

/** The cost of all orders on a day. */
export function estimateCost(orders: Iterable<CostOrder>, atMs: number, prices: readonly PriceRow[]): CostEstimate {
  let videos = 0;
  let [asked, rendered] = [NOTHING_SPENT, NOTHING_SPENT];
  for (const { request, askedSeconds, count } of orders) {
    videos += count;
    const price = estimate(request, atMs, prices);
    const askedPrice = askedSeconds === null ? price : estimate({ ...request, seconds: askedSeconds }, atMs, prices);
    rendered = plus(rendered, tallyOf(price?.micros ?? null, count));
    asked = plus(asked, tallyOf(askedPrice?.micros ?? null, count));
  }
  return { videos, asked, rendered };
}

/** One order with its price, for display; `seconds` as requested. */
export interface PricedOrder extends Pick<VideoRequest, 'model' | 'size' | 'seconds'> {
  readonly count: number;
  readonly price: PriceRow | null;
  /** For all videos, at the requested seconds. */
  readonly micros: number | null;
  /** What would be rendered instead; null if it is what was requested. */
  readonly rendered: { readonly seconds: number | null; readonly micros: number | null } | null;
}

export function priceOrder(order: CostOrder, atMs: number, prices: readonly PriceRow[]): PricedOrder {
  const { request, askedSeconds, count } = order;
  const { asked, rendered } = estimateCost([order], atMs, prices);
  return {
    model: request.model,
    size: request.size,
    seconds: askedSeconds ?? request.seconds,
    count,
    price: findPrice(prices, request, dayOf(atMs)) ?? null,
    micros: wholeOf(asked),
    rendered: askedSeconds === null ? null : { seconds: request.seconds, micros: wholeOf(rendered) },
  };
}

/** The same order for every known model and size, and those with a price in the settings; cheapest first, unknown last. */
export function compareModels(order: CostOrder, atMs: number, prices: readonly PriceRow[]): PricedOrder[] {
  const { request } = order;
  const listed = KNOWN_MODELS.filter(({ name }) => prices.some(({ model }) => model === name));
  const known = listed.flatMap(({ name, sizes }) => sizes.map(({ size }) => ({ model: name, size })));
  const own = prices
    .filter(({ model }) => model !== ANY_MODEL && findModel(model) === undefined)
    .map(({ model, sizes }) => ({ model, size: sizes?.[0] ?? null }));
  const others = [...known, ...own].filter((other) => !isSameVideo(other, request));
  return [request, ...others]
    .map((video) => priceOrder(orderInstead(order, video), atMs, prices))
    .sort((a, b) => (a.micros ?? Number.POSITIVE_INFINITY) - (b.micros ?? Number.POSITIVE_INFINITY));
}

export function isSameVideo(a: PricedVideo, b: PricedVideo): boolean {
  return a.model === b.model && a.size === b.size;
}

function orderInstead({ request, askedSeconds, count }: CostOrder, { model, size }: PricedVideo): CostOrder {
  const asked = askedSeconds ?? request.seconds;
  const known = model === null ? undefined : findModel(model);
  const seconds = known === undefined || asked === null ? asked : nearestOf(known.seconds, asked);
  return { request: { ...request, model, size, seconds }, askedSeconds: seconds === asked ? null : asked, count };
}
