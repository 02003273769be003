import type { ModelList } from '../domain/listed-model.ts';
import type { ModelOffer } from '../domain/model-offer.ts';
import { formatUsd, plainUsd, usdOf } from '../domain/money.ts';
import { cleanLine } from './clean-text.ts';
import type { Surface } from './surface.ts';
import { renderTable } from './table.ts';

export const MODELS_JSON_SHAPE =
  '{"source","listed_at","models":[{"id","name","seconds":[…]|null,"sizes":["…"]|null,"resolutions":["…"]|null,"aspect_ratios":["…"]|null,"frames":["…"]|null,"sound","prices":[{"resolution","sizes":["…"]|null,"sound","usd_per_second"}]}]}';

/** For programs; the keys are a public interface. */
export function modelsJson({ source, listedAtMs }: ModelList, offers: readonly ModelOffer[]): Record<string, unknown> {
  return {
    source,
    listed_at: new Date(listedAtMs).toISOString(),
    models: offers.map(({ id, name, seconds, sizes, resolutions, ratios, frames, hasSound, prices }) => ({
      id,
      name,
      seconds,
      sizes,
      resolutions,
      aspect_ratios: ratios,
      frames,
      sound: hasSound,
      prices: prices.map(({ resolution, sizes, sound, microsPerSecond }) => ({
        resolution,
        sizes,
        sound,
        usd_per_second: usdOf(microsPerSecond),
      })),
    })),
  };
}

/** A row for each model; on a terminal with the source and its date below. */
export async function renderModels(
  { source, listedAtMs }: ModelList,
  offers: readonly ModelOffer[],
  surface: Surface,
): Promise<string> {
  const { isTerminal, palette } = surface;
  const table = await renderTable(
    isTerminal
      ? {
          head: ['MODEL', 'LENGTH', 'SIZE', 'PRICE'],
          rows: offers.map(shortRow),
          flexible: 'MODEL',
          roomy: ['SIZE', 'LENGTH'],
        }
      : { head: [], rows: offers.map(plainRow) },
    surface,
  );
  if (!isTerminal) return table;
  const read = `${new Date(listedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `${offers.length === 0 ? '' : `${table}\n`}${palette.dim('source:')} ${cleanLine(source)}\n${palette.dim('read:')}   ${read}\n`;
}

/** How many sizes are shown one by one. */
const MAX_SHOWN = 2;

function shortRow(offer: ModelOffer): string[] {
  const { id, seconds, sizes, resolutions } = offer;
  const places = resolutions ?? sizes ?? [];
  const more = resolutions === null ? places.length - MAX_SHOWN : 0;
  const shown = more > 0 ? [...places.slice(0, MAX_SHOWN), `+${more}`] : places;
  return [id, seconds === null ? '' : `${inRanges(seconds)} s`, shown.join(', '), priceRange(offer)];
}

/** Everything, and the lowest and highest price per second. */
function plainRow(offer: ModelOffer): string[] {
  const { id, seconds, sizes, resolutions } = offer;
  const [least = null, most = null] = boundsOf(offer);
  return [
    id,
    (seconds ?? []).join(','),
    (resolutions ?? []).join(','),
    (sizes ?? []).join(','),
    plainUsd(least),
    plainUsd(most),
  ];
}

/** `4, 6, 8–15` */
function inRanges(seconds: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const value of seconds) {
    const range = ranges.at(-1);
    if (range !== undefined && value === range[1] + 1) range[1] = value;
    else ranges.push([value, value]);
  }
  return ranges
    .flatMap(([first, last]) => (last > first + 1 ? `${first}–${last}` : first === last ? first : [first, last]))
    .join(', ');
}

function priceRange(offer: ModelOffer): string {
  const [least = null, most = null] = boundsOf(offer);
  if (least === null || most === null) return formatUsd(null);
  if (most === 0) return 'free';
  return least === most ? `${formatUsd(least)}/s` : `${formatUsd(least)}–${plainUsd(most)}/s`;
}

/** The lowest and the highest known price. */
function boundsOf({ prices }: ModelOffer): number[] {
  const known = prices.flatMap(({ microsPerSecond }) => microsPerSecond ?? []);
  return known.length === 0 ? [] : [Math.min(...known), Math.max(...known)];
}
