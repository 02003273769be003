import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/domain/pricing.ts';

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
  ])('on %s %s at %s for %d s is $%d of %s', (day, model, size, seconds, dollars, priceList) => {
    expect(estimate({ model, size, seconds }, Date.parse(day))).toEqual({ micros: usd(dollars), priceList });
  });

  it('is whole micro-dollars for any length', () => {
    const at = Date.parse('2026-03-12');
    expect(estimate({ model: 'sora-2-pro', size: '1280x720', seconds: 1 / 3 }, at)?.micros).toBe(100_000);
    expect(estimate({ model: 'sora-2', size: '1280x720', seconds: 0.1 + 0.2 }, at)?.micros).toBe(30_000);
  });

  it.each([
    ['a model that is not known', { model: 'wan-2.2', size: '1280x720', seconds: 4 }, '2026-03-12'],
    ['no model', { model: null, size: '1280x720', seconds: 4 }, '2026-03-12'],
    ['a size without a price', { model: 'sora-2', size: '1920x1080', seconds: 4 }, '2026-03-12'],
    ['no size', { model: 'sora-2', size: null, seconds: 4 }, '2026-03-12'],
    ['no length', { model: 'sora-2', size: '1280x720', seconds: null }, '2026-03-12'],
    ['a day before the first price list', { model: 'sora-2', size: '1280x720', seconds: 4 }, '2025-10-05'],
  ])('is unknown, never zero, for %s', (_, request, day) => {
    expect(estimate(request, Date.parse(day))).toBeNull();
  });
});
