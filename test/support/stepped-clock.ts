import type { Clock } from '../../src/platform/clock.ts';

export interface SteppedClock extends Clock {
  /** Lets time pass, and wakes who has slept long enough. */
  advance(ms: number): void;
}

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/** A clock that stands still, on which sleepers sleep until somebody lets the time pass. */
export function createSteppedClock(startMs = 1_790_000_000_000): SteppedClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
      for (const sleeper of sleepers) if (sleeper.wakeAtMs <= nowMs) sleeper.wake();
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const finish = (end: () => void) => (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
          end();
        };
        const sleeper = { wakeAtMs: nowMs + ms, wake: finish(resolve) };
        const abort = finish(() => reject(signal?.reason));
        if (signal?.aborted) abort();
        else if (ms <= 0) resolve();
        else {
          sleepers.add(sleeper);
          signal?.addEventListener('abort', abort, { once: true });
        }
      });
    },
  };
}
