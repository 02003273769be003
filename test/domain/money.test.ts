import { describe, expect, it } from 'vitest';
import { formatUsd, parseUsd, usdOf } from '../../src/domain/money.ts';

describe('parseUsd', () => {
  it.each([
    ['2', 2_000_000],
    ['0.5', 500_000],
    ['$1.25', 1_250_000],
    [' 0.000001 ', 1],
    ['0', 0],
  ])('reads %j', (text, micros) => {
    expect(parseUsd(text)).toBe(micros);
  });

  it.each(['', '-1', '1,50', '0.0000001', '1e3', '2 €', 'NaN', '$'])('rejects %j', (text) => {
    expect(parseUsd(text)).toBeUndefined();
  });
});

describe('formatUsd', () => {
  it.each([
    [400_000, '$0.40'],
    [12_000_000, '$12.00'],
    [2_500, '$0.0025'],
    [1, '$0.000001'],
    [0, '$0.00'],
    [null, 'unknown'],
  ])('writes %j as %s', (micros, text) => {
    expect(formatUsd(micros)).toBe(text);
  });
});

it('sums of micro-dollars are exact where sums of dollars are not', () => {
  const prices = Array.from({ length: 10 }, () => 100_000);
  expect(usdOf(prices.reduce((sum, price) => sum + price))).toBe(1);
});
