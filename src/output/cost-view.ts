import { type CostEstimate, isSameVideo, type PricedOrder } from '../domain/cost.ts';
import { formatUsd, plainUsd, usdOf } from '../domain/money.ts';
import type { PricedVideo, PriceRow } from '../domain/pricing.ts';
import { cleanLine } from './clean-text.ts';
import type { Surface } from './surface.ts';
import { type Fact, renderFacts, renderTable } from './table.ts';

/** A price for programs; the keys are a public interface. */
export function priceJson(price: PriceRow): Record<string, unknown> {
  return {
    model: price.model,
    resolution: price.resolution,
    sizes: price.sizes,
    usd_per_second: usdOf(price.microsPerSecond),
    since: price.since,
    price_list: price.priceList,
    source: price.source,
  };
}

export const PRICE_JSON_SHAPE = '{"model","resolution","sizes","usd_per_second","since","price_list","source"}';

/** A price list, with its sources below. */
export async function renderPrices(prices: readonly PriceRow[], surface: Surface): Promise<string> {
  const { isTerminal, palette } = surface;
  const table = await renderTable(
    {
      head: ['MODEL', 'TIER', 'SIZES', 'PRICE', 'SINCE', 'PRICE LIST', ...(isTerminal ? [] : ['SOURCE'])],
      rows: prices.map((price) => [
        price.model,
        price.resolution ?? '',
        price.sizes?.join(', ') ?? 'all',
        isTerminal ? perSecond(price.microsPerSecond) : plainUsd(price.microsPerSecond),
        price.since ?? '',
        price.priceList,
        ...(isTerminal ? [] : [price.source]),
      ]),
      flexible: 'SIZES',
      optional: ['SINCE', 'PRICE LIST', 'TIER'], // the price lists are named below
    },
    surface,
  );
  if (!isTerminal || prices.length === 0) return table;
  const sources = new Map(prices.map(({ priceList, source }) => [priceList, source]));
  return `${table}\n${[...sources].map(([name, source]) => `${palette.dim(`${name}:`)} ${source}\n`).join('')}`;
}

/** An estimate for programs; the keys are a public interface. */
export function pricedOrderJson({ price, micros, rendered, ...order }: PricedOrder): Record<string, unknown> {
  return {
    ...order,
    usd_per_second: usdOf(price?.microsPerSecond ?? null),
    cost: costJson(micros, price?.priceList ?? null),
    rendered: rendered && { seconds: rendered.seconds, estimated_usd: usdOf(rendered.micros) },
  };
}

export const PRICED_ORDER_JSON_SHAPE =
  '{"model","size","seconds","count","usd_per_second","cost":{"estimated_usd","actual_usd","price_list"},"rendered":{"seconds","estimated_usd"}}';

/** What something costs, in every document that shows it. */
export function costJson(estimatedMicros: number | null, priceList: string | null, actualMicros: number | null = null) {
  return { estimated_usd: usdOf(estimatedMicros), actual_usd: usdOf(actualMicros), price_list: priceList };
}

/** One estimate, one line per fact. */
export function renderPricedOrder(order: PricedOrder, surface: Surface): Promise<string> | string {
  if (!surface.isTerminal) return renderComparison([order], null, surface);
  const { count, model, seconds, size, price, micros, rendered } = order;
  const video = [model, seconds && `${seconds} s`, size].filter(Boolean).join(', ');
  const facts: Fact[] = [
    ['video', cleanLine(count > 1 ? `${count} times ${video}` : video)],
    ['price', price && priceInWords(price)],
    ['cost', surface.palette.bold(formatUsd(micros))],
    ['rendered', rendered && `${rendered.seconds} s for ${formatUsd(rendered.micros)}`],
  ];
  return renderFacts(facts, surface.palette);
}

function priceInWords({ microsPerSecond, priceList }: PriceRow): string {
  return microsPerSecond === null
    ? `by the list ${priceList}`
    : `${formatUsd(microsPerSecond)} a second (${priceList})`;
}

function perSecond(micros: number | null): string {
  return micros === null ? formatUsd(micros) : `${formatUsd(micros)}/s`;
}

/** The cost of a manifest, for programs: for the rendered seconds, which are billed, and for the requested ones. */
export function batchCostJson({ videos, asked, rendered }: CostEstimate): Record<string, unknown> {
  return {
    videos,
    cost: { estimated_usd: usdOf(rendered.micros), asked_usd: usdOf(asked.micros) },
    videos_of_unknown_price: rendered.unpriced,
  };
}

export function renderBatchCost({ videos, asked, rendered }: CostEstimate, { isTerminal, palette }: Surface): string {
  if (!isTerminal) {
    const cells = [videos, plainUsd(rendered.micros), plainUsd(asked.micros), rendered.unpriced];
    return `${cells.join('\t')}\n`;
  }
  const facts: Fact[] = [
    ['videos', String(videos)],
    ['cost', palette.bold(formatUsd(rendered.micros))],
    ['asked', asked.micros === rendered.micros ? null : `${formatUsd(asked.micros)} for the requested seconds`],
    ['unknown', rendered.unpriced === 0 ? null : `the price of ${rendered.unpriced} of them`],
  ];
  return renderFacts(facts, palette);
}

/** Estimates, one row each; the requested video is marked. */
export function renderComparison(
  orders: readonly PricedOrder[],
  asked: PricedVideo | null,
  surface: Surface,
): Promise<string> {
  const { isTerminal } = surface;
  const usd = isTerminal ? formatUsd : plainUsd;
  const length = (seconds: number | null): string => (seconds === null ? '' : `${seconds}${isTerminal ? 's' : ''}`);
  return renderTable(
    {
      head: ['MODEL', 'SIZE', 'LENGTH', 'COST', 'RENDERED', 'FOR', 'PRICE LIST', ...(asked === null ? [] : [''])],
      rows: orders.map((order) => [
        order.model ?? '',
        order.size ?? '',
        length(order.seconds),
        usd(order.micros),
        length(order.rendered?.seconds ?? null),
        order.rendered === null ? '' : usd(order.rendered.micros),
        order.price?.priceList ?? '',
        ...(asked === null ? [] : [isSameVideo(order, asked) ? 'asked' : '']),
      ]),
      flexible: 'MODEL',
      optional: ['PRICE LIST', 'LENGTH', 'RENDERED'],
    },
    surface,
  );
}
