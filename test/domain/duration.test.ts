import { describe, expect, it } from 'vitest';
import { formatElapsed, parseDurationMs } from '../../src/domain/duration.ts';

describe('parseDurationMs', () => {
  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['250ms', 250],
    ['1.5H', 5_400_000],
    ['5 minutes', 300_000],
    ['2 hrs 30min', 9_000_000],
    ['10 sec', 10_000],
    ['0', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', 'soon', '-5', '5x', 'm', '1h30', '5ss', '3mo', '2 minutest'])('rejects %j', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});

it.each([
  [7_400, '0:07'],
  [85_000, '1:25'],
  [3_723_000, '1:02:03'],
  [-5, '0:00'],
])('formatElapsed writes %d ms as %s', (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});
