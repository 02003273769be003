import { formatElapsed } from '../domain/duration.ts';
import type { JobStatus } from '../domain/video.ts';
import { cleanLine, columnsOf } from './clean-text.ts';
import { type Glyphs, renderBar } from './glyphs.ts';

/** The state of a wait. */
export interface WaitState {
  /** The short id. */
  readonly name: string;
  readonly prompt: string | null;
  readonly startedMs: number;
  /** The usual duration of such a job; null without a history. */
  readonly expectedMs: number | null;
  status: JobStatus | null;
  /** 0 to 100. */
  progress: number | null;
  trouble: string | null;
}

const GAP = '  ';
const MIN_BAR = 5;
const MIN_PROMPT = 10;
const MAX_PROMPT = 60;
const MAX_NAME = 16;
/** From this width on, the expected time is put into words. */
const WORDY_COLUMNS = 60;

/**
 * `664dae  a paper boat  in progress  ━━━━━━──────  45%  0:12, about 0:14 left`: as wide as there are columns. The least important parts are
 * left out first: the prompt, the bar, the expected time. Several jobs share one line.
 */
export function describeWait(states: readonly WaitState[], nowMs: number, columns: number, glyphs: Glyphs): string {
  const [first] = states;
  if (first === undefined) return '';
  const isAlone = states.length === 1;
  const done = states.filter(({ status }) => status === 'completed').length;
  const title = isAlone ? cleanLine(first.name, MAX_NAME) : `${done} of ${states.length} done`;
  const state = isAlone ? (first.status?.replace('_', ' ') ?? 'looking') : '';
  const percent = states.reduce((sum, one) => sum + percentOf(one), 0) / states.length;
  const elapsedMs = nowMs - Math.min(...states.map(({ startedMs }) => startedMs));
  const trouble = states.find((one) => one.trouble !== null)?.trouble;
  const percentage = `${String(Math.round(percent)).padStart(3)}%`;
  const elapsed = formatElapsed(elapsedMs);
  if (trouble) return join([title, state, percentage, elapsed, cleanLine(trouble)]);

  const room = (...parts: readonly string[]): number => columns - columnsOf(join(parts)) - GAP.length;
  const expected = columns < WORDY_COLUMNS ? shortly(first.expectedMs) : inWords(first.expectedMs, elapsedMs);
  const fits = (...parts: readonly string[]): boolean => columnsOf(join(parts)) <= columns;
  const time = fits(title, state, percentage, elapsed + expected) ? elapsed + expected : elapsed;
  const name = fits(title, state, percentage, time) ? title : '';
  const left = room(name, state, percentage, time);
  const promptRoom = Math.min(MAX_PROMPT, Math.floor((left - GAP.length) / 2));
  const prompt = isAlone && promptRoom >= MIN_PROMPT ? cleanLine(first.prompt ?? '', promptRoom) : '';
  const cells = room(name, prompt, state, percentage, time);
  const bar = cells < MIN_BAR ? '' : renderBar(percent, cells, glyphs);
  return join([name, prompt, state, bar, percentage, time]);
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(GAP);
}

function percentOf({ status, progress }: WaitState): number {
  return status === 'completed' ? 100 : (progress ?? 0);
}

function shortly(expectedMs: number | null): string {
  return isTooShort(expectedMs) ? '' : `/${formatElapsed(expectedMs)}`;
}

function inWords(expectedMs: number | null, elapsedMs: number): string {
  if (isTooShort(expectedMs)) return '';
  const leftMs = expectedMs - elapsedMs;
  return leftMs >= 1000 ? `, about ${formatElapsed(leftMs)} left` : `, usually ${formatElapsed(expectedMs)}`;
}

/** Whether a time is unknown, or would be shown as 0:00. */
function isTooShort(expectedMs: number | null): expectedMs is null {
  return expectedMs === null || expectedMs < 1000;
}
