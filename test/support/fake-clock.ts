import type { Clock } from '../../src/platform/clock.ts';

export interface FakeClock extends Clock {
  advance(ms: number): void;
}

const START_MS = 1_790_000_000_000;

/** A clock that stands still until it is told to go on; sleeping on it makes the time pass at once. */
export function createFakeClock(startMs = START_MS): FakeClock {
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

/** The same for several who sleep at once: they wake in the order of their times, and the time passes once for all. */
export function createSharedClock(startMs = START_MS): FakeClock {
  let nowMs = startMs;
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  let isPassing = false;
  const pass = (): void => {
    const [next] = [...sleepers].sort((a, b) => a.atMs - b.atMs);
    isPassing = next !== undefined;
    if (next === undefined) return;
    nowMs = Math.max(nowMs, next.atMs);
    next.wake();
    setImmediate(pass); // who has woken goes first
  };
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const sleeper = { atMs: nowMs + ms, wake: () => end(resolve) };
        const end = (settle: () => void): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', onAbort);
          settle();
        };
        const onAbort = (): void => end(() => reject(signal?.reason));
        if (signal?.aborted) return onAbort();
        signal?.addEventListener('abort', onAbort);
        sleepers.add(sleeper);
        if (!isPassing) setImmediate(pass);
        isPassing = true;
      });
    },
  };
}
