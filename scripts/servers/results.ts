// The results of `npm run test:servers`: their file, and the tables in docs/servers.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `cannot`: refused before paying. `fails`: the server cannot do it, which `sora` reports afterwards.
 * `wrong`: the server can do better.
 */
export type Outcome = 'ok' | 'cannot' | 'fails' | 'wrong' | 'skipped';

export interface Result {
  readonly outcome: Outcome;
  /** Why the outcome is not `ok`. */
  readonly reason?: string;
  /** Whether it is a known limit of the server, so that there is nothing to fix. */
  readonly isKnown?: boolean;
}

export interface Measured {
  readonly name: string;
  readonly version: string;
  /** By operation or call; empty if it could not be started, for `skipped`. */
  readonly results: Readonly<Record<string, Result>>;
  readonly skipped?: string;
}

export interface Results {
  readonly date: string;
  readonly servers: readonly Measured[];
  readonly clients: readonly Measured[];
}

export const RESULTS_FILE = join(import.meta.dirname, 'results.json');

export function readResults(): Results {
  return JSON.parse(readFileSync(RESULTS_FILE, 'utf8'));
}

/** Keeps the previous results of servers that were left out or skipped this time. */
export function mergeResults(before: Results, now: Results): Results {
  const merge = (old: readonly Measured[], fresh: readonly Measured[]): Measured[] => {
    const useful = fresh.filter(
      ({ name, skipped }) =>
        skipped === undefined || !old.some((kept) => kept.name === name && kept.skipped === undefined),
    );
    const replaced = new Map(useful.map((measured) => [measured.name, measured]));
    const known = old.map((kept) => replaced.get(kept.name) ?? kept);
    return [...known, ...useful.filter(({ name }) => !old.some((kept) => kept.name === name))];
  };
  return { date: now.date, servers: merge(before.servers, now.servers), clients: merge(before.clients, now.clients) };
}

export function writeResults(results: Results): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, null, 2)}\n`);
}

/** One row for each operation, one column for each server; reasons follow as notes. */
export function markdownTable(what: string, all: readonly Measured[]): string {
  const measured = all.filter(({ skipped }) => skipped === undefined);
  const operations = [...new Set(measured.flatMap(({ results }) => Object.keys(results)))];
  const reasons = [
    ...new Set(measured.flatMap(({ results }) => Object.values(results).flatMap(({ reason }) => reason ?? []))),
  ];
  const cell = ({ outcome, reason }: Result): string =>
    reason === undefined ? outcome : `${outcome} (${reasons.indexOf(reason) + 1})`;
  const rows = operations.map(
    (operation) =>
      `| ${operation} | ${measured.map(({ results }) => cell(results[operation] ?? { outcome: 'skipped' })).join(' | ')} |`,
  );
  const missing = all.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`- ${name}: skipped, ${skipped}`]));
  return [
    `| ${what} | ${measured.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`,
    `|---|${'---|'.repeat(measured.length)}`,
    ...rows,
    '',
    ...reasons.map((reason, at) => `${at + 1}. ${reason}`),
    ...(missing.length === 0 ? [] : ['', ...missing]),
  ].join('\n');
}
