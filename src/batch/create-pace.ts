import { parseDurationMs } from '../domain/duration.ts';
import type { SoraError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** Interval between creates after a refusal, so that waiting rows do not all retry at once. */
const FIRST_SPACING_MS = 100;
const MAX_SPACING_MS = 10_000;

export interface PaceOptions {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** The minimum time between two creates; 0 for no limit. */
  readonly intervalMs: number;
}

/**
 * Decides when the next create of any row may leave: at the requested rate, and more slowly after the server was
 * busy. `Retry-After` wins.
 */
export class CreatePace {
  readonly #options: PaceOptions;
  #nextMs = 0;
  #pausedUntilMs = 0;
  /** Since when all creates were refused; null if the last one was accepted. */
  #busySinceMs: number | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #spacingMs: number;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#spacingMs = options.intervalMs;
  }

  /**
   * Resolves with true when it is the caller’s turn, with false after the server was busy for this long; rejects with the
   * signal’s reason.
   */
  async turn(patienceMs: number, signal?: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const startMs = clock.uptimeMs();
    for (;;) {
      const nowMs = clock.uptimeMs();
      if (this.#nextMs <= nowMs) break;
      // The rate alone may take any time, and so may others that are accepted first.
      const busySinceMs = this.#busySinceMs ?? Number.POSITIVE_INFINITY;
      const untilMs = Math.max(startMs, busySinceMs) + patienceMs;
      if (untilMs <= nowMs) return false;
      await clock.sleep(Math.min(this.#nextMs, untilMs) - nowMs, signal); // another refusal may extend the wait
    }
    this.#nextMs = clock.uptimeMs() + this.#spacingMs;
    return true;
  }

  accepted(): void {
    this.#busySinceMs = null;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#spacingMs = this.#spacingMs / 2 < FIRST_SPACING_MS ? 0 : this.#spacingMs / 2;
    this.#spacingMs = Math.max(this.#spacingMs, this.#options.intervalMs);
  }

  /** Reports that the server or the network refused a create; returns how long all rows wait now, in milliseconds. */
  refused({ retryAfterMs }: SoraError): number {
    const { clock, random, intervalMs } = this.#options;
    const nowMs = clock.uptimeMs();
    this.#busySinceMs ??= nowMs;
    const leftMs = this.#pausedUntilMs - nowMs;
    // Creates that were in flight together are refused together; that counts once.
    const isNew = leftMs <= 0;
    const pauseMs = retryAfterMs ?? (isNew ? this.#pauseMs * (1 + random() / 4) : leftMs);
    if (isNew) {
      if (retryAfterMs === null) this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
      const spacingMs = Math.min(Math.max(this.#spacingMs * 2, FIRST_SPACING_MS), MAX_SPACING_MS);
      this.#spacingMs = Math.max(spacingMs, intervalMs);
    }
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + pauseMs);
    this.#nextMs = Math.max(this.#nextMs, this.#pausedUntilMs);
    return this.#pausedUntilMs - nowMs;
  }
}

/** `--rate 30/m`: the minimum time between two creates, in milliseconds; undefined for an invalid rate. */
export function parseRate(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})\s*\/\s*((?!ms)[a-z]+)$/i.exec(text.trim()) ?? [];
  const perMs = unit && parseDurationMs(`1${unit}`);
  return perMs && Number(count) > 0 ? perMs / Number(count) : undefined;
}
