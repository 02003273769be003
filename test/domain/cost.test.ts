import { describe, expect, it } from 'vitest';
import { type CostOrder, compareModels, estimateCost } from '../../src/domain/cost.ts';
import { wholeOf } from '../../src/domain/money.ts';
import { pricesWith } from '../../src/domain/pricing.ts';
import { type RequestInput, resolveRequest } from '../../src/domain/request.ts';
import { USUAL_FORMAT } from '../../src/domain/request-format.ts';

const AT_MS = Date.UTC(2026, 3, 1);
const OWN = { priceList: 'profile lab', source: 'setting profiles.lab.prices' };
const LIST = pricesWith([], OWN);
const usd = (dollars: number): number => dollars * 1_000_000;

const SERVER = {
  profile: 'lab',
  dialect: 'videos',
  missing: new Set<never>(),
  servesOpenAiModels: true,
  format: USUAL_FORMAT,
} as const;

function order(input: Partial<RequestInput>, count = 1): CostOrder {
  const resolution = resolveRequest({ prompt: 'a paper boat', ...input }, SERVER);
  if (!resolution.ok) throw new Error(resolution.violations.join());
  return { ...resolution.value, count };
}

describe('estimateCost', () => {
  it('adds up the requested and the rendered seconds', () => {
    const orders = [order({ duration: '10' }, 3), order({ model: 'sora-2-pro', resolution: '1080p', duration: '8' })];
    expect(estimateCost(orders, AT_MS, LIST)).toEqual({
      videos: 4,
      asked: { micros: usd(3 + 5.6), unpriced: 0 },
      rendered: { micros: usd(2.4 + 5.6), unpriced: 0 },
    });
  });

  it('counts unknown prices separately, which makes the total unknown', () => {
    const { videos, asked } = estimateCost([order({}), order({ model: 'wan2.2', duration: '5' }, 2)], AT_MS, LIST);
    expect(videos).toBe(3);
    expect(asked).toEqual({ micros: usd(0.4), unpriced: 2 });
    expect(wholeOf(asked)).toBeNull();
  });

  it('is zero without videos', () => {
    expect(wholeOf(estimateCost([], AT_MS, LIST).rendered)).toBe(0);
  });

  it('is exact for any number of videos', () => {
    const cheap = pricesWith([{ name: 'wan2.2', microsPerSecond: 100_000 / 3 }], OWN);
    const { asked } = estimateCost([order({ model: 'wan2.2', duration: '1' }, 100_000)], AT_MS, cheap);
    expect(asked.micros).toBe(33_333 * 100_000);
  });
});

describe('compareModels', () => {
  it('lists every known model and size and the profile’s own prices, cheapest first', () => {
    const prices = pricesWith([{ name: 'wan2.2', microsPerSecond: usd(0.2) }], OWN);
    const rows = compareModels(order({ model: 'sora-2', duration: '5' }), AT_MS, prices).map((row) => [
      row.model,
      row.size,
      row.seconds,
      row.micros,
      row.rendered?.seconds ?? null,
    ]);
    expect(rows).toEqual([
      ['sora-2', '1280x720', 5, usd(0.5), 4],
      ['sora-2', '720x1280', 5, usd(0.5), 4],
      ['wan2.2', null, 5, usd(1), null],
      ['sora-2-pro', '1280x720', 5, usd(1.5), 4],
      ['sora-2-pro', '720x1280', 5, usd(1.5), 4],
      ['sora-2-pro', '1792x1024', 5, usd(2.5), 4],
      ['sora-2-pro', '1024x1792', 5, usd(2.5), 4],
      ['sora-2-pro', '1920x1080', 5, usd(3.5), 4],
      ['sora-2-pro', '1080x1920', 5, usd(3.5), 4],
    ]);
  });

  it('includes the requested video, last if its price is unknown', () => {
    const rows = compareModels(order({ model: 'ltx-2', size: '832x480', duration: '5' }), AT_MS, LIST);
    expect(rows).toHaveLength(9);
    expect(rows.at(-1)).toMatchObject({ model: 'ltx-2', size: '832x480', seconds: 5, price: null, micros: null });
  });
});
