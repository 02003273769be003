import { setTimeout } from 'node:timers/promises';

/** Time as an input: wall-clock reading and an interruptible sleep. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Milliseconds on a monotonic clock, the same for all processes since the machine booted. It may stand still
   * while the machine sleeps. Deadlines and pauses use it, because the wall clock can be set meanwhile.
   */
  uptimeMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `ring` once after `ms`, unless cancelled by the returned function. Does not keep the process alive. */
  alarm(ms: number, ring: () => void): () => void;
}

/** Node's timers fire immediately for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  uptimeMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  async sleep(ms, signal) {
    await setTimeout(Math.min(ms, MAX_TIMER_MS), undefined, { ...(signal && { signal }) }).catch(() => {
      throw signal?.reason;
    });
  },
  alarm(ms, ring) {
    const timer = globalThis.setTimeout(ring, Math.min(ms, MAX_TIMER_MS)).unref();
    return () => clearTimeout(timer);
  },
};
