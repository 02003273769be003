import { formatElapsed } from '../domain/duration.ts';
import type { JobStatus } from '../domain/video.ts';

/** What changes during a wait. */
export interface WaitState {
  readonly startedMs: number;
  /** How long such a job usually takes; null without a history. */
  readonly expectedMs: number | null;
  status: JobStatus | null;
  /** 0 to 100. */
  progress: number | null;
  trouble: string | null;
}

/** `in progress ━━━━━━━━━──────────── 45 %  0:12, about 0:14 left`; several jobs share one line. */
export function describeWait(states: readonly WaitState[], nowMs: number): string {
  const [first] = states;
  if (first === undefined) return '';
  const done = states.filter(({ status }) => status === 'completed').length;
  const what =
    states.length === 1 ? (first.status?.replace('_', ' ') ?? 'looking') : `${done} of ${states.length} done`;
  const percent = states.reduce((sum, state) => sum + percentOf(state), 0) / states.length;
  const elapsedMs = nowMs - Math.min(...states.map(({ startedMs }) => startedMs));
  const trouble = states.find((state) => state.trouble !== null)?.trouble;
  const line = `${what} ${renderBar(percent)}  ${formatElapsed(elapsedMs)}${timeLeft(first.expectedMs, elapsedMs)}`;
  return trouble ? `${line}; ${trouble}` : line;
}

function percentOf({ status, progress }: WaitState): number {
  return status === 'completed' ? 100 : (progress ?? 0);
}

function timeLeft(expectedMs: number | null, elapsedMs: number): string {
  if (expectedMs === null) return '';
  const leftMs = expectedMs - elapsedMs;
  return leftMs > 0 ? `, about ${formatElapsed(leftMs)} left` : `, usually ${formatElapsed(expectedMs)}`;
}

const BAR_CELLS = 20;

/** `━━━━━━━─────────────  45 %`. */
function renderBar(percent: number): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR_CELLS);
  return `${'━'.repeat(filled)}${'─'.repeat(BAR_CELLS - filled)} ${String(Math.round(percent)).padStart(3)} %`;
}
