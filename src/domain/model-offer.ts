import { dayOf } from './day.ts';
import type { ListedModel, ModelList } from './listed-model.ts';
import { findModel } from './models.ts';
import { ANY_MODEL, type PriceRow, pricesOn } from './pricing.ts';
import { listedRates, type Rate } from './sku-price.ts';

/** A model that a server offers, completed with what else is known about it. */
export interface ModelOffer extends ListedModel {
  /** Per second. */
  readonly prices: readonly Rate[];
}

/** The models of a list with their prices: those in effect for the profile, else those of the list. */
export function offersOf({ models, listedAtMs }: ModelList, prices: readonly PriceRow[]): ModelOffer[] {
  const rows = pricesOn(
    prices.filter(({ listed }) => listed === undefined),
    dayOf(listedAtMs),
  );
  return models.map((model): ModelOffer => {
    const known = findModel(model.id);
    const ofModel = rows.filter((row) => row.model === model.id || row.model === known?.name);
    const own = ofModel.length > 0 ? ofModel : rows.filter((row) => row.model === ANY_MODEL);
    return {
      ...model,
      seconds: model.seconds ?? known?.seconds ?? null,
      sizes: model.sizes ?? known?.sizes.map(({ size }) => size) ?? null,
      prices: own.length > 0 ? own.map((row) => ({ ...row, sound: null })) : listedRates(model),
    };
  });
}
