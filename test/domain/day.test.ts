import { describe, expect, it } from 'vitest';
import { dayOf, parseDayMs } from '../../src/domain/day.ts';

describe('a day', () => {
  it.each([
    [Date.UTC(2026, 10, 24), '2026-11-24'],
    [Date.UTC(2026, 10, 24, 23, 59, 59, 999), '2026-11-24'],
    [-1, '1969-12-31'],
    [8.64e15, '+275760-09-13'],
  ])('dayOf(%d) is %s', (timeMs, day) => {
    expect(dayOf(timeMs)).toBe(day);
  });

  it.each([
    ['2026-02-28', Date.UTC(2026, 1, 28)],
    [' 2028-02-29\n', Date.UTC(2028, 1, 29)],
    ['2026-02-29', undefined],
    ['2026-02-30', undefined],
    ['2026-13-01', undefined],
    ['2026-00-00', undefined],
    ['2026-3-1', undefined],
    ['20260301', undefined],
    ['2026-03-01T00:00', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ])('parseDayMs(%j) is %j', (text, timeMs) => {
    expect(parseDayMs(text)).toBe(timeMs);
  });
});
