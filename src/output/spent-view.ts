import { formatUsd, plainUsd, usdOf } from '../domain/money.ts';
import type { Doubt, Spent, SpentReport } from '../domain/spent.ts';
import { countOf } from '../domain/wording.ts';
import { cleanLine, columnsOf } from './clean-text.ts';
import type { Surface } from './surface.ts';
import { type Fact, GAP, maxOf, renderFacts, renderTable } from './table.ts';

const DOUBT_WORDS: Readonly<Record<Doubt, string>> = {
  failed: 'failed',
  moderation_blocked: 'blocked by moderation',
  cancelled: 'cancelled',
  expired: 'expired unfinished',
  outcome_unknown: 'without a response',
  no_price: 'without a known price',
};

/** Spending, for programs; the keys are a public interface. */
export function spentJson(spent: Spent): Record<string, unknown> {
  return {
    jobs: spent.jobs,
    spent_usd: usdOf(spent.spentMicros),
    estimated_usd: usdOf(spent.estimatedMicros),
    actual_usd: usdOf(spent.actualMicros),
    unknown: spent.doubtful.map(({ doubt, jobs, estimatedMicros }) => ({
      reason: doubt,
      jobs,
      estimated_usd: usdOf(estimatedMicros),
    })),
    refused: spent.refused,
  };
}

export const SPENT_JSON_SHAPE =
  '{"jobs","spent_usd","estimated_usd","actual_usd","unknown":[{"reason","jobs","estimated_usd"}],"refused"}';

type Groups = SpentReport['groups'];

/** A bar chart with sums on a terminal; in a pipe one row of numbers per group. */
export function renderSpent({ groups, total }: SpentReport, by: string, surface: Surface): Promise<string> | string {
  if (surface.isTerminal) return groups.length === 0 ? '' : renderChart(groups, total, by, surface);
  const rows = groups.map(([name, spent]) => [
    name ?? '',
    String(spent.jobs),
    plainUsd(spent.spentMicros),
    amountOf(spent.estimatedMicros, plainUsd),
    amountOf(spent.actualMicros, plainUsd),
    String(spent.doubtfulJobs),
    spent.doubtfulJobs === 0 ? '' : plainUsd(spent.doubtfulMicros),
    String(spent.refused),
  ]);
  return renderTable({ head: [], rows }, surface);
}

/** Empty if there are no such jobs. */
function amountOf(micros: number | null, format: (micros: number) => string): string {
  return micros === null ? '' : format(micros);
}

/** The column without a head. */
const BAR = '';
const [MIN_BAR, MAX_BAR] = [10, 30];

async function renderChart(groups: Groups, total: Spent, by: string, surface: Surface): Promise<string> {
  const columns: readonly (readonly [head: string, cell: (spent: Spent) => string])[] = [
    ['JOBS', ({ jobs }) => String(jobs)],
    ['SPENT', ({ spentMicros }) => formatUsd(spentMicros)],
    ['ESTIMATED', ({ estimatedMicros }) => amountOf(estimatedMicros, formatUsd)],
    ['ACTUAL', ({ actualMicros }) => amountOf(actualMicros, formatUsd)],
    ['UNKNOWN', describeDoubt],
  ];
  const shown = columns.filter(
    ([head]) =>
      (head !== 'UNKNOWN' || total.doubtfulJobs > 0) &&
      // If no server reported a price, everything is estimated.
      ((head !== 'ESTIMATED' && head !== 'ACTUAL') || total.actualMicros !== null),
  );
  const head = [by.toUpperCase(), ...shown.map(([title]) => title)];
  const rows = groups.map(([name, spent]) => [cleanLine(name ?? `no ${by}`), ...shown.map(([, cell]) => cell(spent))]);
  const widths = head.map((title, at) => maxOf(rows, (row) => columnsOf(row[at] ?? ''), title.length));
  const room = widths.reduce((left, width) => left - width - GAP, surface.columns);
  const drawBar = barsFor(groups, Math.min(MAX_BAR, Math.max(MIN_BAR, room)));
  const table = await renderTable(
    {
      head: [...head, BAR],
      rows: groups.map(([, spent], at) => [...(rows[at] ?? []), drawBar(spent)]),
      flexible: head[0],
      optional: ['ESTIMATED', 'ACTUAL', BAR],
      paint: (cell, column) => (column === BAR ? surface.palette.cyan(cell) : cell),
    },
    surface,
  );
  return `${table}\n${describeTotal(total, surface)}`;
}

/** `2 (≤ $0.80)`: the number of jobs and their estimate. */
function describeDoubt({ doubtfulJobs, doubtfulMicros }: Spent): string {
  if (doubtfulJobs === 0) return '';
  return doubtfulMicros === null ? String(doubtfulJobs) : `${doubtfulJobs} (≤ ${formatUsd(doubtfulMicros)})`;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Draws bars to one scale: solid for known spending, light for possible spending. */
function barsFor(groups: Groups, columns: number): (spent: Spent) => string {
  const longest = groups.reduce((most, [, { mostMicros }]) => Math.max(most, mostMicros), 1);
  return ({ spentMicros, mostMicros }) => {
    const eighths = Math.ceil(((spentMicros ?? 0) / longest) * columns * 8);
    const solid = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
    return solid.padEnd(Math.ceil((mostMicros / longest) * columns), '░');
  };
}

function describeTotal(total: Spent, { palette }: Surface): string {
  const parts = [
    total.estimatedMicros === null ? '' : `${formatUsd(total.estimatedMicros)} estimated`,
    total.actualMicros === null ? '' : `${formatUsd(total.actualMicros)} reported by the server`,
  ].filter(Boolean);
  const known = `${formatUsd(total.spentMicros)} for ${countOf(total.jobs - total.doubtfulJobs, 'job')}`;
  const facts: Fact[] = [
    ['total', parts.length > 0 ? `${known}: ${parts.join(', ')}` : null],
    ...total.doubtful.map(({ doubt, jobs, estimatedMicros }, at): Fact => {
      const estimate = estimatedMicros === null ? '' : `, estimated at ${formatUsd(estimatedMicros)}`;
      return [at === 0 ? 'unknown' : '', `${countOf(jobs, 'job')} ${DOUBT_WORDS[doubt]}${estimate}`];
    }),
    ['refused', total.refused > 0 ? `${countOf(total.refused, 'submission')}, at no cost` : null],
  ];
  return renderFacts(facts, palette);
}
