import { describe, expect, it } from 'vitest';
import { estimate, findPrice, pricesOn, pricesWith } from '../../src/domain/pricing.ts';

const OWN = { priceList: 'profile lab', source: 'setting profiles.lab.prices' };
const LIST = pricesWith([], OWN);
const usd = (dollars: number): number => dollars * 1_000_000;

describe('estimate', () => {
  it.each([
    ['2025-10-18', 'sora-2', '1280x720', 10, 1, 'openai-2025-10-06'],
    ['2025-10-18', 'sora-2-pro', '1280x720', 10, 3, 'openai-2025-10-06'],
    ['2025-10-18', 'sora-2-pro', '1792x1024', 10, 5, 'openai-2025-10-06'],
    ['2025-10-18', 'sora-2-pro', '1920x1080', 10, 5, 'openai-2025-10-06'],
    ['2026-03-11', 'sora-2-pro', '1080x1920', 10, 5, 'openai-2025-10-06'],
    ['2026-03-12', 'sora-2-pro', '1080x1920', 10, 7, 'openai-2026-03-12'],
    ['2026-03-12', 'sora-2-pro', '1024x1792', 10, 5, 'openai-2026-03-12'],
    ['2026-03-12', 'sora-2', '720x1280', 4, 0.4, 'openai-2026-03-12'],
    ['2026-11-23', 'sora-2-2025-12-08', '720x1280', 20, 2, 'openai-2026-03-12'],
  ])('on %s prices %s at %s for %d s at $%d, from %s', (day, model, size, seconds, dollars, priceList) => {
    expect(estimate({ model, size, seconds }, Date.parse(day), LIST)).toEqual({ micros: usd(dollars), priceList });
  });

  it('is whole micro-dollars for any length', () => {
    const at = Date.parse('2026-03-12');
    expect(estimate({ model: 'sora-2-pro', size: '1280x720', seconds: 1 / 3 }, at, LIST)?.micros).toBe(100_000);
    expect(estimate({ model: 'sora-2', size: '1280x720', seconds: 0.1 + 0.2 }, at, LIST)?.micros).toBe(30_000);
  });

  it.each([
    ['a model that is not known', { model: 'wan-2.2', size: '1280x720', seconds: 4 }, '2026-03-12'],
    ['no model', { model: null, size: '1280x720', seconds: 4 }, '2026-03-12'],
    ['a size without a price', { model: 'sora-2', size: '1920x1080', seconds: 4 }, '2026-03-12'],
    ['no size', { model: 'sora-2', size: null, seconds: 4 }, '2026-03-12'],
    ['no length', { model: 'sora-2', size: '1280x720', seconds: null }, '2026-03-12'],
    ['a day before the first price list', { model: 'sora-2', size: '1280x720', seconds: 4 }, '2025-10-05'],
  ])('is unknown, never zero, for %s', (_, request, day) => {
    expect(estimate(request, Date.parse(day), LIST)).toBeNull();
  });
});

describe('a profile’s own prices', () => {
  const prices = pricesWith(
    [
      { name: 'sora-2-2025-12-08', microsPerSecond: usd(0.09) },
      { name: 'wan2.2@1920x1080', microsPerSecond: usd(0.2) },
      { name: 'wan2.2', microsPerSecond: usd(0.05) },
      { name: 'sora-2', microsPerSecond: usd(0.08) },
      { name: 'mine', microsPerSecond: 0 },
    ],
    OWN,
  );
  const priceOf = (model: string, size: string | null): number | null | undefined =>
    findPrice(prices, { model, size }, '2026-03-12')?.microsPerSecond;

  it.each([
    ['a model that no list knows, at any size', 'wan2.2', '832x480', 0.05],
    ['that model when the server chooses the size', 'wan2.2', null, 0.05],
    ['one of its sizes, before the model', 'wan2.2', '1920x1080', 0.2],
    ['a model of the list, instead of its price', 'sora-2', '720x1280', 0.08],
    ['the snapshots of that model', 'sora-2-2025-10-06', '720x1280', 0.08],
    ['a snapshot before its model', 'sora-2-2025-12-08', '720x1280', 0.09],
    ['a free model, whose price is known', 'mine', null, 0],
  ])('cover %s', (_, model, size, dollars) => {
    expect(priceOf(model, size)).toBe(usd(dollars));
  });

  it('leave the prices of other models unchanged', () => {
    expect(priceOf('sora-2-pro', '1280x720')).toBe(usd(0.3));
    expect(priceOf('ltx-2', '1280x720')).toBeUndefined();
  });

  it('replace list prices on every day', () => {
    const rows = pricesOn(prices, '2025-10-06').map(({ model, sizes, since }) => [
      model,
      sizes?.length ?? 'all',
      since,
    ]);
    expect(rows).toEqual([
      ['mine', 'all', null],
      ['sora-2', 'all', null],
      ['sora-2-2025-12-08', 'all', null],
      ['sora-2-pro', 2, '2025-10-06'],
      ['sora-2-pro', 4, '2025-10-06'],
      ['wan2.2', 'all', null],
      ['wan2.2', 1, null],
    ]);
  });
});

describe('the price list', () => {
  it.each([
    ['2025-10-05', []],
    ['2026-03-11', ['0.1 2025-10-06', '0.3 2025-10-06', '0.5 2025-10-06']],
    ['2026-03-12', ['0.1 2026-03-12', '0.3 2026-03-12', '0.5 2026-03-12', '0.7 2026-03-12']],
  ])('on %s is %j', (day, expected) => {
    expect(
      pricesOn(LIST, day).map(({ microsPerSecond, since }) => `${(microsPerSecond ?? Number.NaN) / usd(1)} ${since}`),
    ).toEqual(expected);
  });
});
