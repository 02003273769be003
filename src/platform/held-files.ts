import { setTimeout as sleep } from 'node:timers/promises';

/** On Windows a file cannot be opened, replaced or removed while a player, virus scanner or backup keeps it to itself. */
const HELD_CODES: ReadonlySet<unknown> = new Set(['EPERM', 'EBUSY', 'EACCES']);
const LONGEST_HOLD_MS = 10_000;
/** While a thread waits, it ignores signals. */
const LONGEST_BLOCK_MS = 2_000;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 500;

/** On Windows, retries for a limited time an action that fails because a file is open elsewhere; throws the last error. */
export async function whileHeld<T>(
  work: () => Promise<T>,
  longestMs = LONGEST_HOLD_MS,
  platform = process.platform,
): Promise<T> {
  for (let waitedMs = 0, delayMs = FIRST_DELAY_MS; ; waitedMs += delayMs, delayMs = nextDelay(delayMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isHeld(error, platform) || waitedMs >= longestMs) throw error;
      await sleep(delayMs);
    }
  }
}

/** Like `whileHeld` for a quick call: blocks the thread between the attempts. */
export function whileHeldSync<T>(work: () => T, longestMs = LONGEST_BLOCK_MS, platform = process.platform): T {
  for (let waitedMs = 0, delayMs = FIRST_DELAY_MS; ; waitedMs += delayMs, delayMs = nextDelay(delayMs)) {
    try {
      return work();
    } catch (error) {
      if (!isHeld(error, platform) || waitedMs >= longestMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
    }
  }
}

function isHeld(error: unknown, platform: string): boolean {
  return platform === 'win32' && error instanceof Error && 'code' in error && HELD_CODES.has(error.code);
}

function nextDelay(delayMs: number): number {
  return Math.min(2 * delayMs, LONGEST_DELAY_MS);
}
