import type { Clock } from '../../src/platform/clock.ts';

export interface FakeClock extends Clock {
  /** Advances the time, and runs every sleeper and alarm that is due. */
  advance(ms: number): void;
  /** Sets the wall clock forward or back, as an administrator or NTP does; the uptime and all sleepers are unaffected. */
  adjust(ms: number): void;
}

export interface FakeClockOptions {
  readonly startMs?: number;
  /** Time advances only with `advance`. Otherwise it jumps to the next sleeper once everything sleeps. */
  readonly isManual?: boolean;
  /** While this returns true, work is in progress and no time passes. */
  readonly isBusy?: () => boolean;
}

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/**
 * A clock for tests that never really waits: sleepers wake one by one, in the order of their times.
 * Alarms fire only with `advance`: they limit calls that take real time, which a jump would overtake.
 */
export function createFakeClock({
  startMs = 1_790_000_000_000,
  isManual = false,
  isBusy = () => false,
}: FakeClockOptions = {}): FakeClock {
  let uptimeMs = 0;
  let adjustedMs = 0;
  let isJumping = isManual;
  const sleepers = new Set<Sleeper>();
  const alarms = new Set<Sleeper>();
  const jump = (): void => {
    if (isBusy()) return void setImmediate(jump);
    const next = [...sleepers].sort((a, b) => a.wakeAtMs - b.wakeAtMs)[0];
    isJumping = next !== undefined;
    if (next === undefined) return;
    uptimeMs = Math.max(uptimeMs, next.wakeAtMs);
    next.wake();
    setImmediate(jump); // let the woken sleeper run first
  };
  return {
    now: () => startMs + uptimeMs + adjustedMs,
    uptimeMs: () => uptimeMs,
    advance(ms) {
      uptimeMs += ms;
      for (const sleeper of sleepers) if (sleeper.wakeAtMs <= uptimeMs) sleeper.wake();
      for (const alarm of alarms) if (alarm.wakeAtMs <= uptimeMs) alarm.wake();
    },
    adjust(ms) {
      adjustedMs += ms;
    },
    alarm(ms, ring) {
      const cancel = (): void => void alarms.delete(alarm);
      const wake = (): void => {
        cancel();
        ring();
      };
      const alarm = { wakeAtMs: uptimeMs + ms, wake };
      alarms.add(alarm);
      return cancel;
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const end = (settle: () => void) => (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
          settle();
        };
        const sleeper = { wakeAtMs: uptimeMs + ms, wake: end(resolve) };
        const abort = end(() => reject(signal?.reason));
        if (signal?.aborted) return abort();
        if (ms <= 0) return resolve();
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
        if (!isJumping) setImmediate(jump);
        isJumping = true;
      });
    },
  };
}
