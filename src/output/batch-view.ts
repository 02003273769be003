import type { BatchCount, BatchEntry } from '../domain/batch.ts';
import { formatElapsed } from '../domain/duration.ts';
import { describePrice, type Tally, usdOf } from '../domain/money.ts';
import { countOf } from '../domain/wording.ts';
import { cleanLine, columnsOf } from './clean-text.ts';
import { errorJson } from './error-view.ts';
import { type Glyphs, renderBar } from './glyphs.ts';
import { jobJson, shortCost } from './job-view.ts';
import { shortPath } from './short-path.ts';
import type { Palette, Surface } from './surface.ts';
import { maxOf, renderTable } from './table.ts';

/** A row for programs: its job and its place in the manifest; the keys are a public interface. */
export function entryJson({ line, id, outcome, summary, error }: BatchEntry): Record<string, unknown> {
  return {
    row: id,
    line,
    outcome,
    ...jobJson(summary),
    ...(error === null ? {} : { error: errorJson(error) }),
  };
}

export const ENTRY_JSON_SHAPE =
  '{"row","line","outcome":"done|failed|running|unknown|saveable|to_do", …the keys of a job}';

export const SUMMARY_JSON_SHAPE =
  '{"manifest","results","rows","done","failed","running","unknown","to_do","cost":{"spent_usd","to_spend_usd","rows_of_unknown_price","jobs_of_unknown_price"}}';

export function countJson({ rows, done, failed, running, unknown, toDo, spent, toSpend }: BatchCount) {
  return {
    rows,
    done,
    failed,
    running,
    unknown,
    to_do: toDo,
    cost: {
      spent_usd: knownUsd(spent),
      to_spend_usd: knownUsd(toSpend),
      rows_of_unknown_price: toSpend.unpriced,
      jobs_of_unknown_price: spent.unpriced,
    },
  };
}

/** Null, and not zero, where no price at all is known. */
function knownUsd({ micros, unpriced }: Tally): number | null {
  return micros === 0 && unpriced > 0 ? null : usdOf(micros);
}

/** `200 rows: 150 to do, 40 done, 10 running`. */
export function describeCount({ rows, done, failed, running, unknown, toDo }: BatchCount): string {
  const parts = [
    [toDo, 'to do'],
    [done, 'done'],
    [running, 'running'],
    [unknown, 'unknown'],
    [failed, 'failed'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return `${countOf(rows, 'row')}: ${shown.join(', ') || 'nothing to do'}`;
}

/** A line about a finished row, for a pipe: row, outcome, id, file or error. */
export function entryLine(entry: BatchEntry, cwd: string): string {
  return [nameOf(entry), entry.outcome, entry.summary.id ?? '', resultOf(entry, cwd)]
    .map((cell) => cleanLine(cell))
    .join('\t');
}

/** A table of all rows of a manifest, on a terminal limited to the first hundred. */
export async function renderEntries(entries: readonly BatchEntry[], cwd: string, surface: Surface): Promise<string> {
  const shown = surface.isTerminal ? entries.slice(0, MAX_SHOWN) : entries;
  const { palette } = surface;
  const paint = (cell: string, column: string): string => {
    const colour = column === 'STATE' ? COLOURS[cell] : undefined;
    return colour === undefined ? cell : palette[colour](cell);
  };
  const rows = shown.map((entry, at) => [
    surface.isTerminal ? cleanLine(entry.id ?? String(at + 1), NAME_COLUMNS) : nameOf(entry),
    entry.outcome.replace('_', ' '),
    entry.summary.model ?? '',
    entry.summary.seconds === null ? '' : `${entry.summary.seconds}s`,
    entry.summary.size ?? '',
    shortCost(entry.summary) || 'unknown',
    resultOf(entry, cwd),
  ]);
  const head = ['ROW', 'STATE', 'MODEL', 'LENGTH', 'SIZE', 'COST', 'RESULT'];
  // Paths are copied from here, so other columns go before one is cut, and then it loses its middle.
  const isPath = (at: number): boolean => (shown[at]?.summary.files.length ?? 0) > 0 && shown[at]?.error === null;
  const longestPath = maxOf(rows, (row, at) => (isPath(at) ? columnsOf(cleanLine(row[6] ?? '')) : 0));
  const table = await renderTable(
    {
      head,
      rows,
      flexible: 'RESULT',
      least: Math.max(LEAST_RESULT, longestPath),
      optional: ['MODEL', 'SIZE', 'LENGTH', 'COST'],
      paint,
      losesMiddle: isPath,
    },
    surface,
  );
  const hidden = entries.length - shown.length;
  return hidden > 0 ? `${table}${palette.dim(`… and ${hidden} more; \`--json\` shows all`)}\n` : table;
}

const MAX_SHOWN = 100;
const LEAST_RESULT = 20;

const COLOURS: Readonly<Record<string, keyof Palette>> = {
  done: 'green',
  failed: 'red',
  running: 'cyan',
  unknown: 'yellow',
};

function nameOf({ id, line }: BatchEntry): string {
  return id ?? `line ${line}`;
}

function resultOf({ summary, error }: BatchEntry, cwd: string): string {
  const reason = error === null ? null : [error.message, error.causedBy].filter(Boolean).join(': ');
  const parts = [...summary.files.map(({ path }) => shortPath(path, cwd)), ...(reason === null ? [] : [reason])];
  if (parts.length > 0) return parts.join(', ');
  return summary.error?.message ?? summary.prompt ?? '';
}

/** The state of a running row. */
export interface RowActivity {
  readonly name: string;
  readonly startedMs: number;
  /** `queued`, `in progress`, `saving`. */
  what: string;
  /** 0 to 100. */
  progress: number | null;
}

export interface BoardState {
  readonly running: readonly RowActivity[];
  readonly count: BatchCount;
  readonly startedMs: number;
  /** Of rows that ended in this run. */
  readonly ended: number;
  /** Why creates wait, and until when; null if they do not. */
  readonly pause: { readonly reason: string; readonly untilMs: number } | null;
}

const NAME_COLUMNS = 20;
const MAX_NAME_COLUMNS = 60;
const MIN_BAR = 5;

/** One line per running row, as many as fit, and the totals. */
export function boardLines(
  state: BoardState,
  nowMs: number,
  { room, columns, glyphs }: { room: number; columns: number; glyphs: Glyphs },
): string[] {
  const shown = state.running.slice(0, Math.max(0, room - 2));
  const nameColumns = Math.min(MAX_NAME_COLUMNS, Math.max(8, Math.floor((columns - 24) / 2)));
  const lines = shown.map(({ name, startedMs, what, progress }) => {
    const percent = progress ?? 0;
    const start = `${padded(cleanLine(name, nameColumns), nameColumns)}  ${what.padEnd(11)}`;
    const end = `${String(Math.round(percent)).padStart(3)}%  ${formatElapsed(nowMs - startedMs)}`;
    const cells = columns - columnsOf(start) - Math.max(10, end.length) - 4;
    return [start, ...(cells < MIN_BAR ? [] : [renderBar(percent, cells, glyphs)]), end].join('  ');
  });
  if (state.running.length > shown.length) lines.push(`… and ${state.running.length - shown.length} more`);
  return [...lines, totals(state, nowMs)];
}

function padded(name: string, columns: number): string {
  return name + ' '.repeat(Math.max(0, columns - columnsOf(name)));
}

function totals({ count, startedMs, ended, pause }: BoardState, nowMs: number): string {
  const { done, failed, running, unknown, toDo, spent } = count;
  const left = ended === 0 ? null : ((nowMs - startedMs) / ended) * (running + unknown + toDo);
  const parts = [
    `${done} done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    `${running} running`,
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
    `${toDo} to do`,
    `spent: ${describePrice(spent)}`,
    ...(left === null || left <= 0 ? [] : [`about ${formatElapsed(left)} left`]),
  ];
  const waits = pause !== null && pause.untilMs > nowMs;
  return `${parts.join(' · ')}${waits ? `; ${cleanLine(pause.reason)}, resuming in ${formatElapsed(pause.untilMs - nowMs)}` : ''}`;
}
