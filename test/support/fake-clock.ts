import type { Clock } from '../../src/platform/clock.ts';

export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** A clock that stands still until it is told to go on; sleeping on it makes the time pass at once. */
export function createFakeClock(startMs = 1_790_000_000_000): FakeClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
    async sleep(ms, signal) {
      await Promise.resolve();
      signal?.throwIfAborted();
      nowMs += ms;
    },
  };
}
